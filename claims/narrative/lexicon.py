"""The words a narrative may use. A word that is not here is refused.

Words either only hold a sentence together, or stand for a concept. Which concepts a clause may have follows from the
fact that it cites (`claims.narrative.measures`).
"""

from collections.abc import Mapping
from enum import StrEnum, auto
from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


class Concept(StrEnum):
    """What a word or phrase stands for."""

    CASE = auto()
    SUBJECT_WORD = auto()
    CLAIM = auto()
    CLAIMS = auto()
    LINES = auto()
    MEMBER = auto()
    MEMBERS = auto()
    PROVIDER = auto()
    PROVIDERS = auto()
    PEERS = auto()
    RING = auto()
    PLAN = auto()
    INVESTIGATOR = auto()
    MODEL = auto()
    BILLED = auto()
    PAID = auto()
    AT_RISK = auto()
    FLAGGED = auto()
    SCORED = auto()
    RECEIVED = auto()
    OPENED = auto()
    DETECTED = auto()
    SERVICE = auto()
    FIRST = auto()
    LAST = auto()
    STATUS = auto()
    ALLEGATION = auto()
    CATEGORY = auto()
    SOURCE = auto()
    LOSS = auto()
    METHOD = auto()
    PROBABILITY = auto()
    THRESHOLD = auto()
    MEDIAN = auto()
    P95 = auto()
    P99 = auto()
    NUMBER_OF = auto()
    AMOUNT = auto()
    TOTAL = auto()
    DAYS = auto()
    RECORDS = auto()
    OBTAINED = auto()
    ACTIONS = auto()
    INDICATORS = auto()
    FACTORS = auto()
    EDITS = auto()
    FRAME = auto()
    SAMPLE = auto()
    OVERPAYMENT = auto()
    LOWER_BOUND = auto()
    INTERVAL = auto()
    CONFIDENCE = auto()


C = Concept

_PHRASES_OF: Final[Mapping[Concept, str]] = {
    C.CASE: "case, investigation",
    C.SUBJECT_WORD: "subject",
    C.CLAIM: "claim",
    C.CLAIMS: "claims",
    C.LINES: "line, lines, service line, service lines, claim line, claim lines",
    C.MEMBER: "member, patient",
    C.MEMBERS: "members, patients",
    C.PROVIDER: "provider",
    C.PROVIDERS: "providers",
    C.PEERS: "peer, peers, peer group, peer providers",
    C.RING: "ring",
    C.PLAN: "insurer, plan, payer",
    C.INVESTIGATOR: "investigator, reviewer",
    C.MODEL: "model",
    C.BILLED: "billed, bill, bills, charged, submitted",
    C.PAID: "paid, paid out, paid to, reimbursed, pay",
    C.AT_RISK: "at risk, undecided, not decided, not yet decided, not yet been decided, not been decided",
    C.FLAGGED: "flagged",
    C.SCORED: "scored",
    C.RECEIVED: "received, receipt",
    C.OPENED: "opened, opening",
    C.DETECTED: "detected, detection, identified, found",
    C.SERVICE: "service, services, service date, service dates, date of service, dates of service",
    C.FIRST: "first, earliest, begins, began, begin, starts, started, start, from, since",
    C.LAST: "last, latest, ends, ended, end, to, until, through, most recent",
    C.STATUS: "status",
    C.ALLEGATION: "allegation, alleged",
    C.CATEGORY: "category",
    C.SOURCE: "source",
    C.LOSS: "loss",
    C.METHOD: "method",
    C.PROBABILITY: "fraud probability, probability of fraud, fraud score, probability, score",
    C.THRESHOLD: "threshold, flagging threshold",
    C.MEDIAN: "median",
    C.P95: "95th percentile, p95",
    C.P99: "99th percentile, p99",
    C.NUMBER_OF: "number of, count of",
    C.AMOUNT: "amount, amounts",
    C.TOTAL: "sum, total, in total, altogether, in all",
    C.DAYS: "day, days",
    C.RECORDS: "record, records",
    C.OBTAINED: "obtained, on file, collected",
    C.ACTIONS: "action, actions",
    C.INDICATORS: "risk indicator, risk indicators",
    C.FACTORS: "mitigating factor, mitigating factors",
    C.EDITS: "edit, edits, claim edit, claim edits, finding, findings",
    C.FRAME: "frame, sampling frame",
    C.SAMPLE: "sample, sampled, random audit sample, random sample",
    C.OVERPAYMENT: "overpayment, overpaid",
    C.LOWER_BOUND: "lower bound, lower limit",
    C.INTERVAL: "interval, confidence interval",
    C.CONFIDENCE: "confidence, confidence level",
}
_COMPOUND: Final[Mapping[str, tuple[Concept, ...]]] = {
    "payment": (C.PAID, C.AMOUNT),
    "payments": (C.PAID, C.AMOUNT),
    "charges": (C.BILLED, C.AMOUNT),
    "billings": (C.BILLED, C.AMOUNT),
    "claim count": (C.NUMBER_OF, C.CLAIMS),
    "sample size": (C.NUMBER_OF, C.SAMPLE, C.CLAIMS),
}
WORDS: Final[Mapping[str, tuple[Concept, ...]]] = {
    **{phrase: (concept,) for concept, phrases in _PHRASES_OF.items() for phrase in phrases.split(", ")},
    **_COMPOUND,
}
"""Word or phrase → its concepts; the longest phrase is read first."""

FUNCTION_WORDS: Final = _words(
    "a an the of in on at by for with was were is are has have had be been being that which this these those its their "
    "there did do does stands stood contains contain contained includes include included covers cover covered "
    "comprises comprise comprised consists involves involve involved concerns concern concerned spans span spanned as "
    "dated date dates during within made given gave set sets period relates related attached comes came reads read "
    "named states stated estimated estimates calculated determined recorded shows showed shown issued sent lies lay "
    "seen compared against totals totaled totaling equals range ranges ranged drawn took take taken place provided "
    "performed covering including involving held among across value values occurred"
) | {
    *("amounts to", "amount to", "amounted to", "amounting to", "comes to", "came to", "adds up to", "add up to"),
    *("belong to", "belongs to", "relate to", "relates to", "related to", "equal to", "concluded with"),
}
"""Words that hold a clause together and state nothing."""

PASSIVE: Final = frozenset({"was", "were", "is", "are", "been", "be", "being"})
POSSESSION: Final = _words(
    "has have had contains contain contained includes include included covers cover covered comprises comprise "
    "comprised involves involve involved concerns concern concerned"
)
PREPOSITIONS: Final = frozenset({"of", "from", "for", "at", "to", "in", "on", "with", "paid to"})
ARTICLES: Final = frozenset({"the", "a", "an", "this", "these", "those", "its", "their"})

NEGATIONS: Final = frozenset({"no", "not", "none", "never", "zero"})
"""They state the value 0, and so are allowed only where a fact is 0."""

PART_CONNECTORS: Final = frozenset({"of which", "of these", "of them"})
"""They state that what follows is part of what precedes."""
CONNECTORS: Final = frozenset({",", ";", "and", "while", "with", "whereas", *PART_CONNECTORS})

ABOVE: Final = frozenset(
    {
        *("above", "higher than", "more than", "greater than", "larger than", "exceeds", "exceeded", "exceeding"),
        *("over", "in excess of"),
    }
)
BELOW: Final = frozenset({"below", "lower than", "less than", "fewer than", "smaller than", "short of"})
SAME: Final = frozenset({"the same as", "equal to", "equals", "identical to"})
LATER: Final = frozenset({"after", "later than"})
SOONER: Final = frozenset({"before", "earlier than", "prior to"})
TIMES: Final = "times"

_FROM_ONE: Final = """one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen twenty"""
NUMBER_WORDS: Final[Mapping[str, int]] = {word: number for number, word in enumerate(_FROM_ONE.split(), start=1)}

PHRASES: Final[frozenset[str]] = frozenset(
    {*WORDS, *FUNCTION_WORDS, *NEGATIONS, *CONNECTORS, *PART_CONNECTORS, *ABOVE, *BELOW, *SAME, *LATER, *SOONER, TIMES}
)
LONGEST_PHRASE: Final = max(len(phrase.split()) for phrase in PHRASES)

ACTORS: Final = frozenset(
    {C.PROVIDER, C.PROVIDERS, C.MEMBER, C.MEMBERS, C.PEERS, C.PLAN, C.INVESTIGATOR, C.MODEL, C.RING}
)
NOUNS: Final = ACTORS | {
    *(C.CASE, C.CLAIM, C.CLAIMS, C.LINES, C.RECORDS, C.ACTIONS, C.INDICATORS, C.FACTORS, C.EDITS, C.DAYS),
}
"""What a number may stand before."""
VERBS: Final[Mapping[str, Concept]] = {
    **dict.fromkeys(("billed", "bill", "bills", "charged", "submitted"), C.BILLED),
    **dict.fromkeys(("paid", "pay", "paid out", "paid to", "reimbursed"), C.PAID),
    **dict.fromkeys(("detected", "identified", "found"), C.DETECTED),
    **dict.fromkeys(("obtained", "collected"), C.OBTAINED),
    "flagged": C.FLAGGED,
    "scored": C.SCORED,
    "received": C.RECEIVED,
    "opened": C.OPENED,
    "alleged": C.ALLEGATION,
    "sampled": C.SAMPLE,
    "overpaid": C.OVERPAYMENT,
}
AGENTS: Final[Mapping[Concept, frozenset[Concept]]] = {
    C.BILLED: frozenset({C.PROVIDER}),
    C.PAID: frozenset({C.PLAN}),
    C.FLAGGED: frozenset({C.MODEL}),
    C.SCORED: frozenset({C.MODEL}),
}
"""Who does what a verb says; of a verb that is not here, no actor does."""
RECIPIENTS: Final[Mapping[Concept, frozenset[Concept]]] = {
    C.PAID: frozenset({C.PROVIDER}),
    C.BILLED: frozenset({C.PLAN}),
}
"""To whom what a verb says is done, where the actor is the subject of the passive."""
