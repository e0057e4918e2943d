"""Reasons are true: their texts, when they may be stated, and the features that carry them."""

import math
import re
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.reasons import contradicts
from claims.reason_groups import REASON_GROUPS
from features.declare import FEATURES
from features.vector import FEATURE, ModelSchema, describe, describe_series, format_value, inputs_of, vector_of
from models.explain import MAX_FACTS, MIN_CARRIED_SHARE, MIN_PUSH, Reasoner, TypicalClaim, format_factor, typical_claim
from tests.models.claims import facts, reading

NAMES = tuple(feature.name for feature in FEATURES)
SCHEMA = ModelSchema.of(NAMES)
SHOWN = st.floats(0, 5e4, allow_nan=False).map(lambda value: float(np.float32(value)))


@pytest.mark.parametrize("feature", FEATURES, ids=lambda f: f.name)
@pytest.mark.parametrize("raising", [True, False])
def test_every_feature_has_texts_for_a_value_and_for_a_missing_one(feature, raising):
    x = inputs_of(facts(7), reading(7).states)
    value = float(vector_of(x)[NAMES.index(feature.name)])
    for shown in (None if math.isnan(value) else value, None, 1.0, 0.0, 12_345.678):
        text = describe(feature, x, shown, raising=raising)
        assert text
        assert not set("{}") & set(text)
        assert "nan" not in text.lower().split()
        assert not text.endswith(".")


def test_a_sentence_with_an_unknown_value_falls_back_to_meaning_and_value():
    x = inputs_of(facts(7, region=None), reading(7).states)
    feature = FEATURES[NAMES.index("amount_to_region_mean")]
    assert describe(feature, x, 4.2, raising=True).endswith(": 4.2×")
    assert "None" not in describe(feature, x, 4.2, raising=True)


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (4.2, "ratio", "4.2×"),
        (0.5, "ratio", "0.50×"),
        (5000.0, "currency", "5,000.00"),
        (1.0, "days", "1 day"),
        (12.0, "days", "12 days"),
        (5.0, "hours", "5 hours"),
        (72.0, "hours", "3 days"),
        (0.97, "share", "97 %"),
        (0.004, "share", "0.4 %"),
        (0.997, "share", "99.7 %"),
        (0.9999, "share", "99.9 %"),
        (1.0, "share", "100 %"),
        (0.0, "share", "0 %"),
        (0.5, "hours", "30 minutes"),
        (1 / 60, "hours", "1 minute"),
        (1.0, "hours", "1 hour"),
        (-2.31, "deviations", "2.3 deviations below"),
        (3.0, "count", "3"),
        (1234.0, "count", "1,234"),
        (1.0, "units", "1 unit"),
    ],
)
def test_values_are_shown_as_a_reader_expects_them(value, unit, words):
    assert format_value(value, unit) == words


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("member_claims_30d", 1.0, "1 earlier claim of this member in 30 days"),
        ("member_claims_30d", 0.0, "0 earlier claims of this member in 30 days"),
        ("member_confirmed_ever", 1.0, "1 claim of this member was recorded as fraud"),
        ("member_confirmed_ever", 2.0, "2 claims of this member were recorded as fraud"),
        ("provider_claims_7d", 1.0, "1 claim of this provider in 7 days"),
        ("amount_to_procedure_mean", 4.2, "Amount 4.2× the average of P001 (n = 1)"),
        ("amount_percentile_procedure", 1.0, "Amount above that of 100 % of the claims of P001 (n = 1)"),
        (
            "network_confirmed_neighbours",
            1.0,
            "Shares 1 member with 1 provider on record for fraud, the latest in May 2024",
        ),
        ("network_community_confirmed_share", 0.5, "1 other in its community of 3 has a record of fraud"),
    ],
)
def test_a_count_of_one_is_worded_in_the_singular(name, value, words):
    x = inputs_of(facts(7), reading(7).states)
    x.procedure.claims_365d = 1.0
    x.provider_network = SimpleNamespace(
        shared_with_confirmed=1.0,
        neighbours_confirmed=1.0,
        last_confirmed_us=1.7154e15,
        community_confirmed=1.0,
        community_size=3.0,
    )
    assert describe(FEATURES[NAMES.index(name)], x, value, raising=True) == words


@pytest.mark.parametrize(("push", "words"), [(0.03, "1.03×"), (math.log(3.1), "3.1×"), (math.log(12), "12×")])
def test_a_contribution_is_shown_as_a_factor_on_the_odds(push, words):
    assert format_factor(push) == words


X = inputs_of(facts(7), reading(7).states)


def typical(**values: float | None) -> TypicalClaim:
    """A typical claim that adds nothing; pass the values that matter."""
    return TypicalClaim(
        claims=1, contributions=dict.fromkeys(NAMES, 0.0), values={name: values.get(name) for name in NAMES}
    )


def explained(phi: dict[str, float], values: dict[str, float], **usual: float | None):
    """The explanation of a claim with these contributions and values; other features are missing and add nothing."""
    row = np.array([values.get(name, math.nan) for name in NAMES], dtype=np.float32)
    return Reasoner(SCHEMA, typical(**usual)).explain(X, row, np.array([phi.get(name, 0.0) for name in NAMES]), -2.0)


def test_every_feature_has_a_group_and_every_group_a_feature():
    assert {feature.group for feature in FEATURES} == set(REASON_GROUPS)


@pytest.mark.parametrize("feature", [f for f in FEATURES if f.agrees.raises == f.agrees.lowers], ids=lambda f: f.name)
def test_texts_without_direction_are_the_same_in_both_directions(feature):
    assert feature.raises == feature.lowers


@pytest.mark.parametrize("code", sorted({f.code for f in FEATURES}))
def test_the_features_of_a_fact_are_of_one_group(code):
    assert len({f.group for f in FEATURES if f.code == code}) == 1


@settings(max_examples=1_000, deadline=None)
@given(
    name=st.sampled_from(NAMES),
    value=SHOWN | st.sampled_from([0.0, 1.0]),
    usual=SHOWN | st.none(),
    raising=st.booleans(),
)
def test_no_reason_contradicts_the_value_of_its_feature(name, value, usual, raising):
    feature = FEATURE[name]
    if feature.high is not None:
        value = float(np.float32(value % (feature.high + 1) if feature.type == "integer" else min(value, feature.high)))
        usual = None if usual is None else min(usual, feature.high)
    if feature.type != "number":
        value = round(value)
    x = inputs_of(facts(7), reading(7).states)
    recorded = value if feature.group.endswith("record") else 3.0
    vars(x.provider).update(confirmed_ever=recorded, confirmed_365d=recorded)
    x.provider_network = SimpleNamespace(
        shared_with_confirmed=value, neighbours_confirmed=value, last_confirmed_us=1.7e15,
        community_confirmed=value, community_size=9.0,
    )  # fmt: skip
    push = 0.7 if raising else -0.7
    row = np.full(len(NAMES), math.nan, dtype=np.float32)
    row[NAMES.index(name)] = value
    phi = np.zeros(len(NAMES))
    phi[NAMES.index(name)] = push
    for reason in Reasoner(SCHEMA, typical(**{name: usual})).explain(x, row, phi, 0.0).reasons:
        assert not contradicts(reason.text, reason.direction), reason.text
        assert reason.carrier == [f.name for f in FEATURES if f.code == feature.code] or name in reason.carrier
        assert not set("{}") & set(reason.text)
        assert not re.search(r"\bnan\b|None|\binf\b", reason.text), reason.text


@pytest.mark.parametrize(
    ("text", "direction", "away"),
    [
        ("Amount 0.20× the average of P001 (n = 3): raises the odds 1.2×", "for", True),
        ("Amount 4.2× the average of P001 (n = 3): lowers the odds 1.2×", "against", True),
        ("Amount 4.2× the average of P001 (n = 3): raises the odds 1.2×", "for", False),
        ("31 claims of this provider were recorded as fraud: lowers the odds 1.2×", "against", True),
        ("No claim of this provider was ever recorded as fraud: lowers the odds 1.2×", "against", False),
        ("Amount 2.3 deviations below the usual of P001 (n = 3): raises the odds 1.2×", "for", True),
        ("Amount above that of 97 % of the claims of P001 (n = 3): lowers the odds 1.2×", "against", True),
        ("3 units billed (typical: 3 units): raises the odds 1.2×", "for", True),
        ("1.7 claims for each member (typical: 1.3×); 3 units billed: together raise the odds 1.2×", "for", False),
        ("3 units billed (typical: 1 unit): lowers the odds 1.2×", "for", True),
    ],
)
def test_the_check_detects_a_contradiction_in_the_text(text, direction, away):
    assert contradicts(text, direction) is away


def test_the_typical_margin_and_the_groups_sum_to_the_margin():
    rng = np.random.default_rng(3)
    phi, usual = rng.normal(size=len(NAMES)), rng.normal(size=len(NAMES))
    about = TypicalClaim(
        claims=1, contributions=dict(zip(NAMES, usual.tolist(), strict=True)), values=dict.fromkeys(NAMES)
    )
    found = Reasoner(SCHEMA, about).explain(X, vector_of(X), phi, -3.0)
    assert found.typical_margin == pytest.approx(-3.0 + usual.sum())
    assert found.typical_margin + sum(g.push for g in found.groups) == pytest.approx(-3.0 + phi.sum())
    for group in found.groups:
        assert group.push == pytest.approx(sum(group.features.values()))
        assert {FEATURE[name].group for name in group.features} == {group.code}


def test_each_comparison_is_stated_once_in_its_most_readable_form():
    found = explained(
        {"amount_to_procedure_mean": 0.2, "amount_score_procedure": 0.9, "amount_percentile_procedure": 0.3},
        {"amount_to_procedure_mean": 4.2, "amount_score_procedure": 3.0, "amount_percentile_procedure": 0.97},
    )
    (reason,) = found.reasons
    assert reason.text.startswith("Amount 4.2× the average of P001 (n = ")
    assert "deviations" not in reason.text
    assert reason.text.endswith("raises the odds 4.1×")
    assert (reason.code, reason.kind, reason.carrier_share) == ("price_against_peers", "evidence", pytest.approx(1.0))


def test_a_low_price_never_raises_the_risk():
    assert explained({"amount_to_procedure_mean": 0.8}, {"amount_to_procedure_mean": 0.2}).reasons == []


def test_a_reason_states_the_reference_that_agrees_with_its_direction():
    found = explained(
        {"amount_to_procedure_mean": 0.6, "amount_percentile_procedure": 0.2},
        {"amount_to_procedure_mean": 0.95, "amount_percentile_procedure": 0.8},
    )
    assert found.reasons[0].text.startswith("Amount above that of 80 % of the claims of P001")


def test_a_record_of_fraud_never_lowers_and_is_a_prior():
    assert explained({"member_confirmed_ever": -0.9}, {"member_confirmed_ever": 3.0}).reasons == []
    (reason,) = explained({"member_confirmed_ever": 0.9}, {"member_confirmed_ever": 3.0}).reasons
    assert (reason.kind, reason.code) == ("prior", "member_record")


def test_several_facts_are_named_where_none_carries_the_reason_alone():
    phi = {"units": 0.4, "lines": 0.35, "stay_days": 0.3, "diagnoses": 0.05}
    values = {"units": 9.0, "lines": 4.0, "stay_days": 3.0, "diagnoses": 2.0}
    (reason,) = explained(phi, values, **dict.fromkeys(values, 1.0)).reasons
    assert reason.text.startswith("9 units billed (typical: 1 unit); The claim has 4 lines (typical: 1): together")
    assert reason.carrier == ["units", "lines"]
    assert reason.carrier_share == pytest.approx(0.75 / 1.1)


def test_a_small_net_contribution_of_large_parts_is_described_as_such():
    phi = {"units": 1.0, "stay_days": -0.8}
    (reason,) = explained(phi, {"units": 9.0, "stay_days": 1.0}, units=1.0, stay_days=1.0).reasons
    assert reason.text.endswith("raises the odds 1.2×, net of facts that point the other way")


def test_windows_of_one_count_are_stated_together_and_only_those_that_contribute():
    phi = {"member_claims_7d": 0.5, "member_claims_30d": 0.4, "member_claims_365d": 0.01}
    values = {"member_claims_7d": 4.0, "member_claims_30d": 9.0, "member_claims_90d": 9.0, "member_claims_365d": 20.0}
    usual = {"member_claims_7d": 0.0, "member_claims_30d": 1.0, "member_claims_90d": 2.0, "member_claims_365d": 5.0}
    (reason,) = explained(phi, values, **usual).reasons
    assert reason.text.startswith("Earlier claims of this member in 7 and 30 days: 4 and 9 (typical: 0 and 1): raises")
    assert reason.carrier == ["member_claims_7d", "member_claims_30d"]


def test_a_series_of_one_window_is_worded_as_a_single_fact():
    assert describe_series([FEATURE["member_claims_7d"]], [4.0], [None]) == "Earlier claims of this member in 7 days: 4"


def test_a_value_of_the_typical_claim_is_not_a_reason():
    assert explained({"diagnoses": 0.9}, {"diagnoses": 1.0}, diagnoses=1.0).reasons == []
    assert explained({"member_first_claim": -0.9}, {"member_first_claim": 0.0}, member_first_claim=0.0).reasons == []
    assert explained({"pair_first_claim": 0.9}, {"pair_first_claim": 1.0}, pair_first_claim=0.0).reasons


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.floats(0.01, 2))
def test_reasons_are_few_named_by_their_carriers_and_sorted_by_strength(seed, scale):
    rng = np.random.default_rng(seed)
    phi = rng.normal(0, scale, len(NAMES))
    found = Reasoner(SCHEMA, typical_of(seed)).explain(X, vector_of(X), phi, -2.0)
    pushes = {group.code: group.features for group in found.groups}
    for direction, sign in (("for", 1), ("against", -1)):
        mine = [reason for reason in found.reasons if reason.direction == direction]
        assert [abs(r.push) for r in mine] == sorted((abs(r.push) for r in mine), reverse=True)
        for reason in mine:
            parts = pushes[reason.code]
            assert reason.push * sign >= MIN_PUSH
            assert reason.odds == pytest.approx(math.exp(reason.push))
            assert MIN_CARRIED_SHARE <= reason.carrier_share <= 1 + 1e-9
            assert sum(parts[name] for name in reason.carrier) * sign >= MIN_CARRIED_SHARE * abs(reason.push) - 1e-9
            assert len(reason.text.rpartition(": ")[0].split("; ")) <= MAX_FACTS
            assert not contradicts(reason.text, reason.direction)


def typical_of(seed: int) -> TypicalClaim:
    rng = np.random.default_rng(seed)
    x = np.stack([vector_of(inputs_of(facts(n), reading(n).states)) for n in rng.integers(0, 1_000, 9).tolist()])
    return typical_claim(SCHEMA, x, rng.normal(0, 0.1, x.shape))


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 60), st.integers(0, 10_000))
def test_at_most_half_the_claims_lie_on_one_side_of_the_typical_claim(claims, seed):
    phi = np.random.default_rng(seed).standard_t(2, size=(claims, len(NAMES)))
    usual = typical_claim(SCHEMA, np.zeros((claims, len(NAMES)), dtype=np.float32), phi)
    for code in REASON_GROUPS:
        members = [i for i, name in enumerate(NAMES) if FEATURE[name].group == code]
        pushes = phi[:, members].sum(axis=1) - sum(usual.contributions[NAMES[i]] for i in members)
        assert (pushes > 1e-4).mean() <= 0.5
        assert (pushes < -1e-4).mean() <= 0.5


def test_a_feature_that_most_claims_lack_has_no_typical_value():
    x = np.full((9, len(NAMES)), np.nan, dtype=np.float32)
    x[:4, 0] = 1.0
    x[:6, 1] = 3.0
    usual = typical_claim(SCHEMA, x, np.zeros(x.shape))
    assert (usual.values[NAMES[0]], usual.values[NAMES[1]]) == (None, 3.0)


def test_a_model_without_a_typical_claim_is_explained_from_its_base():
    found = Reasoner(SCHEMA).explain(X, vector_of(X), np.zeros(len(NAMES)), -3.0)
    assert (found.typical_margin, found.reasons) == (-3.0, [])
