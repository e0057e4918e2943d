"""What a model's document says of its windows: what claims must come with, and what an export must hold."""

import numpy as np

from claims.attributes import Attribute, AttributeType, window_attributes
from claims.windows import EntityWindow
from features.vector import FEATURE_NAMES, AttributeEncoder, ClaimVectors, ModelSchema
from models.artefact import ModelDocument
from tests.models.claims import facts

TIP = Attribute(type=AttributeType.NUMBER, meaning="Tip")
KEY = Attribute(type=AttributeType.KEY, meaning="Terminal")
CHIP = Attribute(type=AttributeType.BOOLEAN, meaning="Chip")
WINDOW = EntityWindow(
    key="terminal", lengths=("1d",), mean=("tip", "amount"), share=("chip",), distinct=("member_id",), last=("tip",)
)


def document(*names: str) -> ModelDocument:
    """A document whose features are these values of the window."""
    declared = window_attributes({"w": WINDOW}, {"tip": TIP, "terminal": KEY, "chip": CHIP})
    encoders = tuple(AttributeEncoder(name=name, attribute=declared[name]) for name in names)
    return ModelDocument.model_construct(attributes=encoders)


def test_a_claim_must_come_with_the_key_and_the_columns_of_windows_and_not_with_their_values() -> None:
    found = document("w.tip_mean_1d", "w.chip_share_1d", "w.amount_mean_1d", "w.member_id_distinct_1d")
    assert found.claim_attributes == ("terminal", "tip", "chip")
    assert {name: one.type for name, one in found.declared.items() if one.stated} == {
        "terminal": AttributeType.KEY,
        "tip": AttributeType.NUMBER,
        "chip": AttributeType.BOOLEAN,
    }


def test_the_windows_of_a_model_are_those_of_its_features() -> None:
    found = document("w.claims_1d", "w.hours_since_last")
    assert [window.kind for window in found.windows.values()] == ["claims", "hours_since_last"]
    assert all(name == window.wire_name for name, window in found.windows.items())
    assert found.claim_attributes == ("terminal",)
    assert document().windows == {}


def test_two_models_that_call_different_values_alike_are_sent_each_its_own() -> None:
    def of(delay_days: int) -> AttributeEncoder:
        window = EntityWindow(key="provider_id", lengths=("7d",), fraud_rate=True, delay_days=delay_days)
        name = "shop.fraud_rate_7d"
        return AttributeEncoder(name=name, attribute=window_attributes({"shop": window}, {})[name])

    early, late = of(0), of(30)
    sent = {early.attribute.window.wire_name: 0.25, late.attribute.window.wire_name: 0.75}  # type: ignore[union-attr]
    full = np.zeros(len(FEATURE_NAMES), dtype=np.float32)
    vectors = [ClaimVectors(ModelSchema.of([one.feature], [one])) for one in (early, late)]
    found = [one.of(full, facts(attributes=sent)) for one in vectors]
    assert [(row.tolist(), unknown) for row, unknown in found] == [([0.25], []), ([0.75], [])]
