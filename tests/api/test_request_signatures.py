"""What a signature must be: rules that need neither the API nor a database."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from api.errors import SignatureInvalid, SignatureRequired
from api.request_signing import (
    MAX_AGE,
    MAX_SKEW,
    RequestSigner,
    RequestSigningKey,
    SignableRequest,
    WrongPrivateKey,
    WrongPublicKey,
    read_public_key,
    read_signature,
    required_components,
    verify_signature,
)
from core import clock
from core.signing import new_key

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
URL = "https://claims.insurer.example/v1/keys/key_1/rotate?a=1"
BODY = b'{"overlap_hours": 24}'
HEADERS = {
    "host": "claims.insurer.example",
    "content-type": "application/json",
    "idempotency-key": "rotate-1",
    "x-purpose-of-use": "HSYSADMIN",
}
SIGNER = RequestSigner(new_key())


def pem(key: object) -> str:
    """A private key of `cryptography` in PEM."""
    made: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())  # type: ignore[attr-defined]
    return made.decode()


def key_of(signer: RequestSigner) -> RequestSigningKey:
    public, later = signer.public, NOW + timedelta(days=1)
    return RequestSigningKey("sgk_1", "key_1", public.key_id, "n", public.algorithm, public.der, NOW, later, None)


def signed(signer: RequestSigner = SIGNER, at: datetime = NOW, body: bytes = BODY) -> SignableRequest:
    with clock.held(at):
        added = signer.sign("POST", URL, HEADERS, body)
    return SignableRequest("POST", URL, HEADERS | {name.lower(): value for name, value in added.items()}, body)


def with_header(request: SignableRequest, name: str, change: Callable[[str], str]) -> SignableRequest:
    return replace(request, headers=request.headers | {name: change(request.headers[name])})


def verify(request: SignableRequest, signer: RequestSigner = SIGNER, now: datetime = NOW) -> None:
    verify_signature(request, read_signature(request, now), key_of(signer))


def test_what_is_signed_is_what_rfc_9421_says():
    """The signature base is written out here as section 2.5 describes it, and signed without the library."""
    key = Ed25519PrivateKey.generate()
    signer = RequestSigner(pem(key))
    digest = f"sha-256=:{base64.b64encode(hashlib.sha256(BODY).digest()).decode()}:"
    parameters = (
        '("@method" "@authority" "@path" "@query" "content-digest" "content-type" "idempotency-key" "x-purpose-of-use")'
        f';created={int(NOW.timestamp())};keyid="{signer.public.key_id}";alg="ed25519";nonce="0123456789abcdef";tag="ginja"'
    )
    base = (
        '"@method": POST\n"@authority": claims.insurer.example\n"@path": /v1/keys/key_1/rotate\n"@query": ?a=1\n'
        f'"content-digest": {digest}\n"content-type": application/json\n"idempotency-key": rotate-1\n'
        f'"x-purpose-of-use": HSYSADMIN\n"@signature-params": {parameters}'
    )
    signature = base64.b64encode(key.sign(base.encode())).decode()
    headers = HEADERS | {
        "content-digest": digest,
        "signature-input": f"mine={parameters}",
        "signature": f"mine=:{signature}:",
    }
    request = SignableRequest("POST", URL, headers, BODY)
    verify(request, signer)
    with pytest.raises(SignatureInvalid):
        verify(replace(request, body=BODY + b" "), signer)


def test_the_id_of_a_key_is_the_hash_of_its_public_key():
    key = Ed25519PrivateKey.generate()
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    public = read_public_key(RequestSigner(pem(key)).public_pem)
    assert public.key_id == base64.urlsafe_b64encode(hashlib.sha256(der).digest()).decode().rstrip("=")


def test_keys_of_both_algorithms_sign_and_no_other_key_does():
    p256 = RequestSigner(pem(generate_private_key(SECP256R1())))
    assert (SIGNER.public.algorithm, p256.public.algorithm) == ("ed25519", "ecdsa-p256-sha256")
    verify(signed(p256), p256)
    for other in (pem(generate_private_key(SECP384R1())), "-----BEGIN PRIVATE KEY-----", "", "ä"):
        with pytest.raises(WrongPrivateKey):
            RequestSigner(other)
        with pytest.raises(WrongPublicKey):
            read_public_key(other)


@pytest.mark.parametrize("signer", [SIGNER, RequestSigner(pem(generate_private_key(SECP256R1())))])
def test_a_signature_of_another_key_or_algorithm_is_refused(signer: RequestSigner):
    other = RequestSigner(pem(generate_private_key(SECP256R1())))
    with pytest.raises(SignatureInvalid):
        verify(signed(signer), other)


COVERED = ("host", "content-type", "idempotency-key", "x-purpose-of-use", "content-digest")
PARTS = (*COVERED, "signature", "signature-input", "method", "path", "query", "body")


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(PARTS), st.data())
def test_no_byte_of_what_is_covered_can_be_changed_removed_or_added(part: str, data: st.DataObject):
    request = REQUEST
    before = {
        "method": request.method,
        "path": URL.partition("?")[0].removeprefix("https://claims.insurer.example"),
        "query": URL.partition("?")[2],
        "body": BODY.decode(),
    }.get(part) or request.headers[part]
    place = data.draw(st.integers(0, len(before) - 1))
    character = data.draw(st.characters(min_codepoint=0x21, max_codepoint=0x7E))
    start, end = before[:place], before[place + 1 :]
    after = data.draw(st.sampled_from([start + character + end, start + end, start + character + before[place:]]))
    if after == before or (part == "host" and after.lower() == before.lower()):  # hosts have no case
        return
    changed = {
        "method": lambda: replace(request, method=after),
        "path": lambda: replace(request, url=request.url.replace(before, after, 1)),
        "query": lambda: replace(request, url=request.url.partition("?")[0] + "?" + after),
        "body": lambda: replace(request, body=after.encode()),
        "host": lambda: replace(request, url=request.url.replace(before, after, 1)),
    }.get(part, lambda: with_header(request, part, lambda _: after))()
    with pytest.raises((SignatureInvalid, SignatureRequired)):
        verify(changed)


REQUEST = signed()


@pytest.mark.parametrize("name", ["idempotency-key", "content-type", "x-purpose-of-use"])
def test_a_covered_header_cannot_be_left_out(name: str):
    with pytest.raises(SignatureInvalid):
        verify(replace(REQUEST, headers={key: value for key, value in REQUEST.headers.items() if key != name}))


@pytest.mark.parametrize("name", ["if-match", "x-api-version"])
def test_a_header_that_the_api_acts_on_cannot_be_added(name: str):
    with pytest.raises(SignatureInvalid, match=f"must cover {name} too"):
        verify(replace(REQUEST, headers=REQUEST.headers | {name: '"1"'}))


def test_a_signature_is_accepted_for_a_minute_and_from_ten_seconds_before_it_was_made():
    second = timedelta(seconds=1)
    verify(REQUEST, now=NOW + MAX_AGE)
    verify(REQUEST, now=NOW - MAX_SKEW)
    with pytest.raises(SignatureInvalid, match="older than 60 s; the clock of the API is at 2026-03-02T09:31:01Z"):
        verify(REQUEST, now=NOW + MAX_AGE + second)
    with pytest.raises(SignatureInvalid, match="in the future"):
        verify(REQUEST, now=NOW - MAX_SKEW - second)


def inputs(change: Callable[[str], str]) -> SignableRequest:
    return with_header(REQUEST, "signature-input", change)


REFUSED = {
    "a component is missing": (inputs(lambda text: text.replace(' "@query"', "")), "must cover @query too"),
    "the digest is missing": (inputs(lambda text: text.replace(' "content-digest"', "")), "must cover content-digest"),
    "a component is there twice": (inputs(lambda text: text.replace(' "@query"', ' "@query" "@query"')), "exactly"),
    "a further component": (inputs(lambda text: text.replace(' "@query"', ' "@query" "date"')), "exactly"),
    "a component with a parameter": (
        inputs(lambda text: text.replace('"@query"', '"@query";req')),
        "must cover @query",
    ),
    "no nonce": (inputs(lambda text: text.partition(";nonce=")[0] + ';tag="ginja"'), "parameters nonce too"),
    "a short nonce": (inputs(lambda text: text.partition(";nonce=")[0] + ';nonce="1";tag="ginja"'), "16 to 64"),
    "a number as nonce": (
        inputs(lambda text: text.partition(";nonce=")[0] + ';nonce=1;tag="ginja"'),
        "`nonce` must be a string",
    ),
    "no algorithm": (inputs(lambda text: text.replace(';alg="ed25519"', "")), "parameters alg too"),
    "an unknown algorithm": (inputs(lambda text: text.replace('"ed25519"', '"hmac-sha256"')), "must be one of ed25519"),
    "another algorithm": (inputs(lambda text: text.replace('"ed25519"', '"ecdsa-p256-sha256"')), "must be ed25519"),
    "another tag": (inputs(lambda text: text.replace('"ginja"', '"other"')), 'must be "ginja"'),
    "an unknown parameter": (inputs(lambda text: text + ";x=1"), "may have the parameters"),
    "a parameter twice": (inputs(lambda text: text + ';tag="ginja"'), "twice|RFC 8941"),
    "no time": (inputs(lambda text: text.replace(f";created={int(NOW.timestamp())}", "")), "parameters created too"),
    "a text as time": (inputs(lambda text: text.replace(f"{int(NOW.timestamp())}", '"now"')), "whole seconds"),
    "an endless time": (inputs(lambda text: text.replace(f"{int(NOW.timestamp())}", "9" * 15)), "whole seconds"),
    "it has expired": (inputs(lambda text: text + f";expires={int(NOW.timestamp())}"), "has expired"),
    "a long keyid": (inputs(lambda text: text.replace(SIGNER.public.key_id, "k" * 65)), "keyid"),
    "a space more": (inputs(lambda text: text.replace(" ", "  ", 1)), "RFC 8941"),
    "no dictionary": (inputs(lambda _: "x"), "a list of components|same label"),
    "not even a field": (inputs(lambda _: "\x00"), "RFC 8941"),
    "other letters": (inputs(lambda text: text + "é"), "RFC 8941"),
    "the same label twice": (inputs(lambda text: f"{text}, {text}"), "twice"),
    "two signatures": (
        with_header(
            inputs(lambda text: f"{text}, {text.replace('sig1', 'sig2')}"),
            "signature",
            lambda text: f"{text}, {text.replace('sig1', 'sig2')}",
        ),
        "one signature",
    ),
    "another label": (with_header(REQUEST, "signature", lambda text: text.replace("sig1", "sig2")), "same label"),
    "a number as signature": (with_header(REQUEST, "signature", lambda _: "sig1=1"), "byte sequence"),
    "an empty signature": (with_header(REQUEST, "signature", lambda _: "sig1=::"), "does not fit"),
    "no signature": (
        replace(REQUEST, headers={name: text for name, text in REQUEST.headers.items() if name != "signature"}),
        "`Signature` is missing",
    ),
    "no digest": (
        replace(REQUEST, headers={name: text for name, text in REQUEST.headers.items() if name != "content-digest"}),
        "`Content-Digest` must be sha-256",
    ),
    "another body": (replace(REQUEST, body=b"{}"), "not that of the body"),
    "another hash": (with_header(REQUEST, "content-digest", lambda text: text.replace("256", "512")), "sha-256"),
    "two hashes": (with_header(REQUEST, "content-digest", lambda text: f"{text}, {text}"), "sha-256"),
}


@pytest.mark.parametrize(("request_", "why"), REFUSED.values(), ids=REFUSED)
def test_what_else_is_refused_and_why(request_: SignableRequest, why: str):
    with pytest.raises(SignatureInvalid, match=why):
        verify(request_)


def test_a_request_without_a_signature_is_one_that_is_not_signed():
    with pytest.raises(SignatureRequired, match="ginja keys sign-request"):
        read_signature(SignableRequest("POST", URL, dict(HEADERS), BODY), NOW)


@given(st.sets(st.sampled_from(("content-type", "idempotency-key", "if-match", "x-api-version", "x-purpose-of-use"))))
def test_every_header_that_the_api_acts_on_is_covered_where_it_is_sent(sent: set[str]):
    components = required_components(dict.fromkeys(sent, "x"))
    assert set(components) - sent == {"@method", "@authority", "@path", "@query", "content-digest"}
    assert sent <= set(components)
