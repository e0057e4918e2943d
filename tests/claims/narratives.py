"""Facts of a case for tests of narratives."""

from datetime import date
from decimal import Decimal

from claims.narrative import NarrativeFact, StatedKind, facts_by_id

CLAIM, OTHER_CLAIM = "clm_a1", "clm_b2"
PATTERN = "Billed per claim"


def fact(
    fact_id: str, kind: StatedKind, value: int | Decimal | date | str, subject: str | None = None
) -> NarrativeFact:
    """A fact whose measure follows from its id."""
    parts = fact_id.split(".")
    measure = fact_id if subject is None else ".".join([parts[0], "*", *parts[2:]])
    return NarrativeFact(fact_id, "subject.provider" if fact_id == "subject.id" else measure, kind, value, subject)


def of_claim(claim: str, billed: int, paid: int) -> list[NarrativeFact]:
    """Facts of one claim."""
    return [
        fact(f"claim.{claim}.billed", StatedKind.MONEY, billed, claim),
        fact(f"claim.{claim}.paid", StatedKind.MONEY, paid, claim),
        fact(f"claim.{claim}.edits", StatedKind.COUNT, 0, claim),
        fact(f"claim.{claim}.status", StatedKind.TEXT, "denied", claim),
        fact(f"score.{claim}.probability", StatedKind.SHARE, Decimal("0.8714"), claim),
        fact(f"score.{claim}.threshold", StatedKind.SHARE, Decimal("0.5"), claim),
    ]


FACTS = facts_by_id(
    [
        fact("case.id", StatedKind.ID, "cas_01"),
        fact("case.opened", StatedKind.DATE, date(2026, 6, 1)),
        fact("subject.id", StatedKind.ID, "prv_42"),
        fact("detection.source", StatedKind.TEXT, "weekly list"),
        fact("claims.count", StatedKind.COUNT, 14),
        fact("claims.lines", StatedKind.COUNT, 1_031),
        fact("claims.members", StatedKind.COUNT, 1),
        fact("claims.billed", StatedKind.MONEY, 1_234_567),
        fact("claims.paid", StatedKind.MONEY, 234_567),
        fact("claims.first_day", StatedKind.DATE, date(2026, 1, 3)),
        fact("claims.last_day", StatedKind.DATE, date(2026, 5, 1)),
        fact("scores.count", StatedKind.COUNT, 13),
        fact("scores.flagged", StatedKind.COUNT, 9),
        fact("records.count", StatedKind.COUNT, 0),
        *of_claim(CLAIM, 50_000, 30_000),
        *of_claim(OTHER_CLAIM, 70_000, 70_000),
        fact("pattern.p1.value", StatedKind.MONEY, 54_000, PATTERN),
        fact("pattern.p1.peers.median", StatedKind.MONEY, 30_000, PATTERN),
        fact("pattern.p1.peers.p95", StatedKind.MONEY, 60_000, PATTERN),
        fact("pattern.p1.peers.n", StatedKind.COUNT, 62, PATTERN),
    ]
)
