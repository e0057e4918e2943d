"""An ID token is accepted only as the provider issues it for this sign-in."""

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws, jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from api.oidc.errors import ProviderRefused
from api.oidc.id_token import ExpectedToken, verified_identity
from core import clock
from tests.api.identity_provider import CLIENT_ID, Provider

AT = datetime(2026, 11, 28, 12, tzinfo=UTC)
ISSUER = "https://login.insurer.example"
EC, RSA = ECKey.generate_key("P-256", {"kid": "one"}), RSAKey.generate_key(2048, {"kid": "two"})
KEYS = KeySet([EC, RSA])
EXPECTED = ExpectedToken(ISSUER, CLIENT_ID, "n-1", timedelta(hours=12), frozenset({"mfa", "acr-2"}))
INSTANT = int(AT.timestamp())


def token(key: ECKey | RSAKey = EC, **claims: Any) -> str:
    with clock.held(AT):
        return Provider(url=ISSUER, key=key).id_token("n-1", claims)


@pytest.mark.parametrize("key", [EC, RSA])
def test_a_valid_token_says_who_the_person_is_and_how_it_signed_in(key: ECKey | RSAKey) -> None:
    found = verified_identity(token(key), KEYS, EXPECTED, AT)
    assert (found.subject, found.has_second_factor) == ("7d1c0f0e", True)
    assert found.proved_at == AT - timedelta(seconds=5)


@pytest.mark.parametrize(
    ("claims", "has_second_factor"),
    [
        ({"amr": ["pwd"]}, False),
        ({"amr": None}, False),
        ({"amr": None, "acr": "acr-2"}, True),
        ({"amr": ["pwd"], "acr": "acr-1"}, False),
        ({"amr": ["face", "mfa"], "acr": "acr-1"}, True),
    ],
)
def test_a_second_factor_is_one_that_the_setting_names(claims: dict[str, Any], has_second_factor: bool) -> None:
    assert verified_identity(token(**claims), KEYS, EXPECTED, AT).has_second_factor is has_second_factor


@pytest.mark.parametrize(
    "claims",
    [
        *({"iss": one} for one in (f"{ISSUER}/", "https://evil.test", None)),
        *({"aud": one} for one in ("another", [CLIENT_ID, "another"], [], None)),
        *({"sub": one} for one in ("", "x" * 256, 7, None)),
        *({"exp": one} for one in (INSTANT - 60, -1, "soon", None)),
        *({"iat": one} for one in (INSTANT - 601, INSTANT + 61, None)),
        *({"auth_time": one} for one in (INSTANT - 12 * 3600 - 61, INSTANT + 61, None)),
        *({"nonce": one} for one in ("n-2", "", None)),
        {"azp": "another"},
        {"amr": "mfa"},
    ],
    ids=str,
)
def test_a_token_that_says_something_else_is_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(ProviderRefused):
        verified_identity(token(**claims), KEYS, EXPECTED, AT)


@pytest.mark.parametrize("change", ["none", "shared secret", "kid", "another key", "short key", "crit", "jwk", "cut"])
def test_a_token_that_a_key_of_the_provider_did_not_sign_is_refused(change: str) -> None:
    header, payload, signature = token().split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    if change == "none":
        forged = f"{encoded({'alg': 'none', 'kid': 'one'})}.{payload}."
    elif change == "shared secret":
        signed = f"{encoded({'alg': 'HS256', 'kid': 'one'})}.{payload}"
        mac = hmac.digest(EC.as_pem(private=False), signed.encode(), "sha256")
        forged = f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
    elif change == "kid":
        forged = token(ECKey.import_key(EC.as_dict(private=True) | {"kid": "three"}))
    elif change == "another key":
        forged = token(ECKey.generate_key("P-256", {"kid": "one"}))
    elif change == "short key":
        short = RSAKey.generate_key(1024, {"kid": "one"})
        with pytest.raises(ProviderRefused):
            verified_identity(token(short), KeySet([short]), EXPECTED, AT)
        return
    elif change == "crit":
        forged = jws.serialize_compact(
            {"alg": "ES256", "kid": "one", "crit": ["b64"], "b64": True}, json.dumps(claims), EC, algorithms=["ES256"]
        )
    elif change == "jwk":
        own = ECKey.generate_key("P-256", {"kid": "own"})
        stated = {"alg": "ES256", "kid": "own", "jwk": own.as_dict(private=False)}
        forged = jwt.encode(stated, claims, own, algorithms=["ES256"])
    else:
        forged = f"{header}.{payload}.{signature[:-4]}"
    with pytest.raises(ProviderRefused):
        verified_identity(forged, KEYS, EXPECTED, AT)


_VALID = token()


@given(place=st.integers(0, len(_VALID) - 1), character=st.characters(codec="ascii", categories=["L", "N"]))
def test_a_token_with_another_character_is_not_accepted_for_somebody_else(place: int, character: str) -> None:
    changed = _VALID[:place] + character + _VALID[place + 1 :]
    try:
        found = verified_identity(changed, KEYS, EXPECTED, AT)
    except ProviderRefused:
        return
    assert found == verified_identity(_VALID, KEYS, EXPECTED, AT)


@given(st.text(max_size=200))
def test_any_text_is_refused_as_no_token(text: str) -> None:
    with pytest.raises(ProviderRefused):
        verified_identity(text, KEYS, EXPECTED, AT)


def encoded(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
