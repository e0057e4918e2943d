"""Requests about users."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from api.fields import EntityId, Note
from core.mail_address import parse_address


def _login(text: str) -> str:
    """An e-mail address in lower case."""
    return parse_address(text).lower()


Login = Annotated[
    str,
    StringConstraints(strict=True, min_length=3, max_length=254),
    AfterValidator(_login),
    Field(description="E-mail address.", examples=["ann@insurer.example"]),
]
DisplayName = Annotated[
    str,
    StringConstraints(strict=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*\S[^\x00-\x1f\x7f]*$"),
    Field(description="Shown as the one who did something.", examples=["Ann Otieno"]),
]
UserRole = Literal[
    "admin", "provider", "insurer", "member", "investigator", "lead_investigator", "data_scientist", "operator"
]
_PROVIDER = "The provider of a user of role `provider`; no other user has one."
_MEMBER = "The member that a user of role `member` is; no other user has one."


class UserIn(BaseModel):
    """A new user. The response has a password for the first sign-in, which is shown once."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [{"login": "ann@insurer.example", "display_name": "Ann Otieno", "role": "investigator"}]
        },
    )

    login: Login
    display_name: DisplayName
    role: UserRole
    provider_id: EntityId | None = Field(None, description=_PROVIDER)
    member_id: EntityId | None = Field(None, description=_MEMBER)


class UserUpdate(BaseModel):
    """What is stated of a user, as it is from now on. Another role or state ends the sessions of the user."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"display_name": "Ann Otieno", "role": "investigator", "state": "disabled"}]},
    )

    display_name: DisplayName
    role: UserRole
    provider_id: EntityId | None = Field(None, description=_PROVIDER)
    member_id: EntityId | None = Field(None, description=_MEMBER)
    state: Literal["active", "disabled"] = Field(description="A disabled user cannot sign in.")


class SecondFactorResetIn(BaseModel):
    """Why a second factor is removed: the user sets up another one at the next sign-in."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [{"reason": "lost phone"}]})

    reason: Note


class PasswordResetIn(BaseModel):
    """Why a password is replaced: the response has a new one, which the user changes at the next sign-in."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [{"reason": "forgotten"}]})

    reason: Note
