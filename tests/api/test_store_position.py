"""A score request carries the position that the database records for the online store."""

import psycopg
import pytest

from claims.scoring import StorePosition
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


def test_a_position_round_trips_through_its_text_and_is_ordered() -> None:
    assert StorePosition.parse(str(StorePosition(7, 12))) == StorePosition(7, 12)
    assert StorePosition(7, 12) < StorePosition(7, 13) < StorePosition(8, 1)


@pytest.mark.parametrize("text", ["", "7", "7.", ".7", "7.8.9", "-7.8", "7.8 ", "٧.8", "7." + "9" * 20])
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="two whole numbers"):
        StorePosition.parse(text)
