"""Sentences of the facts of a pack by templates. They pass the same verifier as every other sentence.

A template is a list of alternatives. The first whose facts exist and that the verifier accepts is shown, so that the
right direction and the right plural are chosen by recomputing them, and a wrong template shows nothing.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from claims.narrative.facts import NarrativeFact
from claims.narrative.verifier import VerifiedSentence, verify

MAX_CLAIMS: Final = 5
"""Claims that a narrative mentions one by one: those with most money."""
_SLOT: Final = re.compile(r"\{([^{}]+)\}")
_CITED: Final = re.compile(r"\[([^\[\]]+)\]")

OF_CASE: Final[tuple[tuple[str, ...], ...]] = (
    tuple(
        f"The case {{case.id}} [case.id] concerns the {kind} {{subject.id}} [subject.id]."
        for kind in ("provider", "member", "ring")
    ),
    ("The case was opened on {case.opened} [case.opened].",),
    ("The detection of the case is dated {detection.date} [detection.date].",),
    ("The source of the detection is {detection.source} [detection.source].",),
    ("The category of the allegation is {allegation.category} [allegation.category].",),
    tuple(
        f"The case covers {{claims.count}} {claims} [claims.count] with {{claims.lines}} {lines} [claims.lines] "
        f"for {{claims.members}} {members} [claims.members]."
        for claims in ("claims", "claim")
        for lines in ("service lines", "service line")
        for members in ("members", "member")
    ),
    (
        "The services are dated from {claims.first_day} [claims.first_day] to {claims.last_day} [claims.last_day].",
        "The first service is dated {claims.first_day} [claims.first_day].",
    ),
    (
        (
            "The amount billed is {claims.billed} [claims.billed], the amount paid is {claims.paid} [claims.paid] and "
            "the amount at risk is {claims.at_risk} [claims.at_risk]."
        ),
    ),
    tuple(
        f"{{scores.count}} {claims} {verb} scored [scores.count], of which {{scores.flagged}} {flagged} flagged "
        "[scores.flagged]."
        for claims, verb in (("claims", "were"), ("claim", "was"))
        for flagged in ("were", "was")
    ),
)
OF_PATTERN: Final[tuple[tuple[str, ...], ...]] = (
    (
        *(
            f"{{subject}} is {{pattern.*.value}} [pattern.*.value], {median} the peer median of "
            f"{{pattern.*.peers.median}} [pattern.*.peers.median] and {top} the 95th percentile of the peers of "
            "{pattern.*.peers.p95} [pattern.*.peers.p95]."
            for median in ("above", "below", "the same as")
            for top in ("above", "below", "the same as")
        ),
        "{subject} is {pattern.*.value} [pattern.*.value].",
        '"{subject}" is {pattern.*.value} [pattern.*.value].',
    ),
    tuple(
        f"For {subject} the peer group has {{pattern.*.peers.n}} {peers} [pattern.*.peers.n]."
        for subject in ("{subject}", '"{subject}"')
        for peers in ("peers", "peer")
    ),
)
OF_CLAIM: Final[tuple[tuple[str, ...], ...]] = (
    (
        (
            "Claim {subject} was received on {claim.*.received} [claim.*.received] and billed at {claim.*.billed} "
            "[claim.*.billed], with {claim.*.paid} paid [claim.*.paid] and {claim.*.at_risk} at risk [claim.*.at_risk]."
        ),
        "Claim {subject} was billed at {claim.*.billed} [claim.*.billed].",
    ),
    tuple(
        f"Claim {{subject}} has a fraud probability of {{score.*.probability}} [score.*.probability], {direction} the "
        "threshold of {score.*.threshold} [score.*.threshold]."
        for direction in ("above", "below", "the same as")
    ),
)
OF_OUTCOME: Final[tuple[tuple[str, ...], ...]] = (
    tuple(f"{{actions.count}} {word} recorded in the case [actions.count]." for word in ("actions are", "action is")),
    tuple(f"{{records.count}} {word} obtained [records.count]." for word in ("records were", "record was")),
    (
        "The loss is {loss.amount} [loss.amount], and the method is {loss.method} [loss.method].",
        "The loss is {loss.amount} [loss.amount].",
    ),
    tuple(
        f"The random audit sample has {{sample.claims}} {claims} [sample.claims] of the "
        f"{{sample.frame_claims}} {frame} of the frame [sample.frame_claims]."
        for claims in ("claims", "claim")
        for frame in ("claims", "claim")
    ),
    (
        (
            "The overpayment is estimated at {sample.point} [sample.point], and the lower bound of the overpayment is "
            "{sample.lower_bound} [sample.lower_bound]."
        ),
    ),
)


def template_sentences(facts: Mapping[str, NarrativeFact]) -> tuple[VerifiedSentence, ...]:
    """A narrative of the facts of a pack."""
    found = [_first(alternatives, facts) for alternatives in _templates(facts)]
    return tuple(sentence for sentence in found if sentence is not None)


def _templates(facts: Mapping[str, NarrativeFact]) -> Iterator[tuple[str, ...]]:
    yield from OF_CASE
    for pattern, name in _about(facts, "pattern.*.value"):
        yield from _filled(OF_PATTERN, pattern, name)
    for claim in _largest_claims(facts):
        yield from _filled(OF_CLAIM, claim, claim)
    yield from OF_OUTCOME


def _filled(templates: Iterable[tuple[str, ...]], part: str, subject: str) -> Iterator[tuple[str, ...]]:
    for alternatives in templates:
        yield tuple(one.replace("*", part).replace("{subject}", subject) for one in alternatives)


def _about(facts: Mapping[str, NarrativeFact], measure: str) -> Iterator[tuple[str, str]]:
    """The part of the id that stands for `*`, and the subject, of each fact of a measure."""
    prefix, _, suffix = measure.partition("*")
    for fact in facts.values():
        if fact.measure == measure and fact.subject is not None:
            yield fact.fact_id.removeprefix(prefix).removesuffix(suffix), fact.subject


def _largest_claims(facts: Mapping[str, NarrativeFact]) -> list[str]:
    billed = [(fact, claim) for fact in facts.values() if fact.measure == "claim.*.billed" and (claim := fact.subject)]
    ranked = sorted(billed, key=lambda one: (-(one[0].magnitude or 0), one[1]))
    return [claim for _, claim in ranked[:MAX_CLAIMS]]


def _first(alternatives: Iterable[str], facts: Mapping[str, NarrativeFact]) -> VerifiedSentence | None:
    for template in alternatives:
        needed = {*_SLOT.findall(template), *_CITED.findall(template)}
        if not needed <= facts.keys():
            continue
        checked = verify(_SLOT.sub(lambda slot: facts[slot[1]].written, template), facts)
        if isinstance(checked, VerifiedSentence):
            return checked
    return None
