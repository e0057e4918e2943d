"""What a signature covers, and its parameters: the same for signing and verifying."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from http_message_signatures import HTTPSignatureAlgorithm
from http_message_signatures.algorithms import ECDSA_P256_SHA256, ED25519

TAG: Final = "ginja"
"""The `tag` of a signature: it was made for this API, and no other one accepts it by mistake."""
LABEL: Final = "sig1"
"""Of the signatures that are made here; of others any label is accepted."""
MAX_AGE: Final = timedelta(seconds=60)
"""After `created`, and after which `expires` says nothing more."""
MAX_SKEW: Final = timedelta(seconds=10)
"""How far `created` may lie in the future: clocks differ."""
MIN_NONCE: Final = 16
MAX_NONCE: Final = 64
"""Characters of a nonce."""
ALGORITHMS: Final[Mapping[str, type[HTTPSignatureAlgorithm]]] = {
    one.algorithm_id: one for one in (ED25519, ECDSA_P256_SHA256)
}
"""By their names in the registry of RFC 9421."""
_ALWAYS: Final = ("@method", "@authority", "@path", "@query", "content-digest")
_WHERE_SENT: Final = ("content-type", "idempotency-key", "if-match", "x-api-version", "x-purpose-of-use")
"""Further headers that the API acts on."""
SIGNATURE_HEADERS: Final = ("signature", "signature-input", "content-digest")


@dataclass(frozen=True, slots=True)
class SignableRequest:
    """A request as the library reads it."""

    method: str
    url: str
    """Absolute and percent-encoded."""
    headers: dict[str, str]
    """By name in lower case."""
    body: bytes


def required_components(headers: Mapping[str, str]) -> tuple[str, ...]:
    """The components of the only signature that is accepted for a request with these headers, by name in lower case."""
    return (*_ALWAYS, *(name for name in _WHERE_SENT if name in headers))
