"""The layers of a worker's application, and the limit of long work."""

import asyncio

import pytest

from serving.application import UNUSED_LAYERS, application
from serving.errors import TookTooLong
from serving.service import limited, service


def layers(app: object) -> set[str]:
    return {layer.cls.__name__ for layer in app.user_middleware}  # type: ignore[attr-defined]


def test_a_worker_has_bentomls_layers_less_the_unused_ones() -> None:
    assert layers(service.to_asgi()) - layers(application()) == UNUSED_LAYERS


async def test_work_that_takes_longer_than_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.service.TIMEOUT_SECONDS", 0.0)

    async def endless() -> bytes:
        await asyncio.Event().wait()
        return b""

    with pytest.raises(TookTooLong, match="fewer claims"):
        await limited(endless())
