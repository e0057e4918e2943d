"""A database, an online store and an updater together, and what a read returns from the store."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import redis

from core import clock
from features.declare import VIEW, RowKind
from features.online import PACKERS, OnlineReader, Watermark, watermark_key
from features.update import FeatureUpdater, rebuild
from features.update.updater import DrainResult
from features.vector import Reading
from tests.features.factories import claim, decode_key, random_claims
from tests.features.ledgers import facts, rows_of

MIDNIGHT = datetime(2025, 3, 3, tzinfo=UTC)
NOON = MIDNIGHT + timedelta(hours=12)


class World:
    """A database, an online store and an updater."""

    def __init__(self, database_url: str, valkey_url: str) -> None:
        self.url = database_url
        self.database = psycopg.connect(database_url)
        self.client = redis.Redis.from_url(valkey_url)
        self.updater = self.another_updater()

    def another_updater(self) -> FeatureUpdater:
        return FeatureUpdater(lambda: psycopg.connect(self.url), self.client)

    def drain(self, at: datetime) -> list[DrainResult]:
        """Drain until nothing is left, with a fixed clock."""
        done = []
        with clock.held(at):
            while not done or done[-1].more:
                done.append(self.updater.drain())
        return done

    def read(self, row: dict[str, Any], at: datetime) -> Reading:
        """The states of a claim like `row` that comes at `at`."""
        with clock.held(at):
            return OnlineReader(self.client).read(facts(row | {"received_at": at, "claim_id": "clm_requested"}))

    def contents(self, at: datetime, project: str = "ginja") -> dict[tuple[str, tuple[str, ...]], tuple[int, ...]]:
        """View and key → the values a read at `at` would use; rows of zeros are left out."""
        found: dict[tuple[str, tuple[str, ...]], tuple[int, ...]] = {}
        mark = self.mark(project)
        for key in self.client.scan_iter(match=f"{project}:{mark.generation}:*", count=1_000):
            _, _, name, encoded = key.split(b":", 3)
            view = VIEW[name.decode()]
            us, first, *rest = PACKERS[view.name].unpack(self.client.get(key))
            if view.kind is RowKind.HISTORY and any(rest):
                found[view.name, decode_key(encoded)] = tuple(rest)
            elif view.kind is RowKind.TODAY and first == clock.day_number(at):
                found[view.name, decode_key(encoded)] = (us, *rest)
        return found

    def rebuilt_contents(self, at: datetime) -> dict[tuple[str, tuple[str, ...]], tuple[int, ...]]:
        """The contents of an online store rebuilt beside this one."""
        with psycopg.connect(self.url, autocommit=True) as connection, clock.held(at):
            rebuild(connection, self.client, project="rebuilt")
        return self.contents(at, "rebuilt")

    def open_events(self) -> int:
        row = self.database.execute("SELECT count(*) FROM outbox WHERE done_at IS NULL").fetchone()
        self.database.commit()
        assert row is not None
        return int(row[0])

    def mark(self, project: str = "ginja") -> Watermark:
        """The watermark."""
        found = Watermark.unpack(self.client.get(watermark_key(project)))
        assert found is not None
        return found

    def close(self) -> None:
        """Close what is open."""
        self.updater.close()
        self.database.close()
        self.client.close()


def history(count: int = 300, **options: Any) -> list[dict[str, Any]]:
    """Claims of the year before `MIDNIGHT`, among few members, providers and procedures."""
    frame, _ = random_claims(count, members=20, providers=5, procedures=8, days=400, **options)
    return [row for row in rows_of(frame) if row["received_at"] < MIDNIGHT]


def today(count: int = 20, at: datetime = NOON, **facts_of_all: Any) -> list[dict[str, Any]]:
    """Claims of the day, a second apart, among the same."""
    return [
        claim(
            900_000 + n,
            received_at=at + timedelta(seconds=n),
            member_id=f"M{n % 3:05d}",
            provider_id=f"H{n % 2:05d}",
            procedure_code=f"P{n % 4:05d}",
            **facts_of_all,
        )
        for n in range(count)
    ]
