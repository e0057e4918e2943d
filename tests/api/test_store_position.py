"""A score request carries the position that the database records for the online store."""

import psycopg
import pytest

from tests.api.makers import MINIMAL, Api


def record(api: Api, generation: int | None, writes: int) -> None:
    with psycopg.connect(api.url) as connection:
        connection.execute(
            "INSERT INTO feature_store (project, generation, writes) VALUES ('ginja', %s, %s)", [generation, writes]
        )


async def test_a_submission_sends_the_recorded_position(api: Api) -> None:
    record(api, 1_764_000_000_000, 812)
    await api.submit(MINIMAL)
    assert api.scorer.received[-1].headers["ginja-store-position"] == "1764000000000.812"


@pytest.mark.parametrize("recorded", [True, False], ids=["before its first write", "without a store"])
async def test_no_position_is_sent_before_the_first_write(api: Api, *, recorded: bool) -> None:
    if recorded:
        record(api, None, 0)
    await api.submit(MINIMAL)
    assert "ginja-store-position" not in api.scorer.received[-1].headers
