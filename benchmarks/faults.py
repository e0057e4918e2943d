"""The faults of the chaos test.

Three connections can fail: API to scorer, scorer to Valkey, worker to Valkey (the API does not use Valkey). In addition
the scorer is killed, its model file damaged, and the Feast registry replaced.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psutil

from benchmarks.proxy import Fault, Proxy, Rewrite, with_body


class FaultTarget(Protocol):
    """What a fault can act on."""

    to_scorer: Proxy
    scorer_to_store: Proxy
    worker_to_store: Proxy

    @property
    def home(self) -> Path:
        """The home of the platform."""

    @property
    def scorer_pid(self) -> int:
        """Process id of the scorer's supervisor."""


Act = Callable[[FaultTarget], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class FaultScenario:
    """One temporary fault."""

    name: str
    begin: Act
    end: Act
    degrades: bool
    """Whether claims are expected to be decided by the rule and the breaker to open."""


def fault_scenarios() -> list[FaultScenario]:
    """All faults, in the order in which they are injected."""
    found = [_connection_fault("API–scorer", "to_scorer", fault, degrades=True) for fault in _CONNECTION_FAULTS]
    found += [_rewritten(name, rewrite) for name, rewrite in CORRUPTIONS.items()]
    found += [
        _connection_fault("scorer–Valkey", "scorer_to_store", fault, degrades=True) for fault in _CONNECTION_FAULTS
    ]
    found += [
        _connection_fault("worker–Valkey", "worker_to_store", fault, degrades=False) for fault in _CONNECTION_FAULTS
    ]
    found.append(FaultScenario("scorer killed five times", _kill_repeatedly, _nothing, degrades=False))
    found.append(FaultScenario("model damaged on disk, scorer killed", _damage_model, _restore_model, degrades=True))
    found.append(FaultScenario("Feast registry replaced", _replace_registry, _restore_registry, degrades=False))
    return found


_CONNECTION_FAULTS = (Fault.SLOW, Fault.REFUSED, Fault.RESET, Fault.HALF_OPEN, Fault.TRICKLE)
_LABELS = {
    Fault.SLOW: "2 s late",
    Fault.REFUSED: "refused",
    Fault.RESET: "reset mid-response",
    Fault.HALF_OPEN: "half open",
    Fault.TRICKLE: "trickling",
}


async def _nothing(_target: FaultTarget) -> None:
    return


def _connection_fault(between: str, attribute: str, fault: Fault, *, degrades: bool) -> FaultScenario:
    async def begin(target: FaultTarget) -> None:
        await getattr(target, attribute).set(fault)

    async def end(target: FaultTarget) -> None:
        await getattr(target, attribute).set(Fault.NONE)

    return FaultScenario(f"{between}: {_LABELS[fault]}", begin, end, degrades)


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


def _rewritten(name: str, rewrite: Rewrite) -> FaultScenario:
    async def begin(target: FaultTarget) -> None:
        await target.to_scorer.set(Fault.REWRITTEN, rewrite)

    async def end(target: FaultTarget) -> None:
        await target.to_scorer.set(Fault.NONE)

    return FaultScenario(name, begin, end, degrades=True)


def _kill_workers(target: FaultTarget) -> None:
    for child in psutil.Process(target.scorer_pid).children():
        if "serving.worker" in " ".join(child.cmdline()):
            child.kill()


async def _kill_repeatedly(target: FaultTarget) -> None:
    for _ in range(5):
        await asyncio.to_thread(_kill_workers, target)
        await asyncio.sleep(1.0)


def _champion_file(target: FaultTarget) -> Path:
    pointer = json.loads((target.home / "models" / "champion.json").read_text())
    return target.home / "models" / str(pointer["path"]) / "model.ubj"


def _flip(file: Path) -> None:
    """Invert the byte in the middle; a second call restores the file."""
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 2] ^= 0xFF
    fresh = file.with_suffix(".fresh")
    fresh.write_bytes(raw)
    fresh.replace(file)


async def _damage_model(target: FaultTarget) -> None:
    await asyncio.to_thread(_flip, _champion_file(target))
    await asyncio.to_thread(_kill_workers, target)


async def _restore_model(target: FaultTarget) -> None:
    await asyncio.to_thread(_flip, _champion_file(target))


class RegistryAccepted(Exception):
    """Feast accepted a registry other than the applied one."""


async def _replace_registry(target: FaultTarget) -> None:
    from features.errors import RegistryChangedError
    from features.feast import registry_path, verify_registry

    path = registry_path(target.home)
    path.rename(path.with_suffix(".kept"))
    path.write_bytes(b"another registry")
    try:
        verify_registry(target.home)
    except RegistryChangedError:
        return
    raise RegistryAccepted("a replaced registry was not refused")


async def _restore_registry(target: FaultTarget) -> None:
    from features.feast import registry_path

    path = registry_path(target.home)
    path.with_suffix(".kept").replace(path)
