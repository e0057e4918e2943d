"""Responses about signing in."""

from dataclasses import fields
from typing import Literal, Self

from pydantic import BaseModel, Field

from api.fields import InstantOut
from api.identity import Caller
from api.tokens.records import ACCESS_LIFE, TokenPair, UserSession


class TokenOut(BaseModel):
    """Tokens of a session, named as in RFC 6749."""

    access_token: str = Field(description="Sent as `Authorization: Bearer …`. A JWT (RFC 9068).")
    token_type: Literal["Bearer"]
    expires_in: int = Field(description="Seconds until the access token expires.")
    refresh_token: str = Field(description="Gets the next tokens, once. Keep it as secret as the password.")
    refresh_expires_at: InstantOut = Field(description="If it is not used before.")

    @classmethod
    def of(cls, pair: TokenPair) -> Self:
        """The tokens of a session."""
        return cls(
            access_token=pair.access_token,
            token_type="Bearer",
            expires_in=int(ACCESS_LIFE.total_seconds()),
            refresh_token=pair.refresh_token,
            refresh_expires_at=pair.refresh_expires_at,
        )


class SecondFactorOut(BaseModel):
    """A new secret for an authenticator app, shown once; its first code makes it the second factor."""

    secret: str = Field(description="Base 32, to be typed where no QR code can be read.")
    uri: str = Field(description="`otpauth://totp/…`, to be shown as a QR code.")


class RecoveryCodesOut(BaseModel):
    """Codes that stand in for the second factor, each once. They are shown once; store them away from the device."""

    recovery_codes: list[str]


class JsonWebKeyOut(BaseModel):
    """A public key (RFC 7517)."""

    kty: Literal["EC"]
    crv: Literal["P-256"]
    x: str
    y: str
    kid: str
    use: Literal["sig"]
    alg: Literal["ES256"]


class JsonWebKeySetOut(BaseModel):
    """The public keys that verify access tokens (RFC 7517)."""

    keys: list[JsonWebKeyOut]


class MeOut(BaseModel):
    """Who sends the request, and what it may do."""

    actor_id: str = Field(description="Of the user (`usr_…`) or of the API key (`key_…`).")
    kind: Literal["user", "api_key"]
    name: str
    role: str
    provider_id: str | None = Field(description="The only provider whose claims it may access; null: it has none.")
    member_id: str | None = Field(description="The only member whose claims it may access; null: it has none.")
    scopes: list[str]

    @classmethod
    def of(cls, caller: Caller) -> Self:
        """A caller as it sees itself."""
        return cls(
            actor_id=caller.actor_id,
            kind="user" if caller.is_user else "api_key",
            name=caller.name,
            role=caller.role,
            provider_id=caller.provider_id,
            member_id=caller.member_id,
            scopes=sorted(one.value for one in caller.scopes),
        )


class UserSessionOut(BaseModel):
    """A session that goes on."""

    session_id: str
    kind: Literal["api", "console"] = Field(description="Tokens of a program, or a browser at the console.")
    is_current: bool = Field(description="The session of this request.")
    created_at: InstantOut = Field(description="When the user signed in.")
    used_at: InstantOut = Field(description="When the tokens were last refreshed.")
    expires_at: InstantOut = Field(description="If the tokens are not refreshed before; of the console, in any case.")
    methods: list[str] = Field(description="How the user proved to be it (RFC 8176).")
    address: str | None = Field(description="Network address of the sign-in.")
    agent: str | None = Field(description="The program that signed in, as it names itself.")

    @classmethod
    def of(cls, session: UserSession, current: str | None) -> Self:
        """The response; `current` is the id of the session of the request."""
        values = {one.name: getattr(session, one.name) for one in fields(UserSession)}
        return cls(**values, is_current=session.session_id == current)


class UserSessionsOut(BaseModel):
    """The sessions of the user that go on, the latest first."""

    sessions: list[UserSessionOut]
