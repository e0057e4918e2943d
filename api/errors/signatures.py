"""Errors of signed requests (RFC 9421)."""

from types import MappingProxyType
from typing import Final

from api.errors.base import ApiError

_COMPONENTS: Final = (
    '"@method" "@authority" "@path" "@query" "content-digest" "content-type" "idempotency-key" "if-match" '
    '"x-api-version" "x-purpose-of-use"'
)
ACCEPT_SIGNATURE: Final = f'sig1=({_COMPONENTS});created;alg="ed25519";tag="ginja"'
"""The header that asks for a signature (RFC 9421, section 5.1): the components of the headers that are sent."""
_HEADERS: Final = MappingProxyType({"WWW-Authenticate": "Bearer", "Accept-Signature": ACCEPT_SIGNATURE})


class SignatureRequired(ApiError):
    """With an API key, this request must be signed (RFC 9421) by a key that is registered for it; `Accept-Signature`
    says what the signature covers."""

    status, kind, title = 401, "signature-required", "A signature is required"
    example = (
        "sign the request with a signing key of this API key; `ginja keys signing-key create` makes one, "
        "`ginja keys sign-request` signs"
    )
    headers = _HEADERS


class SignatureInvalid(ApiError):
    """The signature of the request is not accepted: it does not fit the request, its key or the time, or it was used
    before. Nothing was done."""

    status, kind, title = 401, "signature-invalid", "The signature is not accepted"
    example = "the nonce was used before; sign each request with a new one"
    headers = _HEADERS
