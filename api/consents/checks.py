"""What the purpose of a request needs of the members whose data it reads: part of the statements that read them.

A route says by `HONOURED` that its statements have the check. Every other route that shows or changes personal data
refuses a purpose that needs something of members, so a route that is added later does not answer such a request by
omission; and a response that was read without the check is replaced by the refusal (`api/audited_requests.py`).
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import ColumnElement, and_, exists, literal, or_, select

from api import request_context
from api.consents.records import ConsentKind, ConsentScope
from api.consents.tables import ConsentRow, ConsentWithdrawalRow
from api.errors import ConsentMissing
from api.purposes import PURPOSES_OF_USE, Need

HONOURED: Final = frozenset(
    {
        "GET /v1/claims",
        "GET /v1/claims/{claim_id}",
        "GET /v1/claims/{claim_id}/explanation",
        "GET /v1/exports/claims",
        "GET /v1/members",
        "GET /v1/members/{member_id}",
    }
)
"""Routes whose statements have the check."""
ABOUT_CONSENTS: Final = frozenset(
    {
        "POST /v1/members/{member_id}/consents",
        "GET /v1/members/{member_id}/consents",
        "POST /v1/members/{member_id}/consents/{consent_id}/withdraw",
        "GET /v1/fhir/Consent",
        "GET /v1/fhir/Consent/{consent_id}",
    }
)
"""Routes that answer whatever the purpose is: what a member said about purposes is not used for one."""
_OWN_ROLE: Final = "member"


@dataclass(frozen=True, slots=True)
class ConsentCheck:
    """What members must have said, or not have said, on a day, for a request to be answered."""

    purpose: str
    day: date

    @property
    def need(self) -> Need:
        """What the purpose needs."""
        return PURPOSES_OF_USE[self.purpose].need


def needs_check(purpose: str, role: str) -> bool:
    """Whether a purpose needs something of the members whose data a role reads. A role `member` reads its own."""
    declared = PURPOSES_OF_USE[purpose]
    return declared.need is not Need.NOTHING and not (declared.own_access and role == _OWN_ROLE)


def require_nothing(purpose: str) -> None:
    """Raise `ConsentMissing` for a purpose that needs something of members; of the console, which looks none up."""
    if needs_check(purpose, ""):
        raise not_available(purpose)


def required_check(role: str) -> ConsentCheck | None:
    """What the purpose of the current request needs of members; `None`: nothing, or there is no request.

    To be part of the statement that reads them. Raises `ConsentMissing` where the day is not stated.
    """
    context = request_context.current()
    if context is None:
        return None
    purpose = request_context.purpose_of(context, role)
    if not needs_check(purpose, role):
        return None
    if context.consent_day is None:
        raise ConsentMissing(f"consents for {purpose} cannot be looked up without the day of the request")
    context.consent_applied = True
    return ConsentCheck(purpose, context.consent_day)


def require_honoured(route: str, role: str, day: date) -> None:
    """State the day of the current request; raise `ConsentMissing` where a route has no check that its purpose needs.

    `route` is method and path as declared.
    """
    context = request_context.current()
    if context is None:
        return
    context.consent_day = day
    purpose = request_context.purpose_of(context, role)
    if needs_check(purpose, role) and route not in HONOURED | ABOUT_CONSENTS:
        raise not_available(purpose)


def lacks_check(context: request_context.RequestContext, route: str) -> ConsentMissing | None:
    """The refusal of a response of a route with personal data that was read without the check its purpose needs."""
    role = "" if context.actor is None else context.actor.role
    purpose = request_context.purpose_of(context, role)
    if context.consent_applied or route in ABOUT_CONSENTS or not needs_check(purpose, role):
        return None
    return not_available(purpose)


def not_available(purpose: str) -> ConsentMissing:
    """The refusal of a route that does not look consents up."""
    routes = ", ".join(f"`{one}`" for one in sorted(HONOURED))
    return ConsentMissing(
        f"this route does not look up consents, which the purpose {purpose} "
        f"({PURPOSES_OF_USE[purpose].display}) needs; it is answered by {routes}",
        extensions={"purpose": purpose},
    )


def answered(
    check: ConsentCheck, member_id: ColumnElement[str] | ColumnElement[str | None], scope: ConsentScope
) -> ColumnElement[bool]:
    """SQL: whether a request with a check may show what `scope` says of the member of a row.

    False where the row has no member and consent is needed.
    """
    consent, withdrawal = ConsentRow, ConsentWithdrawalRow
    kind = ConsentKind.of(check.purpose)
    said = [
        consent.member_id == member_id,
        consent.purpose == literal(check.purpose),
        consent.kind == literal(kind.value),
        consent.first_day <= check.day,
        or_(consent.last_day.is_(None), consent.last_day >= check.day),
        ~exists(select(withdrawal.consent_id).where(withdrawal.consent_id == consent.consent_id)),
    ]
    if kind is ConsentKind.GRANTED and scope is ConsentScope.ALL:
        said.append(consent.scope == literal(ConsentScope.ALL.value))
    found = exists(select(consent.consent_id).where(and_(*said)))
    return found if kind is ConsentKind.GRANTED else ~found


def require_consent(check: ConsentCheck, is_answered: bool) -> None:
    """Raise `ConsentMissing` where a statement said that a request with a check is not answered."""
    if is_answered:
        return
    declared = PURPOSES_OF_USE[check.purpose]
    if declared.need is Need.CONSENT:
        detail = (
            f"the member has given no consent for {check.purpose} ({declared.display}) that is in force and covers "
            "what is read; record one with `POST /v1/members/{member_id}/consents`, or state the purpose that the "
            "request has"
        )
    else:
        detail = f"the member has objected to {check.purpose} ({declared.display}); its data are not used for it"
    raise ConsentMissing(detail, extensions={"purpose": check.purpose})
