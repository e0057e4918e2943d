"""The report on the use of models: what was decided by a model, a rule, the contract or a person, and overturned."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from api.database import Database
from claims.adjudication import CONTRACT_DENIALS
from claims.outcome import Outcome

AUTOMATIC = ("contract", "model", "rule")
"""What decided a claim at receipt: its contract, a model's score, or a rule in place of a score."""
REJECTING = sorted(code for code, denial in CONTRACT_DENIALS.items() if denial.outcome is Outcome.REJECTED)
"""Codes of the contract findings that reject a claim."""


@dataclass(frozen=True, slots=True)
class AutomaticDecisions:
    """Claims decided at receipt on one basis, by the outcome they were given then."""

    basis: str
    approved: int
    partially_approved: int
    sent_to_review: int
    rejected: int


@dataclass(frozen=True, slots=True)
class PersonDecisions:
    """Decisions of persons that settled a claim, by role."""

    role: str
    approved: int
    partially_approved: int
    denied: int
    with_model: int
    """Of all these: claims that had a score when the person decided."""


@dataclass(frozen=True, slots=True)
class Overturns:
    """Results that a person changed."""

    model_flags_released: int
    """Flagged by the model, and paid in full by a person."""
    rule_flags_released: int
    """Flagged by a rule in place of a score, and paid in full by a person."""
    model_flags_decided: int
    """Flagged by the model, and settled by a person in any way."""
    rule_flags_decided: int
    decisions_changed: int
    """Decisions of persons that were reopened or appealed, and settled with another amount."""


@dataclass(frozen=True, slots=True)
class AppealResults:
    """Appeals decided against decisions on one basis."""

    basis: str
    """`contract`: rejected or reduced at receipt; `person`: decided by a person."""
    upheld: int
    overturned: int
    partly_overturned: int


@dataclass(frozen=True, slots=True)
class AiUseReport:
    """What decided claims between two instants."""

    first: datetime
    until: datetime
    automatic: Sequence[AutomaticDecisions]
    persons: Sequence[PersonDecisions]
    overturns: Overturns
    appeals: Sequence[AppealResults]
    contract_denials: dict[str, int]
    """Claims rejected at receipt, by the code of each contract finding they have."""
    adverse_without_person: int
    """Claims rejected at receipt without a contract finding: always 0."""


async def ai_use_report(database: Database, first: datetime, until: datetime) -> AiUseReport:
    """The report on decisions made from `first` to before `until`."""
    period = {"first": first, "until": until}
    async with database.reading() as connection:
        at_receipt = (await connection.execute(_AT_RECEIPT, period | {"codes": REJECTING})).all()
        denials = (await connection.execute(_CONTRACT_DENIALS, period)).all()
        persons = (await connection.execute(_BY_PERSONS, period)).all()
        flags = (await connection.execute(_FLAGS, period)).all()
        appeals = (await connection.execute(_APPEALS, period)).all()
        changed = (await connection.execute(_CHANGED, period)).scalar_one()
    counts = {(basis, outcome): number for basis, outcome, number in at_receipt}
    flagged = {by: (released, decided) for by, released, decided in flags}
    return AiUseReport(
        first=first,
        until=until,
        automatic=[
            AutomaticDecisions(
                basis,
                counts.get((basis, Outcome.APPROVED.value), 0),
                counts.get((basis, Outcome.PARTIALLY_APPROVED.value), 0),
                counts.get((basis, Outcome.IN_REVIEW.value), 0),
                counts.get((basis, Outcome.REJECTED.value), 0),
            )
            for basis in AUTOMATIC
        ],
        persons=[PersonDecisions(*row) for row in persons],
        overturns=Overturns(
            model_flags_released=flagged.get("model", (0, 0))[0],
            rule_flags_released=flagged.get("rule", (0, 0))[0],
            model_flags_decided=flagged.get("model", (0, 0))[1],
            rule_flags_decided=flagged.get("rule", (0, 0))[1],
            decisions_changed=changed,
        ),
        appeals=[AppealResults(*row) for row in appeals],
        contract_denials=dict(sorted((str(code), int(number)) for code, number in denials)),
        adverse_without_person=sum(
            number for (basis, outcome), number in counts.items() if basis != "contract" and outcome == "rejected"
        ),
    )


BASIS_AT_RECEIPT = """
    CASE WHEN outcome = 'partially_approved' OR EXISTS (
             SELECT FROM jsonb_array_elements(findings) AS found
             WHERE found->>'outcome' = 'rejected' AND found->>'code' = ANY(:codes)) THEN 'contract'
         ELSE decided_by END"""
"""SQL: one of `AUTOMATIC` for a first assessment; `:codes` are `REJECTING`.

A claim rejected with a declared contract finding, or paid up to its benefit, was decided by the contract.
"""
_AT_RECEIPT = text(f"""
    SELECT {BASIS_AT_RECEIPT} AS basis, outcome, count(*)
    FROM assessments
    WHERE supersedes IS NULL AND made_at >= :first AND made_at < :until
    GROUP BY 1, 2
""")
_CONTRACT_DENIALS = text("""
    SELECT found->>'code', count(DISTINCT claim_id)
    FROM assessments, jsonb_array_elements(findings) AS found
    WHERE supersedes IS NULL AND made_at >= :first AND made_at < :until
      AND outcome = 'rejected' AND found->>'outcome' = 'rejected'
    GROUP BY 1
""")
_BY_PERSONS = text("""
    SELECT role,
           count(*) FILTER (WHERE decisions.outcome = 'approved'),
           count(*) FILTER (WHERE decisions.outcome = 'partially_approved'),
           count(*) FILTER (WHERE decisions.outcome = 'denied'),
           count(*) FILTER (WHERE assessments.probability IS NOT NULL)
    FROM decisions LEFT JOIN assessments USING (assessment_id)
    WHERE effect = 'settled' AND decisions.made_at >= :first AND decisions.made_at < :until
    GROUP BY role ORDER BY role
""")
_FLAGS = text("""
    SELECT assessments.decided_by, count(*) FILTER (WHERE decisions.outcome = 'approved'), count(*)
    FROM decisions JOIN assessments USING (assessment_id)
    WHERE effect = 'settled' AND flagged AND decisions.made_at >= :first AND decisions.made_at < :until
    GROUP BY 1
""")
_APPEALS = text("""
    SELECT CASE WHEN appealed.decision_id IS NULL THEN 'contract' ELSE 'person' END,
           count(*) FILTER (WHERE decided.outcome = 'upheld'),
           count(*) FILTER (WHERE decided.outcome = 'overturned'),
           count(*) FILTER (WHERE decided.outcome = 'partly_overturned')
    FROM appeal_decisions AS decided JOIN appeals AS appealed USING (appeal_id)
    WHERE decided.made_at >= :first AND decided.made_at < :until
    GROUP BY 1 ORDER BY 1
""")
_CHANGED = text("""
    SELECT count(*) FROM decisions AS later
    CROSS JOIN LATERAL (
        SELECT pays_cents FROM decisions AS earlier
        WHERE earlier.claim_id = later.claim_id AND earlier.number < later.number AND earlier.effect = 'settled'
        ORDER BY earlier.number DESC LIMIT 1
    ) AS before
    WHERE later.effect = 'settled' AND later.made_at >= :first AND later.made_at < :until
      AND before.pays_cents <> later.pays_cents
""")
