"""Webhooks go to the address that was checked, under the name of the URL, and nowhere else."""

import ipaddress
import socket
from collections.abc import Sequence

from api.webhooks import AddressGuard, WebhookClient
from api.webhooks.records import AttemptError
from tests.api.certificates import certificate
from tests.api.makers import Api
from tests.api.webhooks import LOCAL, deliver, details, receiving, registered, tried


async def test_a_name_that_resolves_to_another_address_by_then_is_not_connected_to(api: Api):
    asked: list[str] = []

    async def rebinding(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["169.254.169.254"] if len(asked) > 1 else ["127.0.0.1"]

    async with receiving() as receiver:
        guard = AddressGuard(LOCAL.webhook_networks, rebinding)
        url = receiver.url.replace("127.0.0.1", "hooks.example.com")
        client = WebhookClient(guard)
        assert (await client.send(url, {}, b"{}")).status == 200
        assert asked == ["hooks.example.com"]  # one look-up for the check and the connection
        assert (await client.send(url, {}, b"{}")).error is AttemptError.ADDRESS_REFUSED
        endpoint = await registered(api, receiver.url)
        delivery_id = await tried(api, endpoint)
        await deliver(api, guard=guard)
        assert (await details(api, delivery_id))["error"] == "address_refused"
        assert len(receiver.received) == 1


async def test_an_address_that_drops_packets_leaves_time_for_the_next():
    async def resolves(_host: str, _port: int) -> Sequence[str]:
        return ["127.0.0.2", "127.0.0.1"]

    async with receiving() as receiver:
        with socket.socket() as full, socket.socket() as waiting:
            full.bind(("127.0.0.2", receiver.port))
            full.listen(0)
            waiting.connect(("127.0.0.2", receiver.port))  # the queue is full: the kernel drops what else comes
            client = WebhookClient(AddressGuard(LOCAL.webhook_networks, resolves), deadline_s=4)
            result = await client.send(receiver.url.replace("127.0.0.1", "hooks.example.com"), {}, b"{}")
        assert (result.status, result.error) == (200, None)
        assert len(receiver.received) == 1


async def test_the_name_of_the_url_is_in_host_and_sni_and_is_that_of_the_certificate(tmp_path):
    async def resolves(_host: str, _port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    authority, tls = certificate(tmp_path, "hooks.example.com")
    names: list[str | None] = []
    tls.sni_callback = lambda _socket, name, _context: names.append(name)
    guard = AddressGuard([ipaddress.ip_network("127.0.0.0/8")], resolves)
    trusting = WebhookClient(guard, ca_file=authority)
    async with receiving(tls) as receiver:
        url = f"https://hooks.example.com:{receiver.port}/hook"
        assert (await trusting.send(url, {}, b"{}")).status == 200
        assert (names, receiver.received[0].headers["host"]) == (
            ["hooks.example.com"],
            f"hooks.example.com:{receiver.port}",
        )
        other = await trusting.send(url.replace("hooks", "other"), {}, b"{}")
        assert (other.status, other.error) == (None, AttemptError.TLS_FAILED)
        assert (await WebhookClient(guard).send(url, {}, b"{}")).error is AttemptError.TLS_FAILED
        assert len(receiver.received) == 1
