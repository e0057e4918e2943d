"""Prior authorizations in responses."""

from datetime import date

from pydantic import BaseModel, Field

from claims.prior_authorization import Authorization, AuthorizationCount, AuthorizationState, AuthorizationUse


class AuthorizationOut(BaseModel):
    """A prior authorization."""

    authorization_number: str
    member_id: str
    provider_id: str | None = Field(description="Null: any provider.")
    procedures: list[str]
    units: int | None = Field(description="Most units or visits; null: no limit.")
    counts: AuthorizationCount
    first_day: date
    last_day: date | None = Field(description="Null: without end.")
    state: AuthorizationState


class AuthorizationPage(BaseModel):
    """Prior authorizations by number."""

    authorizations: list[AuthorizationOut]
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page; null: the last page.")


class AuthorizationUseOut(BaseModel):
    """What claims have used of a prior authorization. A void or correction gives it back."""

    authorization_number: str
    units: int | None = Field(description="Most units or visits; null: no limit.")
    counts: AuthorizationCount
    used: int = Field(description="By claims that are paid.")
    reserved: int = Field(description="By claims in review.")
    left: int | None = Field(description="What no claim has used or reserved; null: no limit.")


def authorization_out(found: Authorization) -> AuthorizationOut:
    """An authorization as the response of the route that reads it."""
    return AuthorizationOut(
        authorization_number=found.number,
        member_id=found.member_id,
        provider_id=found.provider_id,
        procedures=[str(codes) for codes in found.procedures],
        units=found.units,
        counts=found.counts,
        first_day=found.first_day,
        last_day=found.last_day,
        state=found.state,
    )


def use_out(use: AuthorizationUse) -> AuthorizationUseOut:
    """What is used of an authorization, as a response."""
    found = use.authorization
    return AuthorizationUseOut(
        authorization_number=found.number,
        units=found.units,
        counts=found.counts,
        used=use.used,
        reserved=use.reserved,
        left=use.left,
    )
