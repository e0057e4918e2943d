"""The claims that a change touches, by kind of change: one statement each, through an index.

Claims in review count whenever they were received; others if they were received or decided within the declared days.
A claim with a finding that has not ended counts always, so that the finding can end; any other voided claim does not.
"""

from collections.abc import Mapping
from typing import Final

from claims.rescreening import ChangeKind

_CHANGED_ENTRIES: Final = """
changed AS MATERIALIZED (
    SELECT DISTINCT code, other
    FROM (SELECT * FROM code_table_entries WHERE import_id = %(import_id)s) AS fresh
    FULL JOIN (SELECT * FROM code_table_entries WHERE import_id = %(compared_with)s) AS earlier
        USING (code, other, place)
    WHERE (earlier.number, earlier.indicator, earlier.first_day, earlier.last_day, earlier.code IS NULL)
          IS DISTINCT FROM (fresh.number, fresh.indicator, fresh.first_day, fresh.last_day, fresh.code IS NULL)
)"""
"""Entries that differ with and without the release: the same whether it is imported or rolled back."""

_SUBJECTS: Final = """
subjects AS MATERIALIZED (SELECT subject FROM rescreening_subjects WHERE job_id = %(job_id)s)"""

_WITH_CODES: Final = """
SELECT claim_id FROM claim_lines WHERE procedure_code IN (SELECT code FROM codes)
UNION SELECT claim_id FROM claims WHERE procedure_code IN (SELECT code FROM codes)"""
"""A claim that was loaded without lines has its procedure only."""

_OF_CODES: Final = f"{_CHANGED_ENTRIES}, codes AS MATERIALIZED (SELECT DISTINCT code FROM changed)"
_OF_PROVIDERS: Final = """
SELECT claims.claim_id FROM billing
CROSS JOIN LATERAL (SELECT claim_id FROM claims WHERE claims.provider_id = billing.provider_id) AS claims"""
_OF_MEMBERS: Final = """
SELECT claims.claim_id FROM covered
CROSS JOIN LATERAL (SELECT claim_id FROM claims WHERE claims.member_id = covered.member_id) AS claims"""
_OF_PAIRS: Final = f"""{_CHANGED_ENTRIES},
codes AS MATERIALIZED (SELECT DISTINCT code FROM changed),
pairs AS MATERIALIZED (
    SELECT paid.claim_id, paid.procedure_code AS code, unpaid.procedure_code AS other
    FROM codes
    JOIN claim_lines AS paid ON paid.procedure_code = codes.code
    JOIN claim_lines AS unpaid ON unpaid.claim_id = paid.claim_id AND unpaid.procedure_code <> paid.procedure_code)"""
"""The pairs of each claim, before they are looked up: a code is in thousands of entries, and in as many claims."""
_OF_CONTRACTS: Final = f"""{_CHANGED_ENTRIES},
billing AS MATERIALIZED (SELECT DISTINCT split_part(other, ' ', 1) AS provider_id, code FROM changed),
contracted AS MATERIALIZED (
    SELECT claims.* FROM (SELECT DISTINCT provider_id FROM billing) AS one
    CROSS JOIN LATERAL (SELECT claim_id, provider_id, procedure_code AS code FROM claims
                        WHERE claims.provider_id = one.provider_id) AS claims),
billed AS MATERIALIZED (
    SELECT * FROM contracted
    UNION ALL
    SELECT claim_id, provider_id, line.procedure_code FROM contracted JOIN claim_lines AS line USING (claim_id))"""
"""The claims of each provider once, before their codes are looked up: a contract has thousands of entries."""
_EVERY: Final = "SELECT claim_id FROM claims WHERE service_to >= %(valid_from)s"
"""Of the first release of a table that says which codes exist: a code that it lacks is in no entry."""

_CANDIDATES: Final[Mapping[ChangeKind, tuple[str, str]]] = {
    # common table expressions, and the claims found by them
    ChangeKind.MUE: (_OF_CODES, _WITH_CODES),
    ChangeKind.FEES: (_OF_CODES, _WITH_CODES),
    ChangeKind.HCPCS: (_OF_CODES, f"{_WITH_CODES} UNION {_EVERY} AND %(compared_with)s IS NULL"),
    ChangeKind.CONTRACTS: (_OF_CONTRACTS, "SELECT claim_id FROM billed JOIN billing USING (provider_id, code)"),
    ChangeKind.PTP: (_OF_PAIRS, "SELECT claim_id FROM pairs JOIN changed USING (code, other)"),
    ChangeKind.LEIE: (
        f"""{_CHANGED_ENTRIES},
        billing AS MATERIALIZED (
            SELECT provider_id FROM providers WHERE npi IN (SELECT code FROM changed)
            UNION SELECT provider_id FROM providers WHERE npi IS NULL AND provider_id IN (SELECT code FROM changed))""",
        _OF_PROVIDERS,
    ),
    ChangeKind.ICD10: (
        _OF_CODES,
        f"""{_EVERY} AND (%(compared_with)s IS NULL OR diagnosis_code IN (SELECT code FROM codes)
            OR EXISTS (SELECT FROM unnest(other_diagnoses) AS one WHERE one IN (SELECT code FROM codes)))""",
    ),
    ChangeKind.PROVIDER: (
        f"{_SUBJECTS}, billing AS (SELECT subject AS provider_id FROM subjects)",
        _OF_PROVIDERS,
    ),
    ChangeKind.MEMBER: (f"{_SUBJECTS}, covered AS (SELECT subject AS member_id FROM subjects)", _OF_MEMBERS),
    ChangeKind.PROCEDURE: (f"{_SUBJECTS}, codes AS (SELECT subject AS code FROM subjects)", _WITH_CODES),
    ChangeKind.PLAN: (
        f"""{_SUBJECTS},
        covered AS MATERIALIZED (
            SELECT member_id FROM members
            WHERE plan_id IN (SELECT subject FROM subjects) OR EXISTS (
                SELECT FROM jsonb_array_elements(earlier_periods) AS one(period)
                WHERE one.period ->> 'plan_id' IN (SELECT subject FROM subjects)))""",
        _OF_MEMBERS,
    ),
}


def touched_claims(kind: ChangeKind) -> str:
    """The statement that finds the claims that a change touches: their ids.

    Parameters: `job_id`, `import_id`, `compared_with`, `valid_from` and `since`, the moment from which decided claims
    count. It may be explained as it is.
    """
    expressions, candidates = _CANDIDATES[kind]
    return f"""
    WITH {expressions},
    candidates AS MATERIALIZED ({candidates})
    SELECT DISTINCT claims.claim_id
    FROM candidates JOIN claims USING (claim_id)
    WHERE claims.service_to >= %(valid_from)s AND (
        claims.status = 'in_review'
        OR (claims.status <> 'voided' AND (claims.received_at >= %(since)s OR EXISTS (
            SELECT FROM decisions
            WHERE decisions.decision_id = claims.decision_id AND decisions.made_at >= %(since)s)))
        OR EXISTS (
            SELECT FROM rescreening_findings AS earlier
            WHERE earlier.claim_id = claims.claim_id AND earlier.ended_at IS NULL))
    """
