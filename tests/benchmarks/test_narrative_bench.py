"""The benchmark of narratives: no false sentence is shown, and nearly every true one is."""

import random
from collections import Counter

from benchmarks.narrative import measure
from benchmarks.narrative_lies import KINDS, lies
from benchmarks.narrative_truths import CaseOfFacts, truths
from claims.evidence import FactKind


def test_of_1000_false_sentences_none_is_shown_and_of_true_ones_95_percent():
    result = measure(1_000, 1_000, seed=1)
    assert (result.sentences, result.lies_planted, result.lies_shown) == (1_000, 1_000, 0)
    assert result.sentences_shown >= 950
    assert result.holds


def test_every_kind_of_false_sentence_is_planted_and_differs_from_every_true_one():
    chosen = random.Random(2)
    case = CaseOfFacts(chosen)
    planted = lies(case, chosen)
    assert set(Counter(kind for kind, _ in planted)) == set(KINDS)
    assert not {text for _, text in planted} & {truth.text for truth in truths(case, chosen)}


def test_true_sentences_state_every_kind_of_fact():
    chosen = random.Random(3)
    case = CaseOfFacts(chosen)
    cited = {case.facts[fact_id].kind for truth in truths(case, chosen) for fact_id in truth.fact_ids}
    assert cited == set(FactKind)
