"""Faults of the scorer: its workers are killed, its model file is damaged, the Feast registry is replaced."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from benchmarks.chaos.scenario import FaultEffect, FaultScenario, ServicesTarget

_KILLS = 5


def scorer_faults() -> list[FaultScenario[ServicesTarget]]:
    """Every fault of the scorer, in order."""
    return [
        FaultScenario("scorer killed five times", _killed_repeatedly, FaultEffect.NONE),
        FaultScenario("model damaged on disk, scorer killed", _model_damaged, FaultEffect.DEGRADES),
        FaultScenario("Feast registry replaced", _registry_replaced, FaultEffect.NONE),
    ]


def _kill_workers(target: ServicesTarget) -> None:
    for child in psutil.Process(target.scorer_pid).children():
        if "serving.worker" in " ".join(child.cmdline()):
            child.kill()


@asynccontextmanager
async def _killed_repeatedly(target: ServicesTarget) -> AsyncIterator[None]:
    for _ in range(_KILLS):
        await asyncio.to_thread(_kill_workers, target)
        await asyncio.sleep(1.0)
    yield


def _champion_file(target: ServicesTarget) -> Path:
    pointer = json.loads((target.home / "models" / "champion.json").read_text())
    return target.home / "models" / str(pointer["path"]) / "model.ubj"


def _flip(file: Path) -> None:
    """Invert the byte in the middle; a second call restores the file."""
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 2] ^= 0xFF
    fresh = file.with_suffix(".fresh")
    fresh.write_bytes(raw)
    fresh.replace(file)


@asynccontextmanager
async def _model_damaged(target: ServicesTarget) -> AsyncIterator[None]:
    await asyncio.to_thread(_flip, _champion_file(target))
    try:
        await asyncio.to_thread(_kill_workers, target)
        yield
    finally:
        await asyncio.to_thread(_flip, _champion_file(target))


class RegistryAccepted(Exception):
    """Feast accepted a registry other than the applied one."""


@asynccontextmanager
async def _registry_replaced(target: ServicesTarget) -> AsyncIterator[None]:
    from features.errors import RegistryChangedError
    from features.feast import registry_path, verify_registry

    path = registry_path(target.home)
    path.rename(path.with_suffix(".kept"))
    try:
        path.write_bytes(b"another registry")
        try:
            verify_registry(target.home)
        except RegistryChangedError:
            pass
        else:
            raise RegistryAccepted("a replaced registry was not refused")
        yield
    finally:
        path.with_suffix(".kept").replace(path)
