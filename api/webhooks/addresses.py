"""Which addresses webhooks may be sent to: the guard against requests into networks that are not public (SSRF).

A host is resolved once, every address of the answer is checked, and the connection is made to a checked address. The
same check runs when an endpoint is registered and again for each attempt, because a name can resolve to something else
by then (`docs/adr/0225-receivers-have-public-addresses.md`).
"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from core.setting_types import IpNetwork

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host, as text; raises `OSError`."""

MAX_URL: Final = 2_048
"""Longest URL of an endpoint, in characters."""
PORTS: Final = (443, 8443)
"""Ports of receivers with public addresses."""
LOOKUP_S: Final = 3.0
"""Longest look-up of a host."""
_HOST: Final = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
_PLAIN_URL: Final = re.compile(r"[!-~]+")

_REFUSED_V4: Final[tuple[tuple[str, str], ...]] = (
    # IANA IPv4 Special-Purpose Address Registry, multicast and reserved space.
    ("0.0.0.0/8", "unspecified"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "shared (carrier-grade NAT)"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local, which includes cloud metadata"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "reserved"),
    ("192.0.2.0/24", "documentation"),
    ("192.31.196.0/24", "reserved"),
    ("192.52.193.0/24", "reserved"),
    ("192.88.99.0/24", "6to4 relay"),
    ("192.168.0.0/16", "private"),
    ("192.175.48.0/24", "reserved"),
    ("198.18.0.0/15", "benchmarking"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved"),
    # A public address that clouds answer metadata requests at.
    ("168.63.129.16/32", "cloud metadata"),
)
_GLOBAL_V6: Final = ipaddress.IPv6Network("2000::/3")
"""The only global unicast space; mapped, NAT64, unique local, link-local and multicast addresses lie outside."""
_REFUSED_V6: Final[tuple[tuple[str, str], ...]] = (
    ("2001::/23", "reserved, which includes Teredo"),
    ("2001:db8::/32", "documentation"),
    ("2002::/16", "6to4"),
    ("2620:4f:8000::/48", "reserved"),
    ("3fff::/20", "documentation"),
)
_V4: Final = tuple((ipaddress.IPv4Network(network), kind) for network, kind in _REFUSED_V4)
_V6: Final = tuple((ipaddress.IPv6Network(network), kind) for network, kind in _REFUSED_V6)


class TargetRefused(Exception):
    """A URL or address that webhooks are not sent to; the message says why and what is allowed."""


@dataclass(frozen=True, slots=True)
class WebhookTarget:
    """A URL that webhooks may be sent to, as far as its text says."""

    url: str
    scheme: str
    host: str
    port: int


def parse_target(url: str) -> WebhookTarget:
    """The parts of a URL; raises `TargetRefused`. Says nothing about the addresses of its host."""
    if not 1 <= len(url) <= MAX_URL or not _PLAIN_URL.fullmatch(url) or "\\" in url:
        raise TargetRefused(f"must be a URL of at most {MAX_URL} printable ASCII characters without blanks")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise TargetRefused("must be a valid URL such as https://claims.example.com/webhooks") from None
    if parts.scheme not in ("https", "http"):
        raise TargetRefused("must begin with https://")
    if "@" in parts.netloc:
        raise TargetRefused("must not contain a user or password; the signature says who sends")
    if parts.fragment or "#" in url:
        raise TargetRefused("must not contain a fragment (#)")
    host = (parts.hostname or "").lower()
    if not _is_host(host):
        raise TargetRefused("must name a host, in ASCII (an international name in its xn-- form)")
    if port == 0:
        raise TargetRefused("must have a port from 1 to 65535")
    return WebhookTarget(url, parts.scheme, host, port or (443 if parts.scheme == "https" else 80))


def refusal(address: Address) -> str | None:
    """What kind of address it is, where that kind is refused; `None`: it is public."""
    if isinstance(address, ipaddress.IPv4Address):
        return next((kind for network, kind in _V4 if address in network), None)
    if address.scope_id is not None:
        return "link-local"
    if address not in _GLOBAL_V6:
        return _embedded(address) or "not public"
    return next((kind for network, kind in _V6 if address in network), None)


class AddressGuard:
    """Decides which addresses of a host may be connected to."""

    def __init__(self, allowed: Sequence[IpNetwork] = (), lookup: Lookup | None = None) -> None:
        """`allowed` are networks that may be sent to although they are not public."""
        self._allowed = tuple(allowed)
        self._lookup = lookup or _system_lookup

    async def addresses(self, target: WebhookTarget) -> list[Address]:
        """The addresses of a target, each of which may be connected to; raises `TargetRefused`.

        One address that is refused refuses the target: a name that also has a private address is a mistake or an
        attack. `http`, and ports beside `PORTS`, are for addresses of the allowed networks alone.
        """
        try:
            async with asyncio.timeout(LOOKUP_S):
                found = await self._lookup(target.host, target.port)
        except (OSError, TimeoutError, UnicodeError):
            raise TargetRefused(f"the host {target.host} cannot be resolved; check its name") from None
        addresses = [_address(text) for text in dict.fromkeys(found)]
        if not addresses:
            raise TargetRefused(f"the host {target.host} has no address")
        own = [self._is_allowed(address) for address in addresses]
        for address, is_own in zip(addresses, own, strict=True):
            kind = None if is_own else refusal(address)
            if kind is not None:
                raise TargetRefused(
                    f"the host {target.host} has an address that is {kind}; name a host with public addresses, or let "
                    "an operator allow the network with GINJA_WEBHOOK_ALLOWED_NETWORKS"
                )
        if not all(own):
            if target.scheme != "https":
                raise TargetRefused("must begin with https://; http is for networks of GINJA_WEBHOOK_ALLOWED_NETWORKS")
            if target.port not in PORTS:
                raise TargetRefused(f"must have one of the ports {', '.join(map(str, PORTS))}")
        return addresses

    def _is_allowed(self, address: Address) -> bool:
        return any(address.version == network.version and address in network for network in self._allowed)


def _is_host(host: str) -> bool:
    try:
        _address(host)
    except TargetRefused:
        # A last label of digits is an address in a form that readers differ about, such as 0x7f.1 or 2130706433.
        last = host.rpartition(".")[2]
        return bool(_HOST.fullmatch(host)) and not re.fullmatch(r"[0-9]+|0x[0-9a-f]*", last)
    return "%" not in host


def _address(text: str) -> Address:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise TargetRefused("is not an address") from None


def _embedded(address: ipaddress.IPv6Address) -> str | None:
    """What an IPv6 address outside of the global space is, in the words of its purpose."""
    if address.ipv4_mapped is not None:
        return "an IPv4 address in IPv6 form"
    kinds = {
        "unspecified": address.is_unspecified,
        "loopback": address.is_loopback,
        "link-local": address.is_link_local,
        "multicast": address.is_multicast,
        "private": address.is_private,
    }
    return next((kind for kind, applies in kinds.items() if applies), None)


async def _system_lookup(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for *_, sockaddr in found]
