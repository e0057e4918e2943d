"""Signed requests that are sent again, changed, stripped, or signed by somebody else."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Final

import httpx

from api.request_signing import MAX_AGE, MAX_SKEW, SIGNATURE_HEADERS, RequestSigner
from benchmarks.security.attempts import AttackClass, Attempt
from benchmarks.security.scene import AttackScene
from core import clock
from core.signing import new_key

REPLAYS: Final = 1_000
_PATH: Final = "/v1/keys"
_BODY: Final = b'{"name": "made by an attacker", "role": "monitoring"}'
_STEP: Final = 3
"""Every third byte is changed."""
_LABELLED: Final = ("signature", "signature-input")
_SECOND: Final = timedelta(seconds=1)


def signatures(scene: AttackScene) -> Iterator[Attempt]:
    """Replays of an accepted request, and changed copies of one that was not sent yet."""
    sent = scene.signed_by("admin", _PATH, _BODY)
    accepted = scene.client.send(sent).status_code
    yield Attempt(AttackClass.SIGNATURES, "the request is one that is accepted", accepted == 201, str(accepted))
    for number in range(REPLAYS):
        yield _attempt(scene, f"replay {number + 1}", sent.headers)
    unused = scene.signed_by("admin", _PATH, _BODY)
    yield from _changed(scene, unused.headers)
    yield from _stripped(scene, unused.headers)
    yield from _of_others(scene, unused.headers)
    still = scene.client.send(unused).status_code
    yield Attempt(AttackClass.SIGNATURES, "no attempt used its nonce up", still == 201, str(still))


def _changed(scene: AttackScene, headers: Mapping[str, str]) -> Iterator[Attempt]:
    for place in range(0, len(_BODY), _STEP):
        body = _BODY[:place] + bytes([_BODY[place] ^ 1]) + _BODY[place + 1 :]
        yield _attempt(scene, f"byte {place} of the body", headers, body=body)
    for name in SIGNATURE_HEADERS:
        value = headers[name]
        for place in range(0, len(value), _STEP):
            other = "B" if value[place] == "A" else "A"
            changed = {**headers, name: value[:place] + other + value[place + 1 :]}
            yield _attempt(scene, f"byte {place} of {name}", changed)
    others = {"content-type": "application/x+json", "host": "evil.example", "x-purpose-of-use": "FRAUD"}
    for name, value in others.items():
        yield _attempt(scene, f"another {name}", {**headers, name: value})
    for path in ("/v1/users", "/v1/signing-keys", "/v1/policies:rollback"):
        yield _attempt(scene, f"sent to {path}", headers, path=path)


def _stripped(scene: AttackScene, headers: Mapping[str, str]) -> Iterator[Attempt]:
    for names in (SIGNATURE_HEADERS, *((name,) for name in SIGNATURE_HEADERS)):
        kept = {name: value for name, value in headers.items() if name not in names}
        yield _attempt(scene, f"without {', '.join(names)}", kept)
    twice = f"{headers['signature']}, {headers['signature']}"
    yield _attempt(scene, "the same label twice", {**headers, "signature": twice})


def _of_others(scene: AttackScene, headers: Mapping[str, str]) -> Iterator[Attempt]:
    unknown = scene.signed_by("admin", _PATH, _BODY, RequestSigner(new_key()))
    yield _attempt(scene, "a key that is not registered", unknown.headers)
    for role in ("claims_system", "investigator"):
        yield _attempt(scene, f"with the API key of {role}", {**headers, "authorization": f"Bearer {scene.keys[role]}"})
    for name, shift in {"old": -MAX_AGE - 2 * _SECOND, "from the future": MAX_SKEW + 30 * _SECOND}.items():
        with clock.held(clock.now() + shift):
            moved = scene.signed_by("admin", _PATH, _BODY)
        yield _attempt(scene, f"a signature that is {name}", moved.headers)
    both = {name: f"{headers[name]}, {headers[name].replace('sig1', 'sig2')}" for name in _LABELLED}
    yield _attempt(scene, "a second signature", {**headers, **both})


def _attempt(
    scene: AttackScene, name: str, headers: Mapping[str, str], *, path: str = _PATH, body: bytes = _BODY
) -> Attempt:
    kept = {key: value for key, value in headers.items() if key != "content-length"}
    answer: httpx.Response = scene.client.post(path, content=body, headers=kept)
    refused = answer.status_code in (401, 403, 422)
    return Attempt(AttackClass.SIGNATURES, name, refused, f"{answer.status_code}: {answer.text[:80]}")
