"""`ginja crypto rotate` of many members while they are read.

    python -m benchmarks.key_rotation [--members 100000]

Creates a temporary home with an embedded Postgres, and members whose names are encrypted. Prints JSON: rows that were
moved, seconds, and how many reads there were meanwhile and failed. The wait until every process uses the new keys is
part of the seconds. Seconds depend on the machine.
"""

import argparse
import asyncio
import json
import random
import time
from dataclasses import asdict, dataclass
from typing import Final

from sqlalchemy import select, text
from sqlalchemy.exc import NoResultFound

from api.database import DATABASE_FAILURES, Database
from api.errors import ApiError
from api.field_keys import MEMBERS, FieldKeys, MemberKey, MemberKeyRow, fresh_key, member_key, rotate, unwrapped
from api.members import MemberRow
from api.migrate import upgrade
from core import clock
from core.errors import CoreError
from core.field_encryption import place
from core.servers import postgres_url, temporary_home
from core.settings import Settings
from core.supervision import StopSignals

NAME: Final = "Zoraida Quixley"
_PIECE: Final = 5_000
_ADD_KEYS: Final = text(
    "INSERT INTO member_keys (member_id, key_id, wrapped_key, created_at) "
    "SELECT given.id, :key_id, given.wrapped, :now "
    "FROM unnest(CAST(:ids AS text[]), CAST(:wrapped AS bytea[])) AS given(id, wrapped)"
)
_ADD_MEMBERS: Final = text(
    "INSERT INTO members (member_id, name_sealed) SELECT given.id, given.name "
    "FROM unnest(CAST(:ids AS text[]), CAST(:names AS bytea[])) AS given(id, name)"
)


@dataclass(frozen=True, slots=True)
class RotationCost:
    """A rotation, and the reads during it."""

    members: int
    moved: int
    left: int
    seconds: float
    waited_seconds: float
    """Of these: until every process uses the new keys."""
    reads: int
    failed_reads: int


async def add_members(database: Database, keys: FieldKeys, count: int) -> None:
    """Members with an encrypted name, each with a key of its own."""
    wrapping = await keys.current(MEMBERS)
    for start in range(0, count, _PIECE):
        ids = [f"B{number:07}" for number in range(start, min(start + _PIECE, count))]
        wrapped = [fresh_key(wrapping, one) for one in ids]
        names = [
            unwrapped(wrapping, one, key).seal(NAME.encode(), _at(one)) for one, key in zip(ids, wrapped, strict=True)
        ]
        async with database.transaction() as connection:
            values = {"key_id": wrapping.key_id, "now": clock.now(), "ids": ids, "wrapped": wrapped}
            await connection.execute(_ADD_KEYS, values)
            await connection.execute(_ADD_MEMBERS, {"ids": ids, "names": names})


async def read_member(database: Database, keys: FieldKeys, member_id: str) -> bool:
    """Whether the name of a member is read as it was stored."""
    statement = (
        select(MemberRow.name_sealed, MemberKeyRow.wrapped_key)
        .join(MemberKeyRow, MemberKeyRow.member_id == MemberRow.member_id)
        .where(MemberRow.member_id == member_id)
    )
    async with database.reading() as connection:
        row = (await connection.execute(statement)).one()
    key = await member_key(keys, MemberKey(member_id, row.wrapped_key))
    return (
        key is not None and row.name_sealed is not None and key.open(row.name_sealed, _at(member_id)) == NAME.encode()
    )


async def measure(settings: Settings, url: str, count: int) -> RotationCost:
    """Rotate the keys of members while another connection reads members one after another."""
    database, readers = Database(url, pool_size=1), Database(url, pool_size=1)
    keys = FieldKeys(settings, url)
    await add_members(database, keys, count)
    done = asyncio.Event()
    reads = failed = 0

    async def read() -> None:
        nonlocal reads, failed
        chosen, of_reader = random.Random(0), FieldKeys(settings, url)
        while not done.is_set():
            reads += 1
            try:
                failed += not await read_member(readers, of_reader, f"B{chosen.randrange(count):07}")
            except (*DATABASE_FAILURES, NoResultFound, CoreError, ApiError):
                failed += 1

    waited = 0.0

    async def settle(rest: float) -> None:
        nonlocal waited
        waited += rest
        await asyncio.sleep(rest)

    reader = asyncio.create_task(read())
    started = time.monotonic()
    report = await rotate(database, settings, FieldKeys(settings, url), lambda column, rows: None, settle)
    seconds = time.monotonic() - started
    done.set()
    await reader
    await database.close()
    await readers.close()
    return RotationCost(
        members=count,
        moved=sum(report.rows.values()),
        left=sum(report.left.values()),
        seconds=round(seconds, 1),
        waited_seconds=round(waited, 1),
        reads=reads,
        failed_reads=failed,
    )


def _at(member_id: str) -> bytes:
    return place(MemberRow.__tablename__, "name_sealed", member_id)


def main() -> int:
    """Run the benchmark; exit code 1 if a read failed or a row was left."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=100_000)
    arguments = parser.parse_args()
    with StopSignals(), temporary_home("ginja-bench-") as home:
        settings = Settings(home=home)
        url = postgres_url(settings)
        upgrade(url)
        cost = asyncio.run(measure(settings, url, arguments.members))
    print(json.dumps(asdict(cost), indent=2))
    return int(cost.failed_reads > 0 or cost.left > 0)


if __name__ == "__main__":
    raise SystemExit(main())
