"""The client behind proxies: only those of the settings are trusted, read from the end of the list."""

import ipaddress

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.client_address import client_address
from api.console.access.throttle import MOST_FAILURES
from tests.api.makers import running_api

PROXIES = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "2001:db8::/32")))


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.1", "198.51.100.7", "192.0.2.1"),  # no proxy of ours: what it says is not read
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "203.0.113.9, 198.51.100.7", "198.51.100.7"),  # the first was sent by the client
        ("10.0.0.1", "203.0.113.9, 198.51.100.7, 10.0.0.2", "198.51.100.7"),
        ("10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "198.51.100.7, unknown", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.7, 10.0.0.2:4711", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.7,", "10.0.0.1"),
        ("2001:db8::1", "2a00::7", "2a00::7"),
        ("::ffff:10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("unix", "198.51.100.7", "unix"),
    ],
)
def test_the_client_is_the_last_address_that_is_no_proxy(peer: str, forwarded: str, client: str) -> None:
    assert client_address(peer, forwarded, PROXIES) == client


@given(st.text(max_size=60), st.ip_addresses(v=4))
def test_nothing_that_a_client_sends_before_changes_what_is_read(sent: str, client: ipaddress.IPv4Address) -> None:
    if any(client in one for one in PROXIES):
        return
    assert client_address("10.0.0.1", f"{sent},{client}", PROXIES) == str(client)


async def failed_sign_ins(app: object, forwarded: list[str]) -> list[int]:
    transport = httpx.ASGITransport(app, client=("10.0.0.1", 1))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="https://x", headers={"Origin": "https://x"}) as client:
        return [
            (
                await client.post(
                    "/console/sign-in", data={"api_key": "wrong", "next": ""}, headers={"X-Forwarded-For": address}
                )
            ).status_code
            for address in forwarded
        ]


async def test_failed_sign_ins_are_counted_by_the_client_behind_a_trusted_proxy(database_url: str) -> None:
    other = "198.51.100.8"
    async with running_api(database_url, trusted_proxies="10.0.0.0/8") as api:
        codes = await failed_sign_ins(api.app, ["198.51.100.7"] * (MOST_FAILURES + 1) + [other])
        assert codes == [401] * MOST_FAILURES + [429, 401]


@pytest.mark.parametrize(("peer", "secure"), [("10.0.0.1", True), ("192.0.2.1", False)])
async def test_only_a_trusted_proxy_says_that_the_client_uses_https(database_url: str, peer: str, secure: bool) -> None:
    async with running_api(database_url, trusted_proxies="10.0.0.0/8") as api:
        transport = httpx.ASGITransport(api.app, client=(peer, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            response = await client.get("/livez", headers={"X-Forwarded-Proto": "https"})
    assert ("strict-transport-security" in response.headers) is secure


async def test_without_a_trusted_proxy_forged_addresses_are_not_read(database_url: str) -> None:
    async with running_api(database_url) as api:
        forged = [f"198.51.100.{number}" for number in range(MOST_FAILURES + 1)]
        assert (await failed_sign_ins(api.app, forged))[-1] == 429
