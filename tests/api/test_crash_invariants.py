"""Invariants of `ginja bench crash` find what they are about, also in what is stored encrypted."""

import asyncio
from pathlib import Path

import pytest

from api.field_keys import REPLIES, STORED_REPLY
from benchmarks.crash.invariants import broken_rows
from benchmarks.crash.processes import StepPlace
from tests.api.makers import ENCRYPTION_KEY, MINIMAL, running_api


async def test_a_stored_reply_has_its_claim(seeded_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GINJA_ENCRYPTION_KEYS", ENCRYPTION_KEY)
    place = StepPlace(tmp_path, seeded_url, "redis://127.0.0.1:9/0", "http://127.0.0.1:9", "", "")
    async with running_api(seeded_url) as api:
        sent = {"Idempotency-Key": "first"}
        made = await api.submit(MINIMAL, **sent)
        assert made.status_code == 201, made.text

        async def without() -> list[str]:
            found = await asyncio.to_thread(broken_rows, place)
            return [one for one in found if "stored reply" in one]

        assert await without() == []
        sealing = await api.dependencies.field_keys.current(REPLIES)
        api.rows(
            "INSERT INTO idempotency_keys (api_key_id, key, request_hash, status, body_sealed, created_at) "
            "VALUES ('key_1', 'lost', '', 201, %s, now()) RETURNING 1",
            STORED_REPLY.seal(sealing, b'{"claim_id": "clm_lost"}', "key_1", "lost"),
        )
        assert await without() == ["a stored reply without its claim: lost"]
