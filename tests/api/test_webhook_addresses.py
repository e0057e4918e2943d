"""Webhooks are sent to public addresses alone, whatever a URL says and however an address is written."""

import ipaddress
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.webhooks.addresses import MAX_URL, AddressGuard, TargetRefused, parse_target, refusal

PUBLIC = "93.184.216.34"


def answers(*addresses: str):
    async def lookup(_host: str, _port: int) -> Sequence[str]:
        return addresses

    return lookup


async def refused(url: str, *addresses: str, allowed: str = "") -> str:
    """Why a URL is refused whose host has these addresses; empty: it is not."""
    networks = [ipaddress.ip_network(one) for one in allowed.split()]
    try:
        target = parse_target(url)
        found = await AddressGuard(networks, answers(*addresses)).addresses(target)
    except TargetRefused as error:
        return str(error)
    assert [str(one) for one in found] == list(dict.fromkeys(addresses))
    return ""


@given(st.ip_addresses())
def test_no_address_that_is_not_global_unicast_is_accepted(address):
    """The standard library's reading of the registries is the oracle."""
    not_public = not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified
    not_public |= address.is_private or address.is_loopback or address.is_link_local
    if not_public:
        assert refusal(address) is not None


@given(st.ip_addresses(v=4))
def test_an_address_in_another_form_is_refused(address):
    """Mapped, compatible, NAT64, 6to4 and Teredo forms name an IPv4 address that nothing has checked."""
    value = int(address)
    for embedded in (
        ipaddress.IPv6Address((0xFFFF << 32) | value),
        ipaddress.IPv6Address(value),
        ipaddress.IPv6Address(int(ipaddress.IPv6Address("64:ff9b::")) | value),
        ipaddress.IPv6Address(int(ipaddress.IPv6Address("64:ff9b:1::")) | value),
        ipaddress.IPv6Address((0x2002 << 112) | (value << 80)),
        ipaddress.IPv6Address((0x20010000 << 96) | (~value & 0xFFFFFFFF)),
    ):
        assert refusal(embedded) is not None


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("127.0.0.1", "loopback"),
        ("10.1.2.3", "private"),
        ("172.31.255.255", "private"),
        ("192.168.0.1", "private"),
        ("169.254.169.254", "metadata"),
        ("168.63.129.16", "metadata"),
        ("100.100.100.200", "carrier-grade"),
        ("0.0.0.0", "unspecified"),
        ("224.0.0.1", "multicast"),
        ("255.255.255.255", "reserved"),
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("fe80::1", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("fd00:ec2::254", "private"),
        ("ff02::1", "multicast"),
        ("::ffff:169.254.169.254", "IPv4 address in IPv6 form"),
        ("2002:7f00:1::", "6to4"),
        ("64:ff9b::7f00:1", "not public"),
        ("2001:0:53aa:64c::1", "Teredo"),
    ],
)
async def test_a_host_with_such_an_address_is_refused_by_its_kind(address, kind):
    assert kind in await refused("https://hooks.example.com/", address)


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:2800:220:1::1", "172.32.0.1", "11.0.0.0", "100.128.0.1"])
async def test_a_host_with_a_public_address_is_accepted(address):
    assert await refused("https://hooks.example.com/", address) == ""


async def test_one_private_address_among_public_ones_refuses_the_host():
    assert "private" in await refused("https://hooks.example.com/", PUBLIC, "10.0.0.1")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://hooks.example.com/", "https://"),
        ("ftp://hooks.example.com/", "https://"),
        ("hooks.example.com", "https://"),
        ("https://user:secret@hooks.example.com/", "user or password"),
        ("https://@hooks.example.com/", "user or password"),
        ("https://hooks.example.com/#part", "fragment"),
        ("https://hooks.example.com/#", "fragment"),
        ("https://hooks.example.com:22/", "ports 443, 8443"),
        ("https://hooks.example.com:0/", "port"),
        ("https://hooks.example.com:99999/", "valid URL"),
        ("https:///path", "host"),
        ("https://[::1/", "valid URL"),
        ("https://hooks.example.com/a b", "printable"),
        ("https://hooks.example.com\\@10.0.0.1/", "printable"),
        ("https://hook\u0455.example.com/", "printable"),
        ("https://-bad-.example.com/", "host"),
        ("https://2130706433/", "host"),
        ("https://0x7f.1/", "host"),
        ("https://127.1/", "host"),
        ("https://[fe80::1%25eth0]/", "host"),
        ("", "at most"),
        ("https://hooks.example.com/" + "a" * (MAX_URL - 25), "at most 2048"),
    ],
)
async def test_a_url_that_webhooks_are_not_sent_to_says_why(url, reason):
    assert reason in await refused(url, PUBLIC)


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com",
        "https://hooks.example.com:443/a?b=c",
        "https://xn--e1afmkfd.example:8443/",
        f"https://{PUBLIC}/",
        "https://hooks.example.com/" + "a" * (MAX_URL - 26),
    ],
)
async def test_a_url_that_webhooks_are_sent_to(url):
    assert await refused(url, PUBLIC) == ""


async def test_an_allowed_network_may_have_any_port_and_http_and_nothing_else_may():
    assert await refused("http://10.1.2.3:8080/", "10.1.2.3", allowed="10.1.0.0/16") == ""
    assert "private" in await refused("http://10.2.2.3:8080/", "10.2.2.3", allowed="10.1.0.0/16 fd00::/8")
    assert "https://" in await refused("http://hooks.example.com/", PUBLIC, allowed="10.1.0.0/16")
    assert "https://" in await refused("http://hooks.example.com/", "10.1.2.3", PUBLIC, allowed="10.1.0.0/16")


async def test_a_host_that_cannot_be_resolved_is_refused():
    async def fails(_host: str, _port: int) -> Sequence[str]:
        raise OSError("no such host")

    with pytest.raises(TargetRefused, match="cannot be resolved"):
        await AddressGuard((), fails).addresses(parse_target("https://hooks.example.com/"))
    assert "no address" in await refused("https://hooks.example.com/")


async def test_the_system_resolves_what_a_url_names():
    with pytest.raises(TargetRefused, match="loopback"):
        await AddressGuard().addresses(parse_target("https://localhost/"))
