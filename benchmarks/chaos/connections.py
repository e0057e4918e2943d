"""Faults between the processes: three connections can fail, and the scorer's responses can be wrong.

API to scorer, scorer to Valkey, worker to Valkey; the API does not use Valkey.
"""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from benchmarks.chaos.scenario import FaultEffect, FaultScenario, ServicesTarget
from benchmarks.proxy import Fault, Proxy, Rewrite, with_body

_FAULTS = {
    Fault.SLOW: "2 s late",
    Fault.REFUSED: "refused",
    Fault.RESET: "reset mid-response",
    Fault.HALF_OPEN: "half open",
    Fault.TRICKLE: "trickling",
}


def connection_faults() -> list[FaultScenario[ServicesTarget]]:
    """Every fault of every connection, and every wrong response, in order."""
    to_scorer, stores = _connections()
    return [*to_scorer, *(_rewritten(name, rewrite) for name, rewrite in CORRUPTIONS.items()), *stores]


def brief_faults() -> list[FaultScenario[ServicesTarget]]:
    """The faults of the connections, which leave every process alive."""
    to_scorer, stores = _connections()
    return [*to_scorer, *stores]


def _connections() -> tuple[list[FaultScenario[ServicesTarget]], list[FaultScenario[ServicesTarget]]]:
    return (
        _between("API–scorer", lambda target: target.to_scorer, FaultEffect.DEGRADES),
        [
            *_between("scorer–Valkey", lambda target: target.scorer_to_store, FaultEffect.DEGRADES),
            *_between("worker–Valkey", lambda target: target.worker_to_store, FaultEffect.NONE),
        ],
    )


def _between(
    name: str, proxy_of: Callable[[ServicesTarget], Proxy], effect: FaultEffect
) -> list[FaultScenario[ServicesTarget]]:
    return [FaultScenario(f"{name}: {label}", _connection(proxy_of, fault), effect) for fault, label in _FAULTS.items()]


def _connection(
    proxy_of: Callable[[ServicesTarget], Proxy], fault: Fault, rewrite: Rewrite | None = None
) -> Callable[[ServicesTarget], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def inject(target: ServicesTarget) -> AsyncIterator[None]:
        proxy = proxy_of(target)
        await proxy.set(fault, rewrite)
        try:
            yield
        finally:
            await proxy.set(Fault.NONE)

    return inject


def _rewritten(name: str, rewrite: Rewrite) -> FaultScenario[ServicesTarget]:
    inject = _connection(lambda target: target.to_scorer, Fault.REWRITTEN, rewrite)
    return FaultScenario(name, inject, FaultEffect.DEGRADES)


def _changed(change: Callable[[dict[str, Any]], None]) -> Rewrite:
    """A rewrite that changes the score in a response; other responses pass unchanged."""

    def rewrite(message: bytes) -> bytes:
        _, _, body = message.partition(b"\r\n\r\n")
        try:
            score = json.loads(body)
            change(score)
        except (ValueError, KeyError):
            return message
        return with_body(message, json.dumps(score).encode())

    return rewrite


def _other_names(score: dict[str, Any]) -> None:
    for part in ("contributions", "vector"):
        score[part] = {f"other_{name}": value for name, value in score[part].items()}


def _off_sum(score: dict[str, Any]) -> None:
    score["margin"] += 1.0


CORRUPTIONS: dict[str, Rewrite] = {
    "scorer responds without JSON": lambda message: with_body(message, b"<html>proxy error</html>"),
    "scorer responds with other JSON": lambda message: with_body(message, b'{"fraud": "no"}'),
    "scorer responds with NaN": _changed(lambda score: score.update(probability=float("nan"))),
    "scorer responds with 1.5": _changed(lambda score: score.update(probability=1.5)),
    "contributions do not sum": _changed(_off_sum),
    "vector of another schema": _changed(_other_names),
    "score of another claim": _changed(lambda score: score.update(claim_id="clm_other")),
}
