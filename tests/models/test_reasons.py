import math

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
        (-2.31, "deviations", "2.3 deviations below"),
        (3.0, "count", "3"),
        (1234.0, "count", "1,234"),
        (1.0, "units", "1 unit"),
        (44.0, "years", "44 years"),
    ],
)
def test_values_are_shown_as_a_reader_wants_them(value, unit, words):
    assert in_unit(value, unit) == words


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
