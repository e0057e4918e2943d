"""Responses about signing keys."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from api.fields import InstantOut
from api.request_signing.records import RequestSigningKey


class SigningKeyOut(BaseModel):
    """A public key with which an actor signs requests."""

    signing_key_id: str = Field(examples=["sgk_01m86p3ap6yntdyk7shqjq4hs9"])
    actor_id: str = Field(description="The API key or user that signs with it.")
    key_id: str = Field(description="`keyid` of its signatures: SHA-256 of the public key (DER) in URL-safe base64.")
    name: str
    algorithm: str = Field(description="`alg` of its signatures.", examples=["ed25519"])
    state: Literal["valid", "expired", "revoked"]
    created_at: InstantOut
    expires_at: InstantOut
    revoked_at: InstantOut | None

    @classmethod
    def of(cls, key: RequestSigningKey, at: datetime) -> "SigningKeyOut":
        """The response about a key at an instant."""
        return cls(
            signing_key_id=key.signing_key_id,
            actor_id=key.actor_id,
            key_id=key.key_id,
            name=key.name,
            algorithm=key.algorithm,
            state=key.state_at(at),
            created_at=key.created_at,
            expires_at=key.expires_at,
            revoked_at=key.revoked_at,
        )


class SigningKeyPage(BaseModel):
    """Signing keys, the newest first."""

    keys: list[SigningKeyOut]
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page; null: this is the last.")
