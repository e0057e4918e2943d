"""Which acts keep what was before and after, encrypted, and why the others do not: the one table of them.

An act is named as `ROUTES` of `acts.py` names it; `recorded_as` says how its rows name it.
"""

from collections.abc import Mapping
from typing import Final

from claims.review import Action

_RECORDED_AS: Final[Mapping[str, tuple[str, ...]]] = {
    "claim.decide": tuple(f"claim.{one.value}" for one in Action),
    **{f"{kind}.change": (f"{kind}.update",) for kind in ("member", "provider", "authorization")},
    "case.note": ("case.note", "case.contact", "case.education", "case.referral"),
    "case.add_task": ("case.add_task", "case.add_records_request"),
    "case.finish_task": ("case.finish_task", "case.finish_records_request"),
    "case.close": ("case.close", "case.propose_closing"),
    "case.approve_closing": ("case.close",),
    **{f"{kind}.period": (f"{kind}.add_period",) for kind in ("member", "provider")},
}

CHANGE_KEPT: Final = frozenset(
    {
        *("member.create", "member.change", "member.end", "member.period"),
        *("claim.decide", "disposition.record"),
        *("legal_hold.add", "legal_hold.release"),
        *("user.create", "user.change"),
        *("api_key.create", "api_key.rotate", "api_key.revoke"),
        *("policy.draft", "policy.activate", "policy.rollback"),
    }
)
"""`record_change` writes their rows; `record` refuses to."""

_SECRET: Final = "a password or a second factor changes: neither is kept anywhere but as a hash or encrypted"
_SESSION: Final = "a session begins or ends; nothing of what is stored of the person changes"
_PUBLIC: Final = "public with the NPI of the provider; `details` has each changed field before and after"
_AUTHORIZATION: Final = "codes, days and numbers; `details` has each changed field before and after"
_ADDED: Final = "a row is added and never changed: it is the record, encrypted"

WITHOUT_CHANGE: Final[Mapping[str, str]] = {
    "claim.void": "`details` has status and money before and after; the reason is in the claim, encrypted",
    "claim.appeal": f"{_ADDED} (appeals)",
    "claim.appeal_decided": f"{_ADDED} (appeal_decisions); the decision that follows has an entry with both",
    "rescreening_finding.close": "a finding is closed once; its row has by whom, why and the note, encrypted",
    "member.search": "nothing changes",
    "member.reveal": "nothing changes",
    **dict.fromkeys(("provider.create", "provider.change", "provider.end", "provider.period"), _PUBLIC),
    **dict.fromkeys(("authorization.create", "authorization.change", "authorization.end"), _AUTHORIZATION),
    "consent.record": f"{_ADDED} (consents); it has codes, days and the hash of a document",
    "consent.withdraw": f"{_ADDED} (consent_withdrawals)",
    "user.reset_password": _SECRET,
    "user.reset_second_factor": _SECRET,
    "user.change_password": _SECRET,
    "user.begin_second_factor": _SECRET,
    "user.confirm_second_factor": _SECRET,
    **dict.fromkeys(("sign_in", "sign_in.refresh", "sign_out", "user.session_end"), _SESSION),
    "signing_key.create": f"{_ADDED}; a public key",
    "signing_key.revoke": "it is valid before and revoked after; its row keeps the instant",
}
"""By act that a service records: why its rows have no encrypted change, and where both values are."""


FAMILIES: Final[Mapping[str, str]] = {
    "case": "each step is an event of the case, which is added and never changed, its text encrypted (case_events)",
    "lead": "who works on a lead and until when it waits: no personal data, and the rows before have what it was",
    "sample": "a sample, its reviews and its estimate are rows of the case, whose history has each step",
    "recoupment": "a demand has a ledger that is only added to (recoupment_entries)",
}
"""By first part of acts that keep a history of their own: why their rows have no encrypted change."""


def why_without_change(act: str) -> str | None:
    """Why rows of an act have no encrypted change; `None`: it is not declared, or they have one."""
    return WITHOUT_CHANGE.get(act) or FAMILIES.get(act.partition(".")[0])


def recorded_as(act: str) -> tuple[str, ...]:
    """How rows of the log name an act of a route."""
    return _RECORDED_AS.get(act, (act,))


KEPT_IN_ROWS: Final = frozenset(name for act in CHANGE_KEPT for name in recorded_as(act))
"""The acts of `CHANGE_KEPT` as rows name them."""
