"""What a model's document says of its windows: what claims must come with, and what an export must hold."""

from claims.attributes import Attribute, AttributeType, window_attributes
from claims.windows import EntityWindow
from features.vector import AttributeEncoder
from models.artefact import ModelDocument

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
    assert list(found.windows) == ["w.claims_1d", "w.hours_since_last"]
    assert found.claim_attributes == ("terminal",)
    assert document().windows == {}
