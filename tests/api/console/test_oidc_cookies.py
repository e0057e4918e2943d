"""The cookie of a sign-in by the identity provider, as anybody may send it."""

import asyncio
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator

import psycopg
import pytest

from core.field_encryption import key_id_of
from tests.api.console.test_oidc_sign_in import Desk, browser_of, desk_at
from tests.api.identity_provider import provider_on_a_port


@pytest.fixture
async def desk(seeded_url: str) -> AsyncIterator[Desk]:
    with provider_on_a_port() as provider:
        async with desk_at(seeded_url, provider) as one:
            yield one


async def test_a_cookie_that_names_an_unknown_key_is_refused_without_looking_the_key_up(desk: Desk):
    await desk.leave()
    (kept,) = (one for one in desk.browser.cookies.jar if one.name.endswith("ginja_oidc"))
    assert kept.value is not None
    sealed = urlsafe_b64decode(kept.value)
    head = sealed.index(key_id_of(sealed).to_bytes(4))

    async def answer_of(key_id: int) -> int:
        forged = sealed[:head] + key_id.to_bytes(4) + sealed[head + 4 :]
        cookie = {"Cookie": f"{kept.name}={urlsafe_b64encode(forged).decode()}"}
        async with browser_of(desk.api) as other:
            return (await other.get("/console/oidc/callback?state=x&code=y", headers=cookie)).status_code

    assert await answer_of(4_000_000_000) == 403
    with psycopg.connect(desk.api.url) as connection:
        connection.execute("LOCK TABLE data_keys IN ACCESS EXCLUSIVE MODE")
        answers = [await asyncio.wait_for(answer_of(4_000_000_001 + one), 20) for one in range(3)]
    assert answers == [403, 403, 403]
