"""Sending one webhook: a POST to a checked address, without redirects, within one deadline.

The library resolves nothing: its connections go to the address that the guard has checked, with the host of the URL in
`Host`, in SNI and in the check of the certificate. Connections are not kept, so no attempt is made to an address that
was checked for an earlier one.
"""

import asyncio
import ssl
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final

import httpcore

from api.webhooks.addresses import Address, AddressGuard, TargetRefused, parse_target
from api.webhooks.records import AttemptError

DEADLINE_S: Final = 15.0
"""Of one attempt, from the look-up of the host to the status line of the response."""
MOST_ADDRESSES: Final = 3
"""Addresses of a host that are tried."""
_CONNECT_SHARE: Final = 1 / (MOST_ADDRESSES + 1)
"""Of the deadline for a connection to one address, 3.75 s: the last one has time left to connect and to answer."""
MAX_RETRY_AFTER_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class SendResult:
    """What came of one attempt."""

    duration_ms: int
    status: int | None = None
    error: AttemptError | None = None
    """`None`: the receiver accepted the webhook with a status of 200 to 299."""
    retry_after_s: int | None = None


class CheckedAddresses(httpcore.AsyncNetworkBackend):
    """Connects to addresses that were checked, whatever host the request names."""

    def __init__(self, addresses: Sequence[Address], connect_timeout_s: float) -> None:
        """`connect_timeout_s` is how long one address has to accept, where the request names no time of its own."""
        self._addresses = addresses
        self._connect_timeout_s = connect_timeout_s
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to the first address that accepts one."""
        one_timeout = self._connect_timeout_s if timeout is None else timeout
        failed: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in self._addresses[:MOST_ADDRESSES]:
            try:
                return await self._backend.connect_tcp(str(address), port, one_timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed


class WebhookClient:
    """Sends webhooks to checked addresses."""

    def __init__(self, guard: AddressGuard, *, ca_file: Path | None = None, deadline_s: float = DEADLINE_S) -> None:
        """`ca_file` holds certificate authorities beside those of the system."""
        self._guard = guard
        self._deadline_s = deadline_s
        self._tls = ssl.create_default_context()
        if ca_file is not None:
            self._tls.load_verify_locations(ca_file)

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> SendResult:
        """Post a body once; what goes wrong is in the result."""
        began = perf_counter()
        status, error, retry_after = None, None, None
        try:
            async with asyncio.timeout(self._deadline_s):
                target = parse_target(url)
                addresses = await self._guard.addresses(target)
                status, retry_after = await self._post(url, addresses, headers, body)
        except TargetRefused:
            error = AttemptError.ADDRESS_REFUSED
        except (TimeoutError, httpcore.TimeoutException):
            error = AttemptError.TIMED_OUT
        except httpcore.ConnectError as failed:
            is_tls = isinstance(failed.__cause__ or failed.__context__, ssl.SSLError)
            error = AttemptError.TLS_FAILED if is_tls else AttemptError.CONNECT_FAILED
        except (httpcore.NetworkError, OSError):
            error = AttemptError.CONNECTION_LOST
        except httpcore.ProtocolError:
            error = AttemptError.NOT_HTTP
        if status is not None and not 200 <= status < 300:
            error = AttemptError.REDIRECTED if 300 <= status < 400 else AttemptError.STATUS
        return SendResult(round((perf_counter() - began) * 1_000), status, error, retry_after)

    async def _post(
        self, url: str, addresses: Sequence[Address], headers: Mapping[str, str], body: bytes
    ) -> tuple[int, int | None]:
        """Status and `Retry-After` of the response, whose body is not read."""
        async with (
            httpcore.AsyncConnectionPool(
                ssl_context=self._tls,
                network_backend=CheckedAddresses(addresses, self._deadline_s * _CONNECT_SHARE),
                max_keepalive_connections=0,
            ) as pool,
            pool.stream("POST", url, headers=list(headers.items()), content=body) as response,
        ):
            return response.status, _retry_after(response.headers)


def _retry_after(headers: Sequence[tuple[bytes, bytes]]) -> int | None:
    """Seconds of a `Retry-After`, at most a day; a date in it is not read."""
    value = next((value for name, value in headers if name.lower() == b"retry-after"), b"")
    return min(int(value), MAX_RETRY_AFTER_S) if value.isdigit() and len(value) <= 9 else None
