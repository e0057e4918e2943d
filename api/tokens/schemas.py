"""Requests about signing in."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

MAX_PASSWORD_SENT = 1_024
"""Characters, before they are normalized."""

_LOGIN = "ann@insurer.example"
_PASSWORD = "the tide comes in twice a day"

SentLogin = Annotated[
    str,
    StringConstraints(strict=True, min_length=1, max_length=254),
    Field(description="E-mail address of the user.", examples=[_LOGIN]),
]
SentPassword = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=MAX_PASSWORD_SENT)]
SentCode = Annotated[
    str,
    StringConstraints(strict=True, pattern=r"^[0-9]{6}$"),
    Field(description="Code of the authenticator app; each is accepted once.", examples=["123456"]),
]
SentRecoveryCode = Annotated[
    str,
    StringConstraints(strict=True, min_length=1, max_length=64),
    Field(description="A recovery code in place of `code`; each works once.", examples=["ABCD-EFGH-IJKL-MNOP"]),
]
SentRefreshToken = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=128)]


class _Attempt(BaseModel):
    """What a person signs in with."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"login": _LOGIN, "password": _PASSWORD, "code": "123456"}]},
    )

    login: SentLogin
    password: SentPassword
    code: SentCode | None = None
    recovery_code: SentRecoveryCode | None = None


class SignInIn(_Attempt):
    """Login and password, and a code where the user has a second factor."""


class SecondFactorIn(_Attempt):
    """Who sets up a second factor; who has one already proves it."""


class SecondFactorConfirmIn(BaseModel):
    """The first code of a new second factor."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"login": _LOGIN, "password": _PASSWORD, "code": "123456"}]},
    )

    login: SentLogin
    password: SentPassword
    code: SentCode


class PasswordChangeIn(_Attempt):
    """The password that a user has, and the one that replaces it."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {"login": _LOGIN, "password": _PASSWORD, "new_password": "and goes out twice, too", "code": "123456"}
            ]
        },
    )

    new_password: SentPassword = Field(
        description="15 to 256 characters, 8 where a second factor is required; not a frequent one, and without the "
        "login or the name."
    )


class RefreshIn(BaseModel):
    """A refresh token."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [{"refresh_token": "gjr_…"}]})

    refresh_token: SentRefreshToken


class SignOutIn(BaseModel):
    """A refresh token of the session that ends."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [{"refresh_token": "gjr_…"}]})

    refresh_token: SentRefreshToken
