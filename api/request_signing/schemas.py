"""Bodies of the routes of signing keys."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.fields import ONE_LINE
from api.identity import MAX_NAME
from api.request_signing.records import MAX_SIGNING_KEY_LIFE, SIGNING_KEY_LIFE

_EXAMPLE = (
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEA4wMR+7sSyfjsXzCQcSYhfNSVgENUbLEoEZHhUFkHUhw=\n"
    "-----END PUBLIC KEY-----\n"
)


class SigningKeyIn(BaseModel):
    """A public key with which an actor signs requests."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {"actor_id": "key_01m86p3ap6yntdyk7shqjq4hs9", "name": "approval service", "public_key": _EXAMPLE}
            ]
        },
    )

    actor_id: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=64, pattern=ONE_LINE)] = Field(
        description="The API key or user that signs with it."
    )
    name: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=MAX_NAME, pattern=ONE_LINE)] = Field(
        description="Where the private key is kept."
    )
    public_key: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=1_000)] = Field(
        description="An Ed25519 or NIST P-256 public key in PEM (`-----BEGIN PUBLIC KEY-----`)."
    )
    expires_in_days: Annotated[
        int,
        Field(
            strict=True,
            ge=1,
            le=MAX_SIGNING_KEY_LIFE.days,
            description=f"Days until it expires; default: {SIGNING_KEY_LIFE.days}.",
        ),
    ] = SIGNING_KEY_LIFE.days


class SigningKeyRevocationIn(BaseModel):
    """A signing key is to end now; nothing more has to be said."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [{}]})
