"""Cases with random facts, and true sentences about them in the words of people who write case summaries.

The sentences are written without the verifier and its templates: they know the facts and nothing of the grammar. Each
kind of fact has several wordings, and values are written in several ways.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from claims.evidence import EvidenceFact, FactKind

_PATTERNS: Final = (
    ("Billed per claim", FactKind.MONEY),
    ("Claims per working day", FactKind.NUMBER),
    ("Share of claims with the highest level of visit", FactKind.SHARE),
    ("Claims on the busiest day", FactKind.COUNT),
)


@dataclass(frozen=True, slots=True)
class Truth:
    """A sentence that follows from its facts."""

    text: str
    fact_ids: tuple[str, ...]
    greater: bool | None = None
    """Of a comparison: whether the first value is greater."""


class CaseOfFacts:
    """A case with random facts."""

    def __init__(self, chosen: random.Random) -> None:
        self.facts: dict[str, EvidenceFact] = {}
        self._chosen = chosen
        self.provider = f"prv_{chosen.randrange(10**6):06d}"
        self.claims = [f"clm_{number:08x}" for number in chosen.sample(range(16**8), chosen.randint(3, 12))]
        self.patterns = list(_PATTERNS)
        self._case()
        for claim in self.claims:
            self._claim(claim)
        for number, (name, kind) in enumerate(_PATTERNS, start=1):
            self._pattern(f"pattern.p{number}", name, kind)

    def _add(self, fact_id: str, kind: FactKind, value: int | float | str | date | datetime) -> None:
        self.facts[fact_id] = EvidenceFact(fact_id, kind, value, fact_id)

    def _cents(self) -> int:
        return self._chosen.randint(1_000, 9_999_999)

    def _day(self) -> date:
        return date(2026, 1, 1) + timedelta(days=self._chosen.randrange(150))

    def _case(self) -> None:
        chosen = self._chosen
        self._add("case.id", FactKind.ID, f"cas_{chosen.randrange(16**8):08x}")
        self._add("case.opened", FactKind.INSTANT, datetime.combine(self._day(), time(9), UTC))
        self._add("subject.kind", FactKind.TEXT, "provider")
        self._add("subject.id", FactKind.ID, self.provider)
        self._add("detection.source", FactKind.TEXT, chosen.choice(["weekly list of leads", "hotline", "random audit"]))
        self._add("detection.date", FactKind.DATE, self._day())
        self._add("allegation.category", FactKind.TEXT, chosen.choice(["fraud", "waste", "abuse", "billing_error"]))
        self._add("claims.count", FactKind.COUNT, len(self.claims))
        self._add("claims.lines", FactKind.COUNT, len(self.claims) + chosen.randint(2, 30))
        self._add("claims.members", FactKind.COUNT, chosen.randint(2, len(self.claims)))
        self._amounts("claims")
        first = self._day()
        self._add("claims.first_day", FactKind.DATE, first)
        self._add("claims.last_day", FactKind.DATE, first + timedelta(days=chosen.randint(1, 120)))
        self._add("actions.count", FactKind.COUNT, chosen.choice([0, 2, 3, 7]))
        self._add("records.count", FactKind.COUNT, chosen.choice([0, 2, 5, 12]))
        self._add("loss.amount", FactKind.MONEY, self._cents())
        self._add("loss.method", FactKind.TEXT, "paid amount of unsupported claims")
        self._add("sample.frame_claims", FactKind.COUNT, chosen.randint(100, 5_000))
        self._add("sample.claims", FactKind.COUNT, chosen.randint(20, 99))
        self._add("sample.point", FactKind.MONEY, self._cents())
        self._add("sample.lower_bound", FactKind.MONEY, self._cents())
        self._add("scores.count", FactKind.COUNT, len(self.claims))
        self._add("scores.flagged", FactKind.COUNT, chosen.randint(2, len(self.claims)))

    def _amounts(self, own: str) -> None:
        paid, at_risk, denied = self._cents(), self._cents(), self._cents()
        for name, cents in (("billed", paid + at_risk + denied), ("paid", paid), ("at_risk", at_risk)):
            self._add(f"{own}.{name}", FactKind.MONEY, cents)

    def _claim(self, claim: str) -> None:
        chosen = self._chosen
        self._add(f"claim.{claim}.received", FactKind.INSTANT, datetime.combine(self._day(), time(12), UTC))
        self._add(f"claim.{claim}.status", FactKind.TEXT, chosen.choice(["in_review", "approved", "denied", "paid"]))
        self._amounts(f"claim.{claim}")
        self._add(f"claim.{claim}.lines", FactKind.COUNT, chosen.randint(2, 9))
        self._add(f"claim.{claim}.edits", FactKind.COUNT, chosen.choice([0, 2, 3]))
        self._add(f"score.{claim}.probability", FactKind.SHARE, chosen.randint(10, 999) / 1_000)
        self._add(f"score.{claim}.threshold", FactKind.SHARE, 0.55)
        self._add(f"score.{claim}.risk_indicators", FactKind.COUNT, chosen.randint(2, 8))

    def _pattern(self, own: str, name: str, kind: FactKind) -> None:
        self._add(f"{own}.name", FactKind.TEXT, name.lower().replace(" ", "_"))
        for part in ("value", "peers.median", "peers.p95"):
            self.facts[f"{own}.{part}"] = EvidenceFact(f"{own}.{part}", kind, self._in_unit(kind), name)
        self._add(f"{own}.peers.n", FactKind.COUNT, self._chosen.randint(20, 400))

    def _in_unit(self, kind: FactKind) -> int | float:
        match kind:
            case FactKind.MONEY:
                return self._cents()
            case FactKind.SHARE:
                return self._chosen.randint(1, 999) / 1_000
            case FactKind.COUNT:
                return self._chosen.randint(2, 90)
            case _:
                return self._chosen.randint(100, 9_999) / 100


ZERO_WORDINGS: Final[Mapping[str, Sequence[str]]] = {
    "actions.count": (
        "No action has been recorded in this case [actions.count].",
        "There were no actions in the case [actions.count].",
    ),
    "records.count": (
        "No records were obtained [records.count].",
        "There are no records on file for this case [records.count].",
    ),
}
CASE_WORDINGS: Final[Sequence[str]] = (
    "This case concerns provider {subject.id} [subject.id].",
    "The subject of the case is the provider {subject.id} [subject.id].",
    "Case {case.id} [case.id] involves provider {subject.id} [subject.id].",
    "The investigation of provider {subject.id} [subject.id] was opened on {case.opened} [case.opened].",
    "The case was opened on {case.opened} [case.opened].",
    "This case was opened on {case.opened} [case.opened] for provider {subject.id} [subject.id].",
    (
        "The subject was identified on {detection.date} [detection.date] and the source of detection was "
        '"{detection.source}" [detection.source].'
    ),
    "Detection took place on {detection.date} [detection.date].",
    "The case was detected on {detection.date} [detection.date].",
    'The source of the detection was "{detection.source}" [detection.source].',
    'The category of the allegation is "{allegation.category}" [allegation.category].',
    'The alleged category is "{allegation.category}" [allegation.category].',
    "The case covers {claims.count} claims [claims.count].",
    "The case includes {claims.count} claims [claims.count] and {claims.lines} service lines [claims.lines].",
    "The provider submitted {claims.count} claims [claims.count] with {claims.lines} lines [claims.lines].",
    "The provider billed {claims.count} claims [claims.count] for {claims.members} members [claims.members].",
    "There are {claims.count} claims in this case [claims.count], covering {claims.members} patients [claims.members].",
    "The claims involve {claims.members} members [claims.members].",
    "In total, {claims.count} claims were submitted [claims.count].",
    "The number of claims in the case is {claims.count} [claims.count].",
    "The provider billed a total of {claims.billed} [claims.billed].",
    "The total amount billed was {claims.billed} [claims.billed], of which {claims.paid} was paid [claims.paid].",
    "The claims were billed at {claims.billed} [claims.billed] and paid at {claims.paid} [claims.paid].",
    "Total billed charges were {claims.billed} [claims.billed].",
    "The billed amount comes to {claims.billed} [claims.billed].",
    "The amount paid for the claims is {claims.paid} [claims.paid].",
    "The insurer paid {claims.paid} [claims.paid] to the provider.",
    "The provider was paid {claims.paid} [claims.paid].",
    "Payments totaled {claims.paid} [claims.paid].",
    "A further {claims.at_risk} is still at risk [claims.at_risk].",
    "The amount at risk is {claims.at_risk} [claims.at_risk].",
    "An amount of {claims.at_risk} is at risk [claims.at_risk].",
    "{claims.at_risk} of the billed amount has not yet been decided [claims.at_risk].",
    "The dates of service range from {claims.first_day} [claims.first_day] to {claims.last_day} [claims.last_day].",
    "Services were provided from {claims.first_day} [claims.first_day] through {claims.last_day} [claims.last_day].",
    (
        "The first service was on {claims.first_day} [claims.first_day] and the last on {claims.last_day} "
        "[claims.last_day]."
    ),
    "The earliest date of service is {claims.first_day} [claims.first_day].",
    "The claims cover services from {claims.first_day} to {claims.last_day} [claims.first_day] [claims.last_day].",
    "The most recent service was on {claims.last_day} [claims.last_day].",
    "The estimated loss is {loss.amount} [loss.amount].",
    'The loss was determined to be {loss.amount} [loss.amount] by the method "{loss.method}" [loss.method].',
    "The loss amounts to {loss.amount} [loss.amount].",
    (
        "A random sample of {sample.claims} claims was drawn [sample.claims] from a frame of "
        "{sample.frame_claims} claims [sample.frame_claims]."
    ),
    "The sample includes {sample.claims} claims [sample.claims].",
    "The sampling frame has {sample.frame_claims} claims [sample.frame_claims].",
    "The estimated overpayment is {sample.point} [sample.point].",
    (
        "The overpayment is estimated at {sample.point} [sample.point], with a lower bound of {sample.lower_bound} "
        "[sample.lower_bound]."
    ),
    "The lower bound of the overpayment is {sample.lower_bound} [sample.lower_bound].",
    "The model scored {scores.count} claims [scores.count], of which {scores.flagged} were flagged [scores.flagged].",
    "{scores.flagged} claims were flagged by the model [scores.flagged].",
    "Of the claims, {scores.flagged} were flagged [scores.flagged].",
    "The model flagged {scores.flagged} claims [scores.flagged].",
)
CLAIM_WORDINGS: Final[Sequence[str]] = (
    "Claim {claim} was billed at {billed} [claim.{claim}.billed].",
    "The provider billed {billed} for claim {claim} [claim.{claim}.billed].",
    "For claim {claim}, the billed amount is {billed} [claim.{claim}.billed].",
    "Claim {claim} was billed at {billed} [claim.{claim}.billed] and paid at {paid} [claim.{claim}.paid].",
    "The amount paid for claim {claim} was {paid} [claim.{claim}.paid].",
    "Claim {claim} was paid {paid} [claim.{claim}.paid].",
    "On claim {claim}, {at_risk} is at risk [claim.{claim}.at_risk].",
    "Claim {claim} has an amount at risk of {at_risk} [claim.{claim}.at_risk].",
    "Claim {claim} was received on {received} [claim.{claim}.received].",
    "Claim {claim} was received on {received} [claim.{claim}.received] and has {lines} lines [claim.{claim}.lines].",
    "There are {lines} service lines on claim {claim} [claim.{claim}.lines].",
    'The status of claim {claim} is "{status}" [claim.{claim}.status].',
    'Claim {claim} has the status "{status}" [claim.{claim}.status].',
    "Claim {claim} has a fraud probability of {probability} [score.{claim}.probability].",
    "The model estimates the probability of fraud of claim {claim} at {probability} [score.{claim}.probability].",
    "Claim {claim} shows {risk_indicators} risk indicators [score.{claim}.risk_indicators].",
    "There are {risk_indicators} risk indicators for claim {claim} [score.{claim}.risk_indicators].",
)
SCORE_WORDINGS: Final[Sequence[str]] = (
    (
        "The fraud probability of claim {claim} is {probability} [score.{claim}.probability], {direction} the "
        "threshold of {threshold} [score.{claim}.threshold]."
    ),
    (
        "Claim {claim} scored {probability} [score.{claim}.probability], which is {direction} the threshold "
        "of {threshold} [score.{claim}.threshold]."
    ),
    (
        "At {probability} [score.{claim}.probability], the score of claim {claim} is {direction} the "
        "{threshold} threshold [score.{claim}.threshold]."
    ),
)
PATTERN_WORDINGS: Final[Sequence[str]] = (
    "{name} is {value} [{own}.value], {direction} the peer median of {median} [{own}.peers.median].",
    "{name} was {value} [{own}.value], which is {direction} the median of {median} of its peers [{own}.peers.median].",
    (
        "The provider's {name} is {value} [{own}.value] and is {direction} the peer median of {median} "
        "[{own}.peers.median]."
    ),
    (
        "{name} of the provider is {value} [{own}.value], {direction} the peer median of {median} [{own}.peers.median] "
        "with {n} peers [{own}.peers.n]."
    ),
    "{name} stands at {value} [{own}.value], compared with a median of {median} among peers [{own}.peers.median].",
    "For {name}, the peer group has {n} providers [{own}.peers.n].",
    "For {name}, the value is {value} [{own}.value].",
    "The peer median of {name} is {median} [{own}.peers.median].",
    "The 95th percentile of the peers for {name} is {p95} [{own}.peers.p95].",
)
ABOVE: Final = ("above", "higher than", "greater than")
BELOW: Final = ("below", "lower than", "less than")
_SMALL: Final = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def written(fact: EvidenceFact, chosen: random.Random) -> str:
    """The value of a fact, in one of the ways in which people write it."""
    match fact.kind, fact.value:
        case FactKind.MONEY, int(cents):
            return chosen.choice([f"{cents / 100:,.2f}", f"{cents / 100:.2f}", f"${cents / 100:,.2f}"])
        case FactKind.SHARE, float(share):
            return f"{share * 100:.1f}" + chosen.choice(["%", " %", " percent"])
        case FactKind.COUNT, int(count):
            ways = [f"{count:,}", str(count)]
            return chosen.choice([*ways, _SMALL[count]] if count < len(_SMALL) else ways)
        case FactKind.NUMBER, float(number):
            return f"{number:.2f}"
        case _, datetime() as at:
            return written_day(at.date(), chosen)
        case _, date() as day:
            return written_day(day, chosen)
        case _, value:
            return str(value)


def written_day(day: date, chosen: random.Random) -> str:
    """A day in one of three ways."""
    return chosen.choice([day.isoformat(), f"{day.day} {day:%B %Y}", f"{day:%B} {day.day}, {day.year}"])


def truths(case: CaseOfFacts, chosen: random.Random) -> list[Truth]:
    """One true sentence of each wording."""
    return [*_of_case(case, chosen), *_of_claims(case, chosen), *_of_patterns(case, chosen)]


def _of_case(case: CaseOfFacts, chosen: random.Random) -> list[Truth]:
    wordings = list(CASE_WORDINGS)
    for fact_id, empty in ZERO_WORDINGS.items():
        noun, verb = ("actions", "taken") if fact_id == "actions.count" else ("records", "obtained")
        full = (
            f"There are {{{fact_id}}} {noun} in the case [{fact_id}].",
            f"{{{fact_id}}} {noun} were {verb} [{fact_id}].",
        )
        wordings.extend(empty if case.facts[fact_id].value == 0 else full)
    return [_truth(wording, case, chosen, {}) for wording in wordings]


def _of_claims(case: CaseOfFacts, chosen: random.Random) -> list[Truth]:
    found = []
    for wording in (*CLAIM_WORDINGS, *SCORE_WORDINGS):
        claim = chosen.choice(case.claims)
        names = {
            name: written(case.facts[f"{room}.{claim}.{name}"], chosen)
            for room, parts in (
                ("claim", ("billed", "paid", "at_risk", "received", "lines", "status")),
                ("score", ("probability", "threshold", "risk_indicators")),
            )
            for name in parts
        }
        above = case.facts[f"score.{claim}.probability"].value > case.facts[f"score.{claim}.threshold"].value  # type: ignore[operator]
        if case.facts[f"score.{claim}.probability"].value != case.facts[f"score.{claim}.threshold"].value:
            direction = chosen.choice(ABOVE if above else BELOW)
            found.append(
                _truth(wording, case, chosen, {"claim": claim, "direction": direction, **names}, greater=above)
            )
    return found


def _of_patterns(case: CaseOfFacts, chosen: random.Random) -> list[Truth]:
    found = []
    for wording in PATTERN_WORDINGS:
        number = chosen.randint(1, len(case.patterns))
        own = f"pattern.p{number}"
        value, median = case.facts[f"{own}.value"].value, case.facts[f"{own}.peers.median"].value
        if value == median:
            continue
        above = value > median  # type: ignore[operator]
        names = {
            "own": own,
            "name": case.patterns[number - 1][0],
            "direction": chosen.choice(ABOVE if above else BELOW),
            "value": written(case.facts[f"{own}.value"], chosen),
            **{name: written(case.facts[f"{own}.peers.{name}"], chosen) for name in ("median", "p95", "n")},
        }
        found.append(_truth(wording, case, chosen, names, greater=above))
    return found


def _truth(
    wording: str, case: CaseOfFacts, chosen: random.Random, names: Mapping[str, str], *, greater: bool | None = None
) -> Truth:
    text = wording
    for name, value in names.items():
        text = text.replace(f"{{{name}}}", value)
    for fact_id, fact in case.facts.items():
        if f"{{{fact_id}}}" in text:
            text = text.replace(f"{{{fact_id}}}", written(fact, chosen))
    cited = tuple(part.split("]")[0] for part in text.split("[")[1:])
    compares = "{direction}" in wording
    return Truth(text[0].upper() + text[1:] if text[0].islower() else text, cited, greater if compares else None)
