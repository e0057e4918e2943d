"""What the chaos test breaks: a table of faults, each with what is promised of it.

Three ways can be broken: from the API to the scorer, from the scorer to Valkey, from the worker to Valkey. The API
itself asks Valkey nothing. Beside them the scorer is killed, its model's file damaged, and the Feast registry replaced.
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
    """What a fault can take hold of."""

    to_scorer: Proxy
    scorer_to_store: Proxy
    worker_to_store: Proxy

    @property
    def home(self) -> Path:
        """The home of the platform."""

    @property
    def scorer_pid(self) -> int:
        """Of the scorer's supervisor."""


Act = Callable[[FaultTarget], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class FaultScenario:
    """One thing that goes wrong for a while."""

    name: str
    begin: Act
    end: Act
    degrades: bool
    """Whether claims are to be decided by the rule meanwhile, and the breaker to open."""


def fault_scenarios() -> list[FaultScenario]:
    """Every fault, in the order in which they are tried."""
    found = [_broken_way("API–scorer", "to_scorer", fault, degrades=True) for fault in _WAYS]
    found += [_rewritten(name, rewrite) for name, rewrite in CORRUPTIONS.items()]
    found += [_broken_way("scorer–Valkey", "scorer_to_store", fault, degrades=True) for fault in _WAYS]
    found += [_broken_way("worker–Valkey", "worker_to_store", fault, degrades=False) for fault in _WAYS]
    found.append(FaultScenario("scorer killed five times", _kill_repeatedly, _nothing, degrades=False))
    found.append(FaultScenario("model damaged on disk, scorer killed", _damage_model, _restore_model, degrades=True))
    found.append(FaultScenario("Feast registry replaced", _replace_registry, _restore_registry, degrades=False))
    return found


_WAYS = (Fault.SLOW, Fault.REFUSED, Fault.RESET, Fault.HALF_OPEN, Fault.TRICKLE)
_WORDS = {
    Fault.SLOW: "2 s late",
    Fault.REFUSED: "refused",
    Fault.RESET: "reset in mid-answer",
    Fault.HALF_OPEN: "half open",
    Fault.TRICKLE: "a trickle",
}


async def _nothing(_scene: FaultTarget) -> None:
    return


def _broken_way(between: str, attribute: str, fault: Fault, *, degrades: bool) -> FaultScenario:
    async def begin(scene: FaultTarget) -> None:
        await getattr(scene, attribute).set(fault)

    async def end(scene: FaultTarget) -> None:
        await getattr(scene, attribute).set(Fault.NONE)

    return FaultScenario(f"{between}: {_WORDS[fault]}", begin, end, degrades)


def _changed(change: Callable[[dict[str, Any]], None]) -> Rewrite:
    """An answer of the scorer whose score is changed; other answers pass."""

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
    "scorer answers no JSON": lambda message: with_body(message, b"<html>proxy error</html>"),
    "scorer answers other JSON": lambda message: with_body(message, b'{"fraud": "no"}'),
    "scorer answers NaN": _changed(lambda score: score.update(probability=float("nan"))),
    "scorer answers 1.5": _changed(lambda score: score.update(probability=1.5)),
    "contributions do not sum": _changed(_off_sum),
    "vector of another schema": _changed(_other_names),
    "score of another claim": _changed(lambda score: score.update(claim_id="clm_other")),
}


def _rewritten(name: str, rewrite: Rewrite) -> FaultScenario:
    async def begin(scene: FaultTarget) -> None:
        await scene.to_scorer.set(Fault.REWRITTEN, rewrite)

    async def end(scene: FaultTarget) -> None:
        await scene.to_scorer.set(Fault.NONE)

    return FaultScenario(name, begin, end, degrades=True)


def _kill_workers(scene: FaultTarget) -> None:
    for child in psutil.Process(scene.scorer_pid).children():
        if "serving.worker" in " ".join(child.cmdline()):
            child.kill()


async def _kill_repeatedly(scene: FaultTarget) -> None:
    for _ in range(5):
        await asyncio.to_thread(_kill_workers, scene)
        await asyncio.sleep(1.0)


def _champion_file(scene: FaultTarget) -> Path:
    pointer = json.loads((scene.home / "models" / "champion.json").read_text())
    return scene.home / "models" / str(pointer["path"]) / "model.ubj"


def _flip(file: Path) -> None:
    """Invert the byte in the middle; doing it again restores the file."""
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 2] ^= 0xFF
    fresh = file.with_suffix(".fresh")
    fresh.write_bytes(raw)
    fresh.replace(file)


async def _damage_model(scene: FaultTarget) -> None:
    await asyncio.to_thread(_flip, _champion_file(scene))
    await asyncio.to_thread(_kill_workers, scene)


async def _restore_model(scene: FaultTarget) -> None:
    await asyncio.to_thread(_flip, _champion_file(scene))


class RegistryBelieved(Exception):
    """Feast opened a registry that is not the one that was applied."""


async def _replace_registry(scene: FaultTarget) -> None:
    from features.errors import RegistryChangedError
    from features.feast import registry_path, verify_registry

    path = registry_path(scene.home)
    path.rename(path.with_suffix(".kept"))
    path.write_bytes(b"another registry")
    try:
        verify_registry(scene.home)
    except RegistryChangedError:
        return
    raise RegistryBelieved("a replaced registry was not refused")


async def _restore_registry(scene: FaultTarget) -> None:
    from features.feast import registry_path

    path = registry_path(scene.home)
    path.with_suffix(".kept").replace(path)
