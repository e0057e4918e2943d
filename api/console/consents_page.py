"""Consents of a member as the console prints them: today's state by purpose, the history, and its forms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from api.consents import Consent, ConsentKind, Consents, ConsentScope, ConsentState, consent_of_texts, kind_of_purpose
from api.console.access import SignedIn
from api.errors import Forbidden
from api.identity import Scope
from api.purposes import PURPOSES_OF_USE, WITH_RECORDS, Need
from api.request_context import note_items
from core.format import utc_minute

_PAGE: Final = 200
_SCOPES: Final = {ConsentScope.CLAIMS: "claims", ConsentScope.ALL: "claims and personal details"}
_STATES: Final = {
    ConsentState.GRANTED: "in force",
    ConsentState.OBJECTED: "in force",
    ConsentState.WITHDRAWN: "withdrawn",
    ConsentState.EXPIRED: "expired",
    ConsentState.NOT_YET: "not yet in force",
}


@dataclass(frozen=True, slots=True)
class PurposeState:
    """What a purpose may use today, and why."""

    code: str
    display: str
    is_used: bool
    why: str


@dataclass(frozen=True, slots=True)
class ConsentAct:
    """When something was recorded (UTC), and by which key or user."""

    at: str
    by: str


@dataclass(frozen=True, slots=True)
class ConsentLine:
    """A line of the history."""

    consent_id: str
    purpose: str
    kind: str
    state: str
    is_in_force: bool
    scope: str
    first: str
    last: str
    document_place: str
    document_sha256: str
    recorded: ConsentAct
    withdrawn: ConsentAct | None
    may_withdraw: bool


@dataclass(frozen=True, slots=True)
class MemberConsentsPage:
    """The page of a member."""

    member_id: str
    purposes: list[PurposeState]
    history: list[ConsentLine]
    """The latest first."""
    choices: list[tuple[str, str]]
    """Purposes of the form: codes and labels."""
    may_record: bool


class MemberConsents:
    """Consents for people who may see them. Each method raises `Forbidden` for others."""

    def __init__(self, consents: Consents) -> None:
        self._consents = consents

    async def page(self, signed_in: SignedIn, member_id: str) -> MemberConsentsPage:
        """What a member said."""
        _require(signed_in, Scope.CONSENTS_READ)
        found: list[Consent] = []
        after = None
        while True:
            page = await self._consents.page(signed_in.caller, member_id, after=after, limit=_PAGE)
            found += page.items
            after = page.next_place
            if after is None:
                break
        note_items(len(found))
        today, may_withdraw = self._consents.today(), signed_in.may(Scope.CONSENTS_WITHDRAW)
        return MemberConsentsPage(
            member_id=member_id,
            purposes=[purpose_state(code, found, today) for code in WITH_RECORDS],
            history=[_line(one, today, may_withdraw) for one in reversed(found)],
            choices=[(code, _choice(code)) for code in WITH_RECORDS],
            may_record=signed_in.may(Scope.CONSENTS_RECORD),
        )

    async def record(self, signed_in: SignedIn, member_id: str, entered: Mapping[str, str]) -> None:
        """Record the consent or objection of a form; raises `Invalid`, `Conflict`, `NotFound`."""
        _require(signed_in, Scope.CONSENTS_RECORD)
        texts = {name: value.strip() for name, value in entered.items()}
        kind = kind_of_purpose(texts.get("purpose", ""))
        new = consent_of_texts({**texts, "member_id": member_id, "kind": kind})
        await self._consents.record(signed_in.caller, new)

    async def withdraw(self, signed_in: SignedIn, member_id: str, consent_id: str) -> None:
        """Withdraw a consent or an objection; raises `NotFound`."""
        _require(signed_in, Scope.CONSENTS_WITHDRAW)
        await self._consents.withdraw(signed_in.caller, member_id, consent_id)


def purpose_state(code: str, found: Sequence[Consent], day: date) -> PurposeState:
    """What a purpose may use on a day, by what a member said."""
    declared = PURPOSES_OF_USE[code]
    in_force = ConsentState(ConsentKind.of(code).value)
    said = next((one for one in found if one.purpose == code and one.state_on(day) is in_force), None)
    if declared.need is Need.CONSENT:
        why = "no consent in force" if said is None else f"consent {_days(said)}, {_SCOPES[said.scope]}"
    else:
        why = "no objection in force" if said is None else f"objection {_days(said)}"
    is_used = (said is not None) == (declared.need is Need.CONSENT)
    return PurposeState(code, declared.display, is_used, why)


def _line(consent: Consent, day: date, may_withdraw: bool) -> ConsentLine:
    state = consent.state_on(day)
    withdrawn = None
    if consent.withdrawn_at is not None:
        withdrawn = ConsentAct(utc_minute(consent.withdrawn_at), consent.withdrawn_by or "")
    first, last = _period(consent)
    return ConsentLine(
        consent_id=consent.consent_id,
        purpose=consent.purpose,
        kind="consent" if consent.kind is ConsentKind.GRANTED else "objection",
        state=_STATES[state],
        is_in_force=state.value == consent.kind.value,
        scope=_SCOPES[consent.scope] if consent.kind is ConsentKind.GRANTED else "",
        first=first,
        last=last,
        document_place=consent.document_place or "",
        document_sha256=consent.document_sha256 or "",
        recorded=ConsentAct(utc_minute(consent.recorded_at), consent.recorded_by),
        withdrawn=withdrawn,
        may_withdraw=may_withdraw and state not in (ConsentState.WITHDRAWN, ConsentState.EXPIRED),
    )


def _period(consent: Consent) -> tuple[str, str]:
    end = "until withdrawn" if consent.last_day is None else f"to {consent.last_day}"
    return f"from {consent.first_day}", end


def _days(consent: Consent) -> str:
    return " ".join(_period(consent))


def _choice(code: str) -> str:
    what = "consent" if ConsentKind.of(code) is ConsentKind.GRANTED else "objection"
    return f"{PURPOSES_OF_USE[code].display} ({code}): {what}"


def _require(signed_in: SignedIn, scope: Scope) -> None:
    if not signed_in.may(scope):
        raise Forbidden(f"role {signed_in.role} has no scope {scope.value}; sign in with one that has it")
