"""Address and scheme of a client behind proxies, which are trusted by configuration only.

A proxy appends the address that it was called from to `X-Forwarded-For`. So the list is read from its end: entries that
are proxies of `GINJA_TRUSTED_PROXIES` are passed over, and the first other one is the client. What is before it was
sent by the client, and is not read. `X-Forwarded-Proto` says whether the client uses HTTPS.
"""

import ipaddress
from collections.abc import Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

from core.setting_types import IpNetwork

_HEADER = b"x-forwarded-for"
_SCHEME = b"x-forwarded-proto"


class ClientAddress:
    """ASGI middleware: `client` of a request is the client that a trusted proxy names, else who opened the connection.

    `scheme` is the one that such a proxy was called with.

    The console's throttle, rate limits, the door and the audit log read it from there.
    """

    def __init__(self, app: ASGIApp, proxies: Sequence[IpNetwork]) -> None:
        self._app = app
        self._proxies = tuple(proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        peer = scope.get("client")
        if self._proxies and peer and scope["type"] == "http":
            forwarded = b",".join(value for name, value in scope["headers"] if name == _HEADER)
            scheme = next((value for name, value in scope["headers"] if name == _SCHEME), b"")
            if scheme in (b"http", b"https") and _is_in(peer[0], self._proxies):
                scope["scheme"] = scheme.decode()
            address = client_address(peer[0], forwarded.decode("latin-1"), self._proxies)
            if address != peer[0]:
                scope["client"] = (address, 0)
        await self._app(scope, receive, send)


def client_address(peer: str, forwarded: str, proxies: Sequence[IpNetwork]) -> str:
    """The client of a request from `peer` with an `X-Forwarded-For` of `forwarded`.

    An entry that is no address ends the search: the proxy after it is the client that is known.
    """
    found = peer
    for entry in reversed(forwarded.split(",")):
        if not _is_in(found, proxies):
            break
        text = entry.strip()
        try:
            found = str(ipaddress.ip_address(text))
        except ValueError:
            break
    return found


def _is_in(address: str, networks: Sequence[IpNetwork]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return any((mapped or parsed) in network for network in networks)
