"""Access tokens that the platform did not issue, made from one that it did and from its published keys."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from typing import Final

from pydantic import JsonValue

from benchmarks.security.attempts import AttackClass, Attempt
from benchmarks.security.scene import AttackScene

_LOGIN: Final = "attacker@insurer.example"
_PASSWORD: Final = "seven plain words in no known order"  # of a user that lives as long as the platform of the attack
_HEADERS: Final[dict[str, dict[str, JsonValue]]] = {
    "alg none": {"alg": "none"},
    "alg None": {"alg": "None"},
    "alg HS256": {"alg": "HS256"},
    "alg HS256 and an empty kid": {"alg": "HS256", "kid": ""},
    "kid of a path": {"kid": "../../../../dev/null"},
    "kid of SQL": {"kid": "x' UNION SELECT 'key"},
    "unknown kid": {"kid": "unknown"},
    "jku": {"jku": "https://evil.example/keys"},
    "x5u": {"x5u": "https://evil.example/certificate"},
    "jwk": {"jwk": {"kty": "oct", "k": "AAAA"}},
    "crit": {"crit": ["exp"]},
    "typ of a refresh token": {"typ": "rt+jwt"},
    "typ of an id token": {"typ": "JWT"},
}
_CLAIMS: Final[dict[str, dict[str, JsonValue]]] = {
    "expired long ago": {"exp": 1},
    "valid for ever": {"exp": 99_999_999_999},
    "not valid yet": {"nbf": 99_999_999_999},
    "another audience": {"aud": "other"},
    "another issuer": {"iss": "https://evil.example"},
    "another user": {"sub": "usr_00000000000000000000000000"},
    "another role": {"role": "admin"},
    "another second factor": {"amr": ["pwd", "otp"]},
}


def tokens(scene: AttackScene) -> Iterator[Attempt]:
    """Forged headers and claims, unsigned, signed with the public keys as a secret, and with the old signature."""
    token = _token(scene)
    admitted = scene.send("GET", "/v1/me", headers=_bearer(token)).status_code
    yield Attempt(AttackClass.TOKENS, "the token is one that is accepted", admitted == 200, str(admitted))
    head, claims, signature = token.split(".")
    published = scene.send("GET", "/v1/auth/keys").content
    for name, header in _HEADERS.items():
        yield from _attempts(scene, name, {**_decoded(head), **header}, _decoded(claims), signature, published)
    for name, changed in _CLAIMS.items():
        yield from _attempts(scene, name, _decoded(head), {**_decoded(claims), **changed}, signature, published)
    for name, text in {
        "cut off": token[:-4], "no signature": f"{head}.{claims}.", "two parts": f"{head}.{claims}",
        "four parts": f"{token}.x", "another signature": f"{head}.{claims}.{signature[::-1]}", "dots": "..",
        "not base64": f"!.{claims}.{signature}", "huge": f"{head}.{'A' * 7_000}.{signature}",
    }.items():  # fmt: skip
        yield _attempt(scene, name, text)


def _attempts(
    scene: AttackScene,
    name: str,
    header: Mapping[str, JsonValue],
    claims: Mapping[str, JsonValue],
    signature: str,
    published: bytes,
) -> Iterator[Attempt]:
    content = f"{_encoded(header)}.{_encoded(claims)}"
    mac = hmac.new(published, content.encode(), hashlib.sha256).digest()
    for how, signed in {"unsigned": "", "old signature": signature, "public key as secret": _base64(mac)}.items():
        yield _attempt(scene, f"{name}, {how}", f"{content}.{signed}")


def _attempt(scene: AttackScene, name: str, token: str) -> Attempt:
    answer = scene.send("GET", "/v1/me", headers=_bearer(token))
    return Attempt(AttackClass.TOKENS, name, answer.status_code == 401, f"{answer.status_code}: {answer.text[:80]}")


def _token(scene: AttackScene) -> str:
    """The access token of a new user of the role `operator`."""
    user = {"login": _LOGIN, "display_name": "Attacker", "role": "operator"}
    made = scene.send("POST", "/v1/users", "admin", json=user).json()
    change = {"login": _LOGIN, "password": made["password"], "new_password": _PASSWORD}
    scene.send("POST", "/v1/auth/password", json=change).raise_for_status()
    answer = scene.send("POST", "/v1/auth/token", json={"login": _LOGIN, "password": _PASSWORD})
    answer.raise_for_status()
    return str(answer.json()["access_token"])


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _decoded(part: str) -> dict[str, JsonValue]:
    document: dict[str, JsonValue] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return document


def _encoded(document: Mapping[str, JsonValue]) -> str:
    return _base64(json.dumps(document).encode())


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
