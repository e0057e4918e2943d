"""How far a vector lies outside the training claims, and how much of the model is available for it."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.scoring import Score
from features.declare import VIEWS, RowKind
from features.vector import FEATURE, FEATURE_NAMES, ModelSchema, Reading, needs
from models.artefact import DOCUMENT, ModelDocument
from models.errors import SchemaMismatchError
from models.families import XGBoostModel
from models.gain import GainPresent, gain_shares
from models.scorer import ClaimToScore, Scorer
from models.training_range import RangeCheck, training_range
from tests.models import boosters, makers
from tests.models.claims import artefact, claim_to_score, facts, reading, training
from tests.models.test_scorer import models, scorer

NAMES = ("amount", "amount_score_procedure", "service_weekend", "provider_claims_30d")


def sample(rows: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = np.stack(
        [rng.lognormal(4, 1, rows), rng.normal(size=rows), rng.integers(0, 2, rows), rng.integers(0, 90, rows)], axis=1
    )
    return x.astype(np.float32)


def outside(check: RangeCheck, *values: float) -> tuple[list[str], int]:
    ((found, tails),) = check.findings(np.array([values], dtype=np.float32))
    return [one.feature for one in found], tails


def test_no_training_claim_lies_outside_its_own_range():
    x = sample(5_000)
    check = RangeCheck(ModelSchema.of(NAMES), training_range(ModelSchema.of(NAMES), x, sample(3_000, seed=1)))
    marks = check.outside(x)
    assert not marks[:, 0].any()
    assert (marks[:, 1].mean(axis=0) <= 0.002).all()
    assert marks[:, 1, 0].any()
    assert not marks[:, 1, 3].any()


def test_a_value_is_out_of_range_only_beyond_the_margin_of_its_unit():
    x = sample(5_000)
    check = RangeCheck(ModelSchema.of(NAMES), training_range(ModelSchema.of(NAMES), x, x))
    most, busiest = float(x[:, 0].max()), float(x[:, 3].max())
    assert outside(check, most * 1.9, 0, 1, 5) == ([], 1)
    assert outside(check, most * 2.1, 0, 1, 5) == (["amount"], 1)
    assert outside(check, 1e-3, 0, 1, 5)[0] == ["amount"]
    assert outside(check, 50, 30.0, 1, 5)[0] == ["amount_score_procedure"]
    assert outside(check, 50, 0, 1, busiest * 9) == ([], 0)  # the past grows with the business
    assert outside(check, 50, 0, 1, busiest * 11) == (["provider_claims_30d"], 1)


@pytest.mark.parametrize(
    "name", ["member_hours_since_last", "provider_hours_since_last", "provider_claims_365d", "network_degree"]
)
def test_less_of_a_past_than_any_training_claim_had_is_not_out_of_range(name):
    """Claims sent in one batch are seconds apart; none of the training claims need have been."""
    x = np.linspace(40, 900, 500, dtype=np.float32).reshape(-1, 1)
    check = RangeCheck(ModelSchema.of((name,)), training_range(ModelSchema.of((name,)), x, x))
    for value in (0.0, 1e-4, 1.0):
        assert not check.outside(np.array([[value]], dtype=np.float32))[:, 0].any()
    assert check.outside(np.array([[9_001.0]], dtype=np.float32))[:, 0].any()


@pytest.mark.parametrize("name", ["provider_new_member_share_90d", "provider_age_days", "network_tie_share"])
def test_a_feature_of_the_past_is_in_a_tail_only_where_it_is_out_of_range(name):
    x = np.linspace(0.2, 0.4, 2_000, dtype=np.float32).reshape(-1, 1)
    check = RangeCheck(ModelSchema.of((name,)), training_range(ModelSchema.of((name,)), x, x))
    for value in (0.0, 0.1, 0.9, 1.0):
        assert not check.outside(np.array([[value]], dtype=np.float32)).any()


def test_a_few_events_that_are_rare_in_training_are_not_out_of_range():
    x = np.array([0, 0, 0, 1, 2], dtype=np.float32).reshape(-1, 1)
    name = "network_shared_with_confirmed"
    check = RangeCheck(ModelSchema.of((name,)), training_range(ModelSchema.of((name,)), x, x))
    assert not check.outside(np.array([[45.0]], dtype=np.float32)).any()
    assert check.outside(np.array([[450.0]], dtype=np.float32))[:, 0].any()


def test_a_missing_value_is_neither_out_of_range_nor_in_a_tail():
    x = sample(2_000)
    check = RangeCheck(ModelSchema.of(NAMES), training_range(ModelSchema.of(NAMES), x, x))
    assert outside(check, np.nan, np.nan, np.nan, np.nan) == ([], 0)


def test_a_feature_missing_in_all_training_claims_has_a_range():
    x = sample(100)
    x[:, 1] = np.nan
    made = training_range(ModelSchema.of(NAMES), x, x)
    assert made.low[1] <= made.high[1]


def test_the_tail_limit_is_kept_by_all_but_one_in_a_thousand_of_later_claims():
    later = sample(20_000, seed=2)
    made = training_range(ModelSchema.of(NAMES), sample(5_000), later)
    tails = RangeCheck(ModelSchema.of(NAMES), made).outside(later)[:, 1].sum(axis=1)
    assert (tails > made.tail_limit).mean() <= 0.001
    assert made.tail_limit <= tails.max()


@given(
    st.lists(st.floats(width=32, allow_nan=True, allow_infinity=False), min_size=1, max_size=60),
    st.sampled_from(FEATURE_NAMES),
)
def test_a_range_is_finite_and_contains_its_training_claims_for_all_values(values, name):
    x = np.array(values, dtype=np.float32).reshape(-1, 1)
    x = np.clip(x, -1e30, 1e30)
    made = training_range(ModelSchema.of((name,)), x, x)
    assert json.loads(made.model_dump_json())["low"][0] is not None
    assert not RangeCheck(ModelSchema.of((name,)), made).outside(x)[:, 0].any()


def test_a_score_names_each_feature_out_of_range_with_value_and_bounds():
    one = claim_to_score(2003, amount_cents=90_000_000_00)
    score = scorer().score(one.facts, one.reading)
    found = {out.feature: out for out in score.out_of_range}
    assert "amount" in found
    assert found["amount"].value == pytest.approx(90_000_000.0)
    assert found["amount"].value > found["amount"].high
    assert all(not out.low <= out.value <= out.high for out in score.out_of_range)
    assert score.tail_features >= len({"amount", "amount_to_procedure_mean"})
    assert score.tail_limit is not None
    usual = scorer().score(facts(5), reading(5))
    assert usual.out_of_range == []


def test_a_score_of_a_model_without_a_training_range_states_it():
    made = artefact(models(), version="v-no-range")
    document = made.document.model_copy(update={"format": 1, "training_range": None})
    old = Scorer(type(made)(**{**{f: getattr(made, f) for f in made.__slots__}, "document": document}))
    one = claim_to_score(2003, amount_cents=90_000_000_00)
    score = old.score(one.facts, one.reading)
    assert (score.out_of_range, score.tail_features, score.tail_limit) == ([], 0, None)


def test_a_document_of_the_first_format_has_no_range_and_ranges_fit_the_features():
    made = artefact(models(), version="v-format")
    stored = json.loads((made.path / DOCUMENT).read_text())
    assert stored["format"] == 2
    with pytest.raises(ValueError, match="format 1 cannot have a training_range"):
        ModelDocument.model_validate(stored | {"format": 1})
    short = stored["training_range"] | {
        name: stored["training_range"][name][:-1] for name in ("low", "high", "tail_low", "tail_high")
    }
    with pytest.raises(ValueError, match="does not match the features"):
        ModelDocument.model_validate(stored | {"training_range": short})
    assert ModelDocument.model_validate(stored | {"format": 1, "training_range": None}).training_range is None


def gain(**changes: object) -> float:
    one = ClaimToScore(facts(7, **changes), reading(7))
    return scorer().score(one.facts, one.reading).gain_present


def test_the_gain_present_is_1_with_all_views_and_small_without_history():
    assert gain() == 1.0
    nothing = Reading(
        {view.name: None for view in VIEWS}, {view.name: None for view in VIEWS}, tuple(v.name for v in VIEWS)
    )
    blind = scorer().score(facts(7), nothing)
    shares = dict(zip(FEATURE_NAMES, gain_shares(scorer().artefact.model), strict=True))
    views = {view.group for view in VIEWS}
    own = sum(share for name, share in shares.items() if not needs(FEATURE[name]) & views)
    assert blind.gain_present == pytest.approx(own)
    assert blind.gain_present < 0.35


@pytest.mark.parametrize(
    ("fact", "needed"),
    [
        ("benefit_limit_cents", {"benefit_limit_cents"}),
        ("specialty", {"procedure_specialty", "specialty"}),
        ("region", {"procedure_region"}),
        ("place_of_service", {"inpatient", "emergency", "remote"}),
    ],
)
def test_a_missing_fact_removes_the_gain_of_the_features_that_need_it(fact, needed):
    shares = zip(FEATURE_NAMES, gain_shares(scorer().artefact.model), strict=True)
    lost = sum(share for name, share in shares if needs(FEATURE[name]) & needed)
    assert gain(**{fact: None}) == pytest.approx(1.0 - lost)


def test_a_key_never_seen_was_available():
    unseen = Reading(
        {view.name: None if view.kind is RowKind.WEEKLY else view.zeros for view in VIEWS},
        {view.name: None for view in VIEWS},
        (),
    )
    first = scorer().score(facts(7), unseen)
    shares = dict(zip(FEATURE_NAMES, gain_shares(scorer().artefact.model), strict=True))
    network = sum(share for name, share in shares.items() if "provider_network" in needs(FEATURE[name]))
    assert first.gain_present == pytest.approx(1.0 - network)


def test_a_model_without_a_split_has_everything_it_needs():
    class Bare:
        def gains(self) -> np.ndarray:
            return np.zeros(len(FEATURE_NAMES))

    present = GainPresent(Bare(), ModelSchema.of(FEATURE_NAMES))  # type: ignore[arg-type]
    assert present.of(["provider", "member"]) == 1.0


def test_a_booster_with_gain_in_features_the_model_does_not_have_is_refused():
    unnamed = XGBoostModel(boosters.train(makers.vectors(200, 6), makers.labels(200, 6)))
    with pytest.raises(SchemaMismatchError, match="feature names"):
        gain_shares(unnamed)


def test_the_gain_shares_of_a_model_sum_to_one():
    shares = gain_shares(scorer().artefact.model)
    assert shares.sum() == pytest.approx(1.0)
    assert (shares >= 0).all()
    assert len(training()[0][0]) == len(shares)


def test_a_batch_gets_the_same_support_as_single_claims():
    claims = [claim_to_score(n, amount_cents=10**k) for n, k in ((1, 3), (2, 9), (3, 5))]
    together: list[Score] = scorer().score_many(claims)
    for one, score in zip(claims, together, strict=True):
        alone = scorer().score(one.facts, one.reading)
        assert (alone.gain_present, alone.out_of_range, alone.tail_features) == (
            score.gain_present,
            score.out_of_range,
            score.tail_features,
        )
