"""Templates state the facts of a pack, and every sentence of them passes the verifier."""

import re
from dataclasses import replace

import pytest

from claims.evidence import facts_of
from claims.narrative import (
    MEASURES,
    NarrativeFactError,
    StatedKind,
    VerifiedSentence,
    facts_by_id,
    narrative_facts,
    template_sentences,
    verify,
)
from tests.claims.evidence_packs import make_pack
from tests.claims.narratives import FACTS, fact


def text_of(facts) -> str:
    return " ".join(sentence.text for sentence in template_sentences(facts))


def test_the_narrative_of_a_pack_states_its_counts_money_patterns_and_claims():
    facts = narrative_facts(facts_of(make_pack()))
    sentences = template_sentences(facts)
    cited = {fact_id for sentence in sentences for fact_id in sentence.fact_ids}
    assert {"claims.count", "claims.billed", "subject.id", "case.opened"} <= cited
    assert any(one.startswith("claim.") for one in cited)
    assert any(one.startswith("pattern.") for one in cited)


def test_every_sentence_of_a_template_passes_the_verifier():
    facts = narrative_facts(facts_of(make_pack()))
    for sentence in template_sentences(facts):
        assert isinstance(verify(sentence.text, facts), VerifiedSentence)


def test_a_template_whose_facts_are_missing_states_nothing():
    assert template_sentences({}) == ()
    assert "loss" not in text_of(FACTS)


@pytest.mark.parametrize(("median", "direction"), [(30_000, "above"), (58_000, "below"), (54_000, "the same as")])
def test_the_direction_of_a_comparison_follows_from_the_values(median: int, direction: str):
    changed = {**FACTS, "pattern.p1.peers.median": replace(FACTS["pattern.p1.peers.median"], value=median)}
    assert f"{direction} the peer median" in text_of(changed)


def test_a_pattern_is_stated_in_words_and_by_its_name_where_another_has_the_same_words():
    facts = dict(facts_of(make_pack()))
    assert "Mean billed per claim of 99214 is 180.00 [pattern.p1.value]" in text_of(narrative_facts(facts))
    facts["pattern.p2.name"] = replace(facts["pattern.p1.name"], fact_id="pattern.p2.name", value="other pattern")
    facts["pattern.p2.value"] = replace(facts["pattern.p1.value"], fact_id="pattern.p2.value", value=100)
    assert "other pattern is 1.00 [pattern.p2.value]" in text_of(narrative_facts(facts))


def test_one_of_something_is_stated_in_the_singular():
    assert "for 1 member [claims.members]" in text_of(FACTS)
    several = {**FACTS, "claims.members": replace(FACTS["claims.members"], value=3)}
    assert "for 3 members [claims.members]" in text_of(several)


def test_no_other_member_is_named():
    """A pack numbers members; a narrative mentions at most how many there are."""
    assert not re.search(r"\bM\d+\b", text_of(narrative_facts(facts_of(make_pack()))))


def test_an_id_that_occurs_twice_is_refused():
    one = fact("claims.count", StatedKind.COUNT, 1)
    with pytest.raises(NarrativeFactError, match=r"claims\.count: the id occurs twice"):
        facts_by_id([one, one])


@pytest.mark.parametrize("value", [-1, True])
def test_a_count_is_a_whole_number_from_0(value: int):
    with pytest.raises(NarrativeFactError, match=r"claims\.count"):
        fact("claims.count", StatedKind.COUNT, value)


def test_every_fact_of_a_pack_that_has_a_measure_is_read():
    """A measure whose facts no pack has would be a wording of nothing."""
    read = {one.measure for one in narrative_facts(facts_of(make_pack())).values()}
    expected = set(MEASURES) - {"subject.member", "subject.ring", "subject.provider"}
    assert expected - read <= {"loss.amount", "loss.method"} | {one for one in MEASURES if one.startswith("sample.")}
