"""Sentences that the facts they cite entail are shown; all others are refused, each with a reason."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.narrative import RefusedSentence, StatedKind, VerifiedSentence, split_sentences, verify
from tests.claims.narratives import FACTS, fact

TRUE = (
    "The provider billed 14 claims [claims.count].",
    "Provider prv_42 [subject.id] submitted fourteen claims [claims.count].",
    "The number of claims is 14 [claims.count].",
    "The claims have 1,031 service lines [claims.lines] for one member [claims.members].",
    "13 claims were scored [scores.count], of which 9 were flagged [scores.flagged].",
    "The total amount billed was $12,345.67 [claims.billed], of which 2,345.67 was paid [claims.paid].",
    "The plan paid 2345.67 [claims.paid].",
    "Services took place from 3 January 2026 [claims.first_day] through May 1, 2026 [claims.last_day].",
    "The services range from 2026-01-03 to 2026-05-01 [claims.first_day] [claims.last_day].",
    "No records were obtained [records.count].",
    "Records were not obtained [records.count].",
    "There are no edits on claim clm_a1 [claim.clm_a1.edits].",
    'The source of detection is "weekly list" [detection.source].',
    "Claim clm_a1 has the status denied [claim.clm_a1.status].",
    "Claim clm_a1 was billed at 500.00 [claim.clm_a1.billed] and paid at 300.00 [claim.clm_a1.paid].",
    (
        "The amount billed for claim clm_a1 is 500.00 [claim.clm_a1.billed], 200.00 more than the amount of 300.00 "
        "paid [claim.clm_a1.paid]."
    ),
    (
        "The score of claim clm_a1 is 87.1 % [score.clm_a1.probability], which is above the threshold of 50.0 % "
        "[score.clm_a1.threshold]."
    ),
    "Billed per claim is 540.00 [pattern.p1.value], 1.8 times the peer median of 300.00 [pattern.p1.peers.median].",
    (
        "Billed per claim is 540.00 [pattern.p1.value], above the peer median of 300.00 [pattern.p1.peers.median] and "
        "below the 95th percentile of the peers of 600.00 [pattern.p1.peers.p95]."
    ),
)
FALSE = {
    "a wrong number": "The provider billed 15 claims [claims.count].",
    "a wrong number in words": "The provider billed fifteen claims [claims.count].",
    "a number of other things": "The case concerns 14 members [claims.count].",
    "a number that moved to another noun": "The provider billed 14 members in the claims [claims.count].",
    "a plural for one": "The claims are for 1 members [claims.members].",
    "a second number": "The provider billed 14 claims with 3 lines [claims.count].",
    "no value": "The provider billed claims [claims.count].",
    "a part for the whole": "14 of the claims were billed [claims.count].",
    "a part of what it is not part of": "14 claims billed [claims.count], of which 9 were flagged [scores.flagged].",
    "rounded money": "The provider billed 12,346.00 [claims.billed].",
    "a rounded share": "The score of claim clm_a1 is 87 % [score.clm_a1.probability].",
    "more decimals than are stated": "The score of claim clm_a1 is 87.14 % [score.clm_a1.probability].",
    "another measure": "The provider was paid 12,345.67 [claims.billed].",
    "another claim": "Claim clm_b2 was billed at 500.00 [claim.clm_a1.billed].",
    "another claim's citation": "Claim clm_a1 was billed at 500.00 [claim.clm_b2.billed].",
    "no claim": "The claim was billed at 500.00 [claim.clm_a1.billed].",
    "all claims": "The claims were billed at 500.00 [claim.clm_a1.billed].",
    "exchanged values": "Claim clm_a1 was billed 300.00 [claim.clm_a1.billed] and paid 500.00 [claim.clm_a1.paid].",
    "exchanged citations": "Claim clm_a1 was paid 500.00 and billed 300.00 [claim.clm_a1.billed] [claim.clm_a1.paid].",
    "exchanged days": "Services range from 2026-05-01 [claims.last_day] to 2026-01-03 [claims.first_day].",
    "the opposite direction": "Billed per claim is 540.00 [pattern.p1.value], below the peer median of 300.00 "
    "[pattern.p1.peers.median].",
    "a wrong factor": "Billed per claim is 540.00 [pattern.p1.value], 1.9 times the peer median of 300.00 "
    "[pattern.p1.peers.median].",
    "a wrong difference": "The amount billed for claim clm_a1 is 500.00 [claim.clm_a1.billed], 250.00 more than the "
    "amount of 300.00 paid [claim.clm_a1.paid].",
    "a bound": "The provider billed at least 14 claims [claims.count].",
    "a bound that looks like a comparison": "13 claims were scored [scores.count] and fewer than 14 claims billed "
    "[claims.count].",
    "a negation": "The provider did not bill 14 claims [claims.count].",
    "a negation of the verb": "9 claims were never flagged [scores.flagged].",
    "a double negation": "No records were not obtained [records.count].",
    "no for some": "No claims were flagged [scores.flagged].",
    "an actor who did not": "The provider flagged 9 claims [scores.flagged].",
    "an actor in another clause": "Provider prv_42 [subject.id] flagged 9 claims [scores.flagged].",
    "an actor behind by": "9 claims were flagged by the provider [scores.flagged].",
    "who pays": "The provider paid 2,345.67 [claims.paid].",
    "who is billed": "The provider was billed 12,345.67 [claims.billed].",
    "what a case does": "The case flagged 9 claims [scores.flagged].",
    "a range of something else": "The case began on 2026-01-03 [claims.first_day].",
    "a comparison with how many peers there are": (
        "Billed per claim: the peers are 62 peers [pattern.p1.peers.n], below the peer median of 300.00 "
        "[pattern.p1.peers.median]."
    ),
    "a comparison of a pattern with something else": (
        "Billed per claim is 540.00 [pattern.p1.value], below the billed amount of 12,345.67 [claims.billed]."
    ),
    "a quantifier": "All 14 claims were flagged [scores.flagged].",
    "a reason": "The provider billed 14 claims because of fraud [claims.count].",
    "a possibility": "The provider may have billed 14 claims [claims.count].",
    "an added statement": "The provider billed 14 claims [claims.count] and admitted fraud.",
    "an unquoted invention": 'The source of detection is "hotline" [detection.source].',
    "an invented fact": "The case has 14 complaints [complaints.count].",
    "an invented id": "Provider prv_43 [subject.id] billed 14 claims [claims.count].",
    "no citation": "The provider billed 14 claims.",
    "a citation before its clause": "[claims.count] The provider billed 14 claims.",
    "a question": "The provider billed 14 claims [claims.count]?",
    "two sentences": "The provider billed 14 claims [claims.count]. The case is closed.",
    "a look-alike letter": "The provider billed 14 cl\u0430ims [claims.count].",
    "look-alike digits": "The provider billed \uff11\uff14 claims [claims.count].",
    "an invisible character": "The provider billed 1\u200b4 claims [claims.count].",
    "a day that does not exist": "The case was opened on 2026-06-31 [case.opened].",
    "a sentence without end": f"The provider billed 14 claims {'of the case ' * 60}[claims.count].",
}


@pytest.mark.parametrize("sentence", TRUE)
def test_a_sentence_that_its_facts_entail_is_accepted_with_its_citations(sentence: str):
    checked = verify(sentence, FACTS)
    assert isinstance(checked, VerifiedSentence), checked.reason
    assert [f"[{fact_id}]" in sentence for fact_id in checked.fact_ids] == [True] * sentence.count("[")


@pytest.mark.parametrize("sentence", FALSE.values(), ids=FALSE.keys())
def test_a_sentence_with_anything_that_its_facts_do_not_entail_is_refused(sentence: str):
    checked = verify(sentence, FACTS)
    assert isinstance(checked, RefusedSentence)
    assert checked.reason


@pytest.mark.parametrize("providers", [None, 3])
def test_the_provider_is_not_mentioned_where_the_case_has_none_or_several(providers: int | None):
    facts = {fact_id: one for fact_id, one in FACTS.items() if fact_id != "subject.id" or providers}
    if providers:
        facts["claims.providers"] = fact("claims.providers", StatedKind.COUNT, providers)
    assert isinstance(verify("The provider billed 14 claims [claims.count].", facts), RefusedSentence)
    assert isinstance(verify("14 claims were billed [claims.count].", facts), VerifiedSentence)


@given(st.sampled_from(TRUE), st.data())
def test_a_sentence_is_refused_when_any_digit_of_it_changes(sentence: str, data: st.DataObject):
    """Numbers, amounts, shares, dates and ids, and the ids of cited facts."""
    places = [index for index, character in enumerate(sentence) if character.isdigit()]
    if not places:
        return
    place = data.draw(st.sampled_from(places))
    digit = data.draw(st.sampled_from("0123456789").filter(lambda one: one != sentence[place]))
    changed = sentence[:place] + digit + sentence[place + 1 :]
    assert isinstance(verify(changed, FACTS), RefusedSentence)


@given(st.sampled_from(TRUE), st.sampled_from(["not", "never", "fewer", "nearly", "almost", "no longer"]), st.data())
def test_a_sentence_is_refused_when_a_negation_or_limit_enters_it(sentence: str, word: str, data: st.DataObject):
    gaps = [index for index, character in enumerate(sentence) if character == " " and '"' not in sentence[:index]]
    place = data.draw(st.sampled_from(gaps))
    assert isinstance(verify(f"{sentence[:place]} {word}{sentence[place:]}", FACTS), RefusedSentence)


@given(st.sampled_from(TRUE), st.sampled_from(sorted(FACTS)), st.data())
def test_a_sentence_is_refused_when_it_cites_another_fact(sentence: str, other: str, data: st.DataObject):
    checked = verify(sentence, FACTS)
    cited = data.draw(st.sampled_from(checked.fact_ids))
    if other != cited:
        assert isinstance(verify(sentence.replace(f"[{cited}]", f"[{other}]"), FACTS), RefusedSentence)


@given(st.text(max_size=700))
def test_any_text_without_a_citation_is_refused_and_none_is_an_error(text: str):
    assert isinstance(verify(text, FACTS), RefusedSentence) or "[" in text


@given(st.lists(st.sampled_from(" ".join(TRUE).split()), max_size=25).map(" ".join))
def test_words_of_true_sentences_in_any_order_are_no_error(text: str):
    assert isinstance(verify(text, FACTS), VerifiedSentence | RefusedSentence)


def test_a_draft_is_divided_into_sentences_without_list_marks():
    draft = "- The case is A [a]. It has 1.5 [b].\n\n2. Third [c]."
    assert split_sentences(draft) == ["The case is A [a].", "It has 1.5 [b].", "Third [c]."]
