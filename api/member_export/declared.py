"""What an export of a member has: the tables, which of their columns, and what is left out and why.

A table that names a member or a claim is in `EXPORTED` or in `LEFT_OUT`; a test fails where one is in neither.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from api.field_keys import APPEAL_DOCUMENTS, APPEAL_REASON, DECISION_DOCUMENTS, VOID_REASON, SealedColumn
from claims.review import REASONS

_OF_CLAIM: Final = "one.claim_id IN (SELECT claim_id FROM claims WHERE member_id = %(member)s)"
_STAFF: Final = frozenset({"api_key_id", "decided_by", "role", "filed_by"})
"""Who of the insurer or a provider did something: identities of other people."""


@dataclass(frozen=True, slots=True)
class ExportedTable:
    """One file of an export."""

    where: str
    """SQL: whether the row `one` is about the member `%(member)s`."""
    order: str
    without: frozenset[str] = field(default_factory=frozenset)
    """Columns that are left out."""
    only: frozenset[str] = field(default_factory=frozenset)
    """The columns that are exported; empty: all but `without`."""
    changed: Mapping[str, Callable[[object], object]] = field(default_factory=dict)
    """By column: what its value is in the export."""
    opened: tuple[SealedColumn, ...] = ()
    """Texts about claims that are exported decrypted, under the names of their columns in clear."""


def _without_scores(code: object) -> object:
    """The reason of a decision, as a member sees it over HTTP."""
    reason = REASONS.get(str(code))
    return code if reason is None else reason.without_scores.code


EXPORTED: Final[Mapping[str, ExportedTable]] = {
    "members": ExportedTable(
        "one.member_id = %(member)s",
        "one.member_id",
        # The identity is decrypted into member.json.
        frozenset({"name", "birth_date", "sex", "name_sealed", "birth_date_sealed", "sex_sealed"}),
    ),
    "authorizations": ExportedTable("one.member_id = %(member)s", "one.authorization_number"),
    # Which claim it inherits a review from is a suspicion.
    "claims": ExportedTable(
        "one.member_id = %(member)s",
        "one.received_at, one.claim_id",
        frozenset({"inherits_from", "void_reason_sealed"}),
        opened=(VOID_REASON,),
    ),
    "claim_lines": ExportedTable(_OF_CLAIM, "one.claim_id, one.line"),
    # A disposition and the kind of a fraud are findings of an investigation, and so may be a note.
    "decisions": ExportedTable(
        _OF_CLAIM,
        "one.claim_id, one.number",
        _STAFF | {"note", "note_sealed", "documents_sealed", "disposition", "kind", "assessment_id"},
        changed={"reason": _without_scores},
        opened=(DECISION_DOCUMENTS,),
    ),
    "earlier_decisions": ExportedTable(_OF_CLAIM, "one.claim_id, one.earlier_id"),
    "appeals": ExportedTable(
        _OF_CLAIM,
        "one.claim_id, one.filed_at",
        _STAFF | {"reason_sealed", "documents_sealed"},
        opened=(APPEAL_REASON, APPEAL_DOCUMENTS),
    ),
    "appeal_decisions": ExportedTable(
        "one.appeal_id IN (SELECT appeal_id FROM appeals AS filed WHERE " + _OF_CLAIM.replace("one.", "filed.") + ")",
        "one.appeal_id",
        _STAFF | {"note", "note_sealed"},
    ),
    "consents": ExportedTable(
        "one.member_id = %(member)s", "one.recorded_at, one.consent_id", frozenset({"recorded_by"})
    ),
    "consent_withdrawals": ExportedTable(
        "one.consent_id IN (SELECT consent_id FROM consents WHERE member_id = %(member)s)",
        "one.withdrawn_at, one.consent_id",
        frozenset({"withdrawn_by"}),
    ),
    "audit_log": ExportedTable(
        "((one.subject_kind = 'member' AND one.subject_id = %(member)s) OR "
        + _OF_CLAIM
        + " OR (one.subject_kind = 'claim' AND one.subject_id IN "
        "(SELECT claim_id FROM claims WHERE member_id = %(member)s))) AND one.outcome = 'success'"
        " AND NOT starts_with(one.act, 'legal_hold.')",
        "one.audit_id",
        only=frozenset({"at", "act", "role", "purpose", "subject_kind", "subject_id", "claim_id"}),
    ),
}
"""By table: each is the file `TABLE.ndjson`. `audit_log` is the accounting of disclosures (45 CFR 164.528)."""

_MODEL: Final = (
    "scores, reasons and findings of fraud detection: they would show how to avoid it; 45 CFR 164.524(a)(1)(ii), and "
    "Art. 23(1)(d) GDPR where national law provides for it"
)
_CASE: Final = (
    "work of an investigation, compiled for proceedings: 45 CFR 164.524(a)(1)(ii), and Art. 23(1)(d) GDPR where "
    "national law provides for it"
)
_COPY: Final = "copies of what claims, decisions and members hold; deleted after their retention"
_STAFF_ONLY: Final = "accounts of people and programs that sign in; what a member did with one is in the audit log"
LEFT_OUT: Final[Mapping[str, str]] = {
    "archived_claims": "which archive has a claim whose retention is over: ask the insurer for it",
    "assessments": _MODEL,
    "audit_archives": "which archive has old entries of the audit log, by their numbers",
    "dispositions": _MODEL,
    "labels": _MODEL,
    "selections": _MODEL,
    "rescreening_claims": "work of the platform, without content",
    "rescreening_findings": "what changed in lists and contracts; what follows for a claim is a decision",
    "registry_history": "earlier states of the registry, which decisions refer to; the present one is exported",
    "member_keys": "keys that encrypt the member",
    "member_search": "an index made of name and birth date, which are exported",
    "legal_holds": "compiled for legal proceedings: 45 CFR 164.524(a)(1)(ii)",
    "cases": _CASE,
    "case_claims": _CASE,
    "case_drafts": "what was being written when a session ended, for an hour; its author is shown it",
    "case_events": _CASE,
    "case_tasks": _CASE,
    "leads": _MODEL,
    "rings": _MODEL,
    "lead_claims": _MODEL,
    "saved_views": _STAFF_ONLY,
    "samples": _CASE,
    "sample_items": _CASE,
    "recoupments": _CASE,
    "recoupment_entries": _CASE,
    "evidence_packs": _CASE,
    "case_files": _CASE,
    "case_file_parts": _CASE,
    "case_file_scans": _CASE,
    "case_file_accesses": _CASE,
    "case_file_withdrawals": _CASE,
    "idempotency_keys": _COPY,
    "api_keys": _STAFF_ONLY,
    "users": _STAFF_ONLY,
}
"""By table: why an export does not have it."""
