import math
from types import SimpleNamespace

import numpy as np
import pytest

from features.declared import FEATURES
from features.known import known_of
from features.vector import vector_of
from features.words import in_unit, say
from models.reasons import LEAST_PUSH, MOST_AGAINST, MOST_FOR, Reasoner, factor
from tests.models.claims import facts, reading

NAMES = tuple(feature.name for feature in FEATURES)


@pytest.mark.parametrize("feature", FEATURES, ids=lambda f: f.name)
@pytest.mark.parametrize("raising", [True, False])
def test_every_feature_has_words_for_a_value_and_for_none(feature, raising):
    x = known_of(facts(7), reading(7).states)
    value = float(vector_of(x)[NAMES.index(feature.name)])
    for shown in (None if math.isnan(value) else value, None, 1.0, 0.0, 12_345.678):
        text = say(feature, x, shown, raising=raising)
        assert text
        assert not set("{}") & set(text)
        assert "nan" not in text.lower().split()
        assert not text.endswith(".")


def test_a_sentence_that_needs_what_is_not_known_gives_meaning_and_value_instead():
    x = known_of(facts(7, region=None), reading(7).states)
    feature = FEATURES[NAMES.index("amount_to_region_mean")]
    assert say(feature, x, 4.2, raising=True).endswith(": 4.2×")
    assert "None" not in say(feature, x, 4.2, raising=True)


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
        (44.0, "years", "44 years"),
    ],
)
def test_values_are_shown_as_a_reader_wants_them(value, unit, words):
    assert in_unit(value, unit) == words


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("pair_claims_30d", 1.0, "1 earlier claim of this member at this provider in 30 days"),
        ("pair_claims_30d", 0.0, "0 earlier claims of this member at this provider in 30 days"),
        ("member_confirmed_ever", 1.0, "1 claim of this member was confirmed as fraud"),
        ("member_confirmed_ever", 2.0, "2 claims of this member were confirmed as fraud"),
        ("provider_claims_7d", 1.0, "1 claim of this provider in 7 days"),
        ("amount_to_procedure_mean", 4.2, "Amount 4.2× the average of P001 (n = 1)"),
        ("amount_percentile_procedure", 1.0, "Amount above that of 100 % of the claims of P001 (n = 1)"),
        (
            "network_confirmed_neighbours",
            1.0,
            "Shares 1 member with 1 provider with confirmed fraud, the latest in May 2024",
        ),
        ("network_community_confirmed_share", 0.5, "1 other in its community of 3 has confirmed fraud"),
    ],
)
def test_one_is_told_in_the_singular(name, value, words):
    x = known_of(facts(7), reading(7).states)
    x.procedure.claims_365d = 1.0
    x.provider_network = SimpleNamespace(
        shared_with_confirmed=1.0,
        neighbours_confirmed=1.0,
        last_confirmed_us=1.7154e15,
        community_confirmed=1.0,
        community_size=3.0,
    )
    assert say(FEATURES[NAMES.index(name)], x, value, raising=True) == words


@pytest.mark.parametrize(("push", "words"), [(0.03, "1.03×"), (math.log(3.1), "3.1×"), (math.log(12), "12×")])
def test_a_push_is_shown_as_a_factor_on_the_odds(push, words):
    assert factor(push) == words


def told(phi: np.ndarray) -> list:
    x = known_of(facts(7), reading(7).states)
    return Reasoner(NAMES).reasons(x, vector_of(x), phi)


def test_pushes_of_one_meaning_are_added_even_where_they_pull_apart():
    phi = np.zeros(len(NAMES))
    phi[NAMES.index("amount_to_procedure_mean")] = 0.7
    phi[NAMES.index("amount_percentile_procedure")] = -0.2
    (reason,) = told(phi)
    assert reason.code == "amount_against_procedure"
    assert reason.push == pytest.approx(0.5)
    assert "the average of P001" in reason.text
    assert reason.text.endswith("raises the odds 1.6×")
    assert set(reason.features) >= {"amount_to_procedure_mean", "amount_percentile_procedure"}


def test_only_so_many_reasons_are_told_and_none_that_hardly_pushes():
    phi = np.random.default_rng(1).normal(0, 1, len(NAMES))
    reasons = told(phi)
    assert sum(r.direction == "for" for r in reasons) == MOST_FOR
    assert sum(r.direction == "against" for r in reasons) == MOST_AGAINST
    assert told(np.full(len(NAMES), LEAST_PUSH / 100)) == []
