"""Checks of a signature: everything but whether its nonce was used.

`http-message-signatures` builds the signature base and verifies it; which signatures are accepted is decided here:
exactly one, over exactly the components of the request, with every parameter, in the serialization of RFC 8941.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import http_sf
from http_message_signatures import HTTPMessageVerifier, InvalidSignature, MappingKeyResolver

from api.errors import SignatureInvalid, SignatureRequired
from api.request_signing.components import (
    ALGORITHMS,
    MAX_AGE,
    MAX_NONCE,
    MAX_SKEW,
    MIN_NONCE,
    TAG,
    SignableRequest,
    required_components,
)
from api.request_signing.public_keys import stored_key
from api.request_signing.records import RequestSigningKey

_Member: TypeAlias = tuple[object, Mapping[str, object]]
"""A value of RFC 8941 and its parameters."""
_PARAMETERS: Final = ("created", "nonce", "keyid", "alg", "tag")
_TEXTS: Final = ("nonce", "keyid", "alg", "tag")
_NONCE: Final = re.compile(rf"[\x21-\x7e]{{{MIN_NONCE},{MAX_NONCE}}}", re.ASCII)
_LONGEST_KEY_ID: Final = 64
_DIGEST: Final = re.compile(r"sha-256=:([A-Za-z0-9+/]{43}=):", re.ASCII)


@dataclass(frozen=True, slots=True)
class StatedSignature:
    """What a signature says of itself; nothing of it is verified yet but its form and its time."""

    key_id: str
    nonce: str
    algorithm: str


def read_signature(request: SignableRequest, now: datetime) -> StatedSignature:
    """Read the signature of a request and check everything that needs no key.

    Raises `SignatureRequired` where there is none, `SignatureInvalid`.
    """
    if not {"signature", "signature-input"} & request.headers.keys():
        raise SignatureRequired(SignatureRequired.example)
    components, parameters = _read_headers(request.headers)
    _require_components(components, request.headers)
    stated = _require_parameters(parameters, now)
    _require_digest(request)
    return stated


def verify_signature(request: SignableRequest, stated: StatedSignature, key: RequestSigningKey) -> None:
    """Verify the signature of a request that `read_signature` accepted by the key that it names.

    Raises `SignatureInvalid`.
    """
    if stated.algorithm != key.algorithm:
        raise SignatureInvalid(f"`alg` must be {key.algorithm}, the algorithm of the signing key")
    keys = MappingKeyResolver(public_keys={stated.key_id: stored_key(key.public_key)}, private_keys={})
    try:
        _Verifier(signature_algorithm=ALGORITHMS[key.algorithm], key_resolver=keys).verify(request)
    except InvalidSignature:
        # The text of the library names parts of the request.
        raise SignatureInvalid(
            "the signature does not fit the request: sign what is sent, with the authority of the API's address"
        ) from None


class _Verifier(HTTPMessageVerifier):
    """The library's, without its own clock: `read_signature` has checked the times by the clock of this platform."""

    def validate_created_and_expires(self, sig_input: object, max_age: object = None) -> None:
        """Nothing is left to check."""


def _read_headers(headers: Mapping[str, str]) -> tuple[list[_Member], Mapping[str, object]]:
    """Components and parameters of the only signature."""
    stated, signatures = (_dictionary(headers, name) for name in ("signature-input", "signature"))
    if len(stated) != 1 or stated.keys() != signatures.keys():
        raise SignatureInvalid(
            "`Signature-Input` and `Signature` must have one signature with the same label; send no other"
        )
    (components, parameters), (value, of_value) = next(iter(stated.values())), next(iter(signatures.values()))
    if not isinstance(components, list) or not isinstance(value, bytes) or of_value:
        raise SignatureInvalid("`Signature-Input` must be a list of components, and `Signature` a byte sequence")
    return components, parameters


def _dictionary(headers: Mapping[str, str], name: str) -> Mapping[str, _Member]:
    """A header as an RFC 8941 dictionary, which must be serialized as the RFC says: no byte may vary."""
    title = name.title()
    if name not in headers:
        raise SignatureInvalid(f"`{title}` is missing; send `Signature-Input` and `Signature`")

    def refuse(_key: str, _context: str) -> None:
        raise SignatureInvalid(f"`{title}` has a label or parameter twice")

    try:
        read: Any = http_sf.parse(headers[name].encode("ascii"), tltype="dictionary", on_duplicate_key=refuse)
        if isinstance(read, dict) and http_sf.ser(read) == headers[name]:  # codespell:ignore ser
            return read
    except (ValueError, TypeError, RecursionError):
        pass
    raise SignatureInvalid(f"`{title}` must be a dictionary in the serialization of RFC 8941")


def _require_components(sent: list[_Member], headers: Mapping[str, str]) -> None:
    names = [value if not parameters else None for value, parameters in sent]
    required = required_components(headers)
    if missing := [one for one in required if one not in names]:
        raise SignatureInvalid(f"the signature must cover {', '.join(missing)} too")
    if len(names) != len(required):
        raise SignatureInvalid(f"the signature must cover exactly {', '.join(required)}, each once, without parameters")


def _require_parameters(sent: Mapping[str, object], now: datetime) -> StatedSignature:
    if missing := [one for one in _PARAMETERS if one not in sent]:
        raise SignatureInvalid(f"the signature must have the parameters {', '.join(missing)} too")
    if sent.keys() - {*_PARAMETERS, "expires"}:
        raise SignatureInvalid(f"the signature may have the parameters {', '.join(_PARAMETERS)} and expires only")
    texts = {name: value for name, value in sent.items() if isinstance(value, str)}
    if missing := [one for one in _TEXTS if one not in texts]:
        raise SignatureInvalid(f"{', '.join(f'`{one}`' for one in missing)} must be a string")
    if texts["tag"] != TAG:
        raise SignatureInvalid(f'`tag` must be "{TAG}"')
    if texts["alg"] not in ALGORITHMS:
        raise SignatureInvalid(f"`alg` must be one of {', '.join(ALGORITHMS)}")
    if not _NONCE.fullmatch(texts["nonce"]):
        raise SignatureInvalid(f"`nonce` must be {MIN_NONCE} to {MAX_NONCE} random characters, of ASCII without spaces")
    if len(texts["keyid"]) > _LONGEST_KEY_ID or "\0" in texts["keyid"]:
        raise SignatureInvalid("`keyid` must be that of a signing key; `ginja keys signing-key list` shows it")
    _require_time(sent["created"], sent.get("expires"), now)
    return StatedSignature(texts["keyid"], texts["nonce"], texts["alg"])


def _require_time(created: object, expires: object, now: datetime) -> None:
    at = _instant("created", created)
    clock = f"the clock of the API is at {now:%Y-%m-%dT%H:%M:%SZ}"
    if at > now + MAX_SKEW:
        raise SignatureInvalid(f"`created` is in the future; {clock}; set that of the client")
    if at < now - MAX_AGE:
        raise SignatureInvalid(
            f"the signature is older than {MAX_AGE.total_seconds():.0f} s; {clock}; sign each request as it is sent"
        )
    if expires is not None and not max(at, now) < _instant("expires", expires):
        raise SignatureInvalid(f"the signature has expired; {clock}; sign each request as it is sent")


def _instant(name: str, value: object) -> datetime:
    try:
        if type(value) is int:
            return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError):
        pass
    raise SignatureInvalid(f"`{name}` must be whole seconds since 1970")


def _require_digest(request: SignableRequest) -> None:
    sent = _DIGEST.fullmatch(request.headers.get("content-digest", ""))
    try:
        digest = b"" if sent is None else base64.b64decode(sent[1], validate=True)
    except binascii.Error:
        digest = b""
    actual = hashlib.sha256(request.body).digest()
    if sent is None or base64.b64encode(digest).decode() != sent[1]:
        raise SignatureInvalid("`Content-Digest` must be sha-256=:…: with the SHA-256 of the body in base64 (RFC 9530)")
    if not hmac.compare_digest(digest, actual):
        raise SignatureInvalid("`Content-Digest` is not that of the body; the body was changed after it was signed")
