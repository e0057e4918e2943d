import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from features.vector import FEATURE, FEATURE_NAMES, ModelSchema
from models.canary import in_canary
from models.explain import nearest_lower_amount, rises_with_amount


@given(amount=st.integers(2, 10**10), edge=st.floats(0.0011, 0.999))
def test_the_nearest_counterfactual_is_exact_to_the_cent_where_risk_rises_with_the_amount(amount, edge):
    first_flagged = max(2, round(amount * edge))
    tried: list[int] = []

    def probabilities_at(amounts: np.ndarray) -> np.ndarray:
        tried.extend(amounts.tolist())
        return np.where(amounts < first_flagged, 0.1, 0.9)

    found = nearest_lower_amount(amount, 0.5, probabilities_at, rises=True)
    if found is None:
        assert first_flagged <= max(1, round(amount * 0.001))
        return
    assert found.amount_cents == min(first_flagged, amount) - 1
    assert found.probability == 0.1
    assert "or less" in found.text
    assert all(0 < a < amount for a in tried)


@given(amount=st.integers(1, 10**8))
def test_there_is_no_counterfactual_where_no_lower_amount_is_below_the_threshold(amount):
    assert nearest_lower_amount(amount, 0.5, lambda amounts: np.full(len(amounts), 0.9), rises=True) is None


def test_a_counterfactual_is_not_called_or_less_when_a_lower_amount_is_flagged_again():
    def probabilities_at(amounts: np.ndarray) -> np.ndarray:
        return np.where((amounts > 4_000) & (amounts < 6_000), 0.1, 0.9)

    found = nearest_lower_amount(10_000, 0.5, probabilities_at, rises=False)
    assert found is not None
    assert found.amount_cents == 5_999
    assert found.text == "Would be below the threshold at an amount of 59.99, everything else equal"


def test_a_counterfactual_states_one_point_where_the_probability_may_rise_again_between_the_amounts_tried():
    """At 405.00 alone the probability is 0.9: no amount that was tried shows it, so "or less" would be false."""

    def probabilities_at(amounts: np.ndarray) -> np.ndarray:
        return np.where((amounts >= 70_000) | (amounts == 40_500), 0.9, 0.1)

    found = nearest_lower_amount(100_000, 0.5, probabilities_at, rises=False)
    assert found is not None
    assert found.amount_cents == 69_999
    assert found.text == "Would be below the threshold at an amount of 699.99, everything else equal"


def test_or_less_is_stated_only_by_a_model_constrained_in_every_feature_that_reads_the_amount():
    monotone = {name: FEATURE[name].monotone for name in FEATURE_NAMES if FEATURE[name].monotone is not None}
    schema = ModelSchema.of(FEATURE_NAMES)
    assert rises_with_amount(schema, monotone)
    for name in ("amount", "amount_score_own", "member_benefit_used"):
        without = {one: sign for one, sign in monotone.items() if one != name}
        assert not rises_with_amount(schema, without)
        assert rises_with_amount(ModelSchema.of([one for one in FEATURE_NAMES if one != name]), without)
    assert rises_with_amount(ModelSchema.of(["units"]), {})


def test_a_canary_keeps_its_claims_when_its_share_grows():
    claims = [f"clm_{n}" for n in range(20_000)]
    small = {c for c in claims if in_canary(c, 0.05)}
    large = {c for c in claims if in_canary(c, 0.2)}
    assert small < large
    assert 0.045 < len(small) / len(claims) < 0.055
    assert not any(in_canary(c, 0.0) for c in claims[:100])
    assert all(in_canary(c, 1.0) for c in claims[:100])
