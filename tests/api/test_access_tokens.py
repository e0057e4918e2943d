"""Access tokens: only what this tenant's keys signed, as it is signed, while it is valid, and the user may act."""

import asyncio
import base64
import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from api.field_keys import FieldKeys, StoredSecrets
from api.identity import Caller
from api.tokens import AccessTokens, SigningKeys
from api.tokens.access import CACHE_S
from api.tokens.records import ACCESS_LIFE, RECENT
from core import clock
from core.settings import Settings
from tests.api.makers import ENCRYPTION_KEY, Api, running_api
from tests.api.signing_in import OPERATOR, get_me, investigator, person, with_second_factor

SETTINGS = Settings(encryption_keys=ENCRYPTION_KEY)  # type: ignore[arg-type]


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    header, payload, _ = token.split(".")
    return read(header), read(payload)


def read(part: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return document


def write(document: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")


def signing_keys(api: Api) -> SigningKeys:
    """The keys as another process has them."""
    return SigningKeys(api.database, StoredSecrets(SETTINGS, FieldKeys(SETTINGS, api.url)))


def fresh(api: Api, *, tenant: str = "default") -> AccessTokens:
    """The tokens of another process."""
    return AccessTokens(api.database, signing_keys(api), tenant)


async def signed_by_us(api: Api, header: dict[str, Any], claims: dict[str, Any]) -> str:
    _, key = await api.dependencies.signing_keys.signing()
    return jwt.encode(header, claims, key, algorithms=["ES256"], default_type=None)


async def test_a_token_has_the_claims_of_rfc_9068(api: Api):
    one = await investigator(api)
    header, claims = parts((await one.sign_in())["access_token"])
    assert (header["alg"], header["typ"]) == ("ES256", "at+jwt")
    assert (claims["iss"], claims["aud"], claims["sub"]) == ("ginja", "default", one.user_id)
    assert (claims["amr"], claims["exp"] - claims["iat"]) == (["pwd", "otp"], ACCESS_LIFE.total_seconds())
    assert "insurer.example" not in json.dumps(claims)


async def test_a_token_is_verified_by_the_published_keys_alone(api: Api):
    token = (await (await person(api)).sign_in())["access_token"]
    (published,) = (await api.client.get("/v1/auth/keys")).json()["keys"]
    assert set(published) == {"kty", "crv", "x", "y", "kid", "use", "alg"}, "nothing private"
    assert jwt.decode(token, ECKey.import_key(published), algorithms=["ES256"]).claims["iss"] == "ginja"


HMAC = OctKey.import_key("a secret of 32 bytes, at least")


def flipped(token: str) -> str:
    head, _, signature = token.rpartition(".")
    return f"{head}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


FORGED: dict[str, Callable[[str], str]] = {
    "none": lambda token: f"{write(parts(token)[0] | {'alg': 'none'})}.{token.split('.')[1]}.",
    "NoNe": lambda token: f"{write(parts(token)[0] | {'alg': 'NoNe'})}.{token.split('.')[1]}.",
    "no signature": lambda token: token.rpartition(".")[0] + ".",
    "another signature": flipped,
    "other claims": lambda token: token.replace(token.split(".")[1], write(parts(token)[1] | {"role": "admin"})),
    "a public key as HMAC secret": lambda token: jwt.encode(
        parts(token)[0] | {"alg": "HS256"},
        parts(token)[1],
        HMAC,
        algorithms=["HS256"],
    ),
    "a key of the token's own": lambda token: (
        lambda key: jwt.encode(
            parts(token)[0] | {"jwk": key.as_dict(private=False)}, parts(token)[1], key, algorithms=["ES256"]
        )
    )(ECKey.generate_key("P-256")),
    "another key under our kid": lambda token: jwt.encode(
        parts(token)[0], parts(token)[1], ECKey.generate_key("P-256"), algorithms=["ES256"]
    ),
    "RSA": lambda token: jwt.encode(
        parts(token)[0] | {"alg": "RS256"}, parts(token)[1], RSAKey.generate_key(2_048), algorithms=["RS256"]
    ),
    "not base64": lambda token: "!.!.!",
    "nested": lambda token: ".".join([base64.urlsafe_b64encode(b"[" * 1_400).decode().rstrip("="), "e30", "AA"]),
    "empty": lambda token: "..",
    "not ASCII": lambda token: f"é{token}",
    "long": lambda token: token + "A" * 2_048,
}


@pytest.mark.parametrize("forgery", FORGED)
async def test_a_forged_token_is_refused(api: Api, forgery: str):
    token = (await (await person(api)).sign_in())["access_token"]
    forged = FORGED[forgery](token)
    answer = await api.client.get("/v1/me", headers={"Authorization": f"Bearer {forged}".encode()})
    assert answer.status_code == 401
    assert (await get_me(api, token)).status_code == 200


CHANGED: dict[str, Callable[[dict[str, Any], dict[str, Any]], Any]] = {
    # of a token that is signed by the platform's own key
    "typ": lambda header, _: header.update(typ="JWT"),
    "no typ": lambda header, _: header.pop("typ"),
    "kid": lambda header, _: header.update(kid="tky_unknown"),
    "a kid that is no text": lambda header, _: header.update(kid=1),
    "no kid": lambda header, _: header.pop("kid"),
    "jku": lambda header, _: header.update(jku="https://attacker.example/keys"),
    "crit": lambda header, _: header.update(crit=["exp"]),
    "iss": lambda _, claims: claims.update(iss="another"),
    "aud": lambda _, claims: claims.update(aud="another-tenant"),
    "a list of aud": lambda _, claims: claims.update(aud=["default", "other"]),
    "no exp": lambda _, claims: claims.pop("exp"),
    "exp as text": lambda _, claims: claims.update(exp=str(claims["exp"])),
    "exp true": lambda _, claims: claims.update(exp=True),
    "exp of the year 10,000": lambda _, claims: claims.update(exp=10**12),
    "expired": lambda _, claims: claims.update(exp=int(time.time()) - 1),
    "not valid yet": lambda _, claims: claims.update(nbf=int(time.time()) + 60),
    "another session": lambda _, claims: claims.update(sid="ses_unknown"),
    "another user": lambda _, claims: claims.update(sub="usr_unknown"),
    "no sub": lambda _, claims: claims.pop("sub"),
    "a further claim": lambda _, claims: claims.update(scope="admin"),
}


@pytest.mark.parametrize("change", CHANGED)
async def test_a_token_that_is_not_as_issued_is_refused_although_it_is_signed(api: Api, change: str):
    header, claims = parts((await (await person(api)).sign_in())["access_token"])
    assert (await get_me(api, await signed_by_us(api, header, claims))).status_code == 200
    CHANGED[change](header, claims)
    _, key = await api.dependencies.signing_keys.signing()
    try:
        token = await signed_by_us(api, header, claims)
    except Exception:  # the library signs no such header
        token = jws.serialize_compact({"alg": "ES256"}, json.dumps(claims), key, algorithms=["ES256"])
    assert (await get_me(api, token)).status_code == 401


async def test_a_token_is_valid_for_ten_minutes(api: Api):
    one, at = await person(api), clock.now().replace(microsecond=0) + timedelta(seconds=1)
    with clock.held(at):
        token = (await one.sign_in())["access_token"]
    with clock.held(at + ACCESS_LIFE - timedelta(microseconds=1)):
        assert (await get_me(api, token)).status_code == 200
    for when in (at + ACCESS_LIFE, at - timedelta(microseconds=1)):
        with clock.held(when):
            assert (await get_me(api, token)).status_code == 401


async def test_a_token_of_another_tenant_is_refused(api: Api, new_database, seeded_template: str):
    token = (await (await person(api)).sign_in())["access_token"]
    assert (await fresh(api).caller_of(token)).role == "operator"
    with pytest.raises(Exception, match="invalid or expired"):
        await fresh(api, tenant="other").caller_of(token)
    with new_database(seeded_template) as url:
        async with running_api(url) as other:
            assert (await get_me(other, token)).status_code == 401


async def test_a_rotated_key_verifies_while_its_tokens_live(api: Api):
    one, at = await person(api), clock.now().replace(microsecond=0) + timedelta(seconds=1)
    with clock.held(at):
        before = (await one.sign_in())["access_token"]
        kid = await api.dependencies.signing_keys.rotate(OPERATOR)
        after = (await one.sign_in())["access_token"]
        assert parts(before)[0]["kid"] != parts(after)[0]["kid"] == kid
        for token in (before, after):
            assert (await get_me(api, token)).status_code == 200
            assert (await fresh(api).caller_of(token)).actor_id == one.user_id
        assert len((await api.client.get("/v1/auth/keys")).json()["keys"]) == 2
    with clock.held(at + 2 * ACCESS_LIFE):
        assert len((await api.client.get("/v1/auth/keys")).json()["keys"]) == 1
        assert await signing_keys(api).verifying(parts(before)[0]["kid"]) is None
    assert ("token_key.rotate",) in api.rows("SELECT act FROM audit_log")
    assert b"PRIVATE KEY" not in api.rows("SELECT private_key FROM token_keys")[0][0]


async def test_processes_that_need_a_key_at_the_same_time_make_one(api: Api):
    processes = [signing_keys(api) for _ in range(6)]
    assert len({kid for kid, _ in await asyncio.gather(*(one.signing() for one in processes))}) == 1
    assert api.count("token_keys") == 1


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE users SET state = 'disabled', disabled_at = now()",
        "UPDATE users SET signed_out_at = now()",
        "UPDATE token_families SET ended_at = now()",
    ],
)
async def test_a_change_in_another_process_counts_once_the_cache_expires(api: Api, monkeypatch, change: str):
    token = (await (await person(api)).sign_in())["access_token"]
    assert (await get_me(api, token)).status_code == 200
    api.execute(change)
    monkeypatch.setattr("api.tokens.access.CACHE_S", 0.0)
    assert (await get_me(api, token)).status_code == 200, "still cached"
    api.dependencies.access_tokens._cached.clear()
    assert (await get_me(api, token)).status_code == 401


def test_the_cache_is_shorter_than_a_minute():
    assert CACHE_S <= 60


async def test_requests_within_the_cache_send_no_statement_about_the_user(api: Api, sent_statements: list[str]):
    token = (await (await person(api)).sign_in())["access_token"]
    await get_me(api, token)
    sent_statements.clear()
    assert (await get_me(api, token)).status_code == 200
    assert sent_statements == []


async def test_what_needs_a_recent_second_factor_asks_for_it_after_ten_minutes(api: Api):
    admin, at = await with_second_factor(await person(api, "admin")), clock.now()
    body = {"login": "new@insurer.example", "display_name": "New", "role": "operator"}

    async def create(token: str, login: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return await api.client.post("/v1/users", json=body | {"login": login}, headers=headers)

    with clock.held(at):
        tokens = await admin.sign_in()
    with clock.held(at + RECENT - timedelta(seconds=1)):
        tokens = (await api.client.post("/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]})).json()
        assert (await create(tokens["access_token"], "a@insurer.example")).status_code == 201
    with clock.held(at + RECENT):
        refused = await create(tokens["access_token"], "b@insurer.example")
        assert refused.status_code == 401
        assert refused.json()["type"].endswith("#step-up-required")
        assert "insufficient_user_authentication" in refused.headers["www-authenticate"]
        again = (await admin.sign_in())["access_token"]
        assert (await create(again, "b@insurer.example")).status_code == 201
    assert (await api.post("/v1/users", body)).status_code == 201, "an API key has no second factor"


async def test_an_access_token_cannot_be_a_key_of_an_unknown_role(api: Api):
    one = await person(api)
    token = (await one.sign_in())["access_token"]
    api.execute("ALTER TABLE users DROP CONSTRAINT users_role_check")
    api.execute("UPDATE users SET role = 'auditor'")
    assert (await api.client.get("/v1/me", headers={"Authorization": f"Bearer {token}"})).status_code == 403
    assert isinstance((await fresh(api).signed_in(token)).caller, Caller)
