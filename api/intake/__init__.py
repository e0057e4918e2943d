"""Claims as they come in: validated, looked up, scored, decided and stored in one transaction; read and voided."""

from api.intake.adjudication import Policies
from api.intake.archived import no_claim
from api.intake.authorizations import authorization_use
from api.intake.benefit_use import BenefitUse, benefit_used, counted
from api.intake.changes import ClaimChanges
from api.intake.configuration import adjudication_policies, queue_of_members
from api.intake.decided_states import DecidedState, decided_states
from api.intake.facts import FACT_COLUMNS, facts_of
from api.intake.member_queue import MemberQueue
from api.intake.parsed import ParsedReply, RefusedField, claim_key, refused_fields, submit_parsed
from api.intake.purposed import SETTLED_AFTER, note_members_left_out, place_of_claim
from api.intake.records import ClaimOrder, ClaimRecord, LineRecord
from api.intake.references import find_references, read_references
from api.intake.repository import (
    lines_of_claims,
    lock_state,
    return_to_review,
)
from api.intake.responses import ActionName, ClaimOut, ClaimStatus, EffectName
from api.intake.schemas import ClaimIn
from api.intake.service import Intake
from api.intake.stored_replies import (
    SealedReply,
    keep_reply,
    keep_unconfirmed_reply,
    open_reply,
    reply_to,
    try_lock_key,
)
from api.intake.tables import REVIEW_BY, ClaimLineRow, ClaimRow, IdempotencyKeyRow

__all__ = [
    "FACT_COLUMNS",
    "REVIEW_BY",
    "SETTLED_AFTER",
    "ActionName",
    "BenefitUse",
    "ClaimChanges",
    "ClaimIn",
    "ClaimLineRow",
    "ClaimOrder",
    "ClaimOut",
    "ClaimRecord",
    "ClaimRow",
    "ClaimStatus",
    "DecidedState",
    "EffectName",
    "IdempotencyKeyRow",
    "Intake",
    "LineRecord",
    "MemberQueue",
    "ParsedReply",
    "Policies",
    "RefusedField",
    "SealedReply",
    "adjudication_policies",
    "authorization_use",
    "benefit_used",
    "claim_key",
    "counted",
    "decided_states",
    "facts_of",
    "find_references",
    "keep_reply",
    "keep_unconfirmed_reply",
    "lines_of_claims",
    "lock_state",
    "no_claim",
    "note_members_left_out",
    "open_reply",
    "place_of_claim",
    "queue_of_members",
    "read_references",
    "refused_fields",
    "reply_to",
    "return_to_review",
    "submit_parsed",
    "try_lock_key",
]
