"""Responses about API keys."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, Field

from api.fields import InstantOut
from api.identity import ApiKey


class ApiKeyOut(BaseModel):
    """An API key, without its secret."""

    api_key_id: str = Field(examples=["key_01m86p3ap6yntdyk7shqjq4hs9"])
    name: str
    role: str = Field(examples=["claims_system"])
    provider_id: str | None = Field(description="The only provider whose claims it may access.")
    member_id: str | None = Field(None, description="The only member whose claims it may access.")
    scopes: list[str] | None = Field(description="What it may do of what its role may; null: all of it.")
    state: str = Field(description="`valid`, `expiring` (within 30 days), `expired` or `revoked`.", examples=["valid"])
    created_at: InstantOut
    expires_at: InstantOut | None = Field(description="Null: it was created before keys had to expire.")
    revoked_at: InstantOut | None
    last_used_at: InstantOut | None = Field(description="To within seconds, a minute late; null: not used yet.")
    replaced_by: str | None = Field(description="The key that it was rotated to.")
    api_version: str | None = Field(description="The version of the API that it gets; null: not used yet.")

    @classmethod
    def of(cls, key: ApiKey, at: datetime) -> "ApiKeyOut":
        """The response about a key at an instant."""
        return cls.model_validate(_values(key, at))


class IssuedKeyOut(ApiKeyOut):
    """A new API key with its secret, which is not shown again."""

    secret: str = Field(description="Sent as `Authorization: Bearer gja_live_…`.", examples=["gja_live_…"])

    @classmethod
    def with_secret(cls, key: ApiKey, secret: str, at: datetime) -> "IssuedKeyOut":
        """The response about a new key."""
        return cls.model_validate(_values(key, at) | {"secret": secret})


class ApiKeyPage(BaseModel):
    """Keys, the newest first."""

    keys: list[ApiKeyOut]
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page; null: this is the last.")


def _values(key: ApiKey, at: datetime) -> dict[str, str | datetime | Sequence[str] | None]:
    return {
        "api_key_id": key.api_key_id,
        "name": key.name,
        "role": key.role,
        "provider_id": key.provider_id,
        "member_id": key.member_id,
        "scopes": key.scopes,
        "state": key.state_at(at),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "last_used_at": key.last_used_at,
        "replaced_by": key.replaced_by,
        "api_version": key.api_version,
    }
