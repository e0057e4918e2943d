"""Which claims a caller may send, find and see, and what of them."""

from collections.abc import Mapping

from api.errors import Forbidden, NotFound
from api.field_keys import DECISION_DOCUMENTS, FieldKeys, MemberKey, StoredText, shown_text, text_list
from api.identity import Caller
from api.intake.records import ClaimRecord
from api.intake.responses import ClaimOut, claim_out
from api.intake.schemas import ClaimIn
from api.prompt_pay import PromptPayOut


def require_access(caller: Caller, sent: ClaimIn) -> None:
    """Raise `Forbidden` where the caller may not submit this claim."""
    if not caller.may_access(sent.provider_id, sent.member_id):
        raise Forbidden("a provider's key submits that provider's own claims; send your own provider_id")


def visible(claim: ClaimRecord | None, caller: Caller) -> ClaimRecord:
    """The claim if the caller may see it; raises `NotFound`, the same for a claim that is not its own."""
    if claim is None or not caller.may_access(claim.provider_id, claim.member_id):
        raise NotFound("claim not found; check its id")
    return claim


def permitted(filters: Mapping[str, str], caller: Caller) -> dict[str, str]:
    """The filters with those of the caller's own claims; raises `Forbidden`."""
    if "member_id" in filters and not caller.sees_identities:
        raise Forbidden(f"a key of role {caller.role} does not see whose claim it is; send no member_id")
    try:
        return {**filters, **caller.claim_filter()}
    except PermissionError as error:
        raise Forbidden(str(error)) from None


async def shown_to(keys: FieldKeys, caller: Caller, claim: ClaimRecord, prompt_pay: PromptPayOut | None) -> ClaimOut:
    """The response about a claim: with scores, and with what says whose it is, as the caller's role allows.

    Raises `DecryptionError` where the names of documents that it waits for were changed, and what `FieldKeys` raises.
    """
    documents = await _documents(keys, claim)
    shown = claim_out(claim, documents, sees_scores=caller.sees_scores, prompt_pay=prompt_pay)
    if caller.sees_identities:
        return shown
    return shown.model_copy(update={"member_id": None, "authorization_number": None})


async def _documents(keys: FieldKeys, claim: ClaimRecord) -> list[str]:
    """Names of the documents that a claim waits for; where their key is lost, that is in their place."""
    decision = claim.decision
    if decision is None or decision.documents_sealed is None:
        return [] if decision is None else list(decision.documents or ())
    stored = StoredText(claim.claim_id, (decision.decision_id,), decision.documents_sealed, None)
    own = None if decision.key_of is None else MemberKey(decision.key_of, decision.wrapped_key)
    text = await shown_text(keys, DECISION_DOCUMENTS, stored, own)
    names = text_list(text)
    return [text or ""] if names is None else list(map(str, names))
