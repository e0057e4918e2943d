"""A claim that cannot be rescored holds up no other; it is tried again, and then waits for an operator."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta

import psycopg
import pytest
from click.testing import CliRunner

from api import outbox
from api.database import Database
from api.errors import Conflict
from cli.main import main
from core import clock
from core.retries import MAX_ATTEMPTS
from tests.api.makers import Api, Exchange, answering, scores
from tests.api.test_rescoring import rescorer, without_scorer

LATER = timedelta(minutes=11)
OPEN = "FROM outbox WHERE topic = 'claim.rescore' AND done_at IS NULL"


def execute(api: Api, statement: str) -> None:
    with psycopg.connect(api.url) as connection:
        connection.execute(statement)


def of_first(api: Api, change: str) -> None:
    """Change the rescore event of the first claim."""
    first = "(SELECT min(position) FROM outbox WHERE topic = 'claim.rescore')"
    execute(api, f"UPDATE outbox SET payload = {change} WHERE position = {first}")


def an_age_that_is_not_valid(api: Api) -> None:
    execute(api, "UPDATE claims SET age_years = 900 WHERE received_at = (SELECT min(received_at) FROM claims)")


def no_assessment_named(api: Api) -> None:
    of_first(api, "payload - 'assessment_id'")


def a_claim_that_does_not_exist(api: Api) -> None:
    of_first(api, """payload || '{"claim_id": "clm_gone"}'""")


def an_assessment_that_does_not_exist(api: Api) -> None:
    of_first(api, """payload || '{"assessment_id": "asm_gone"}'""")


@pytest.mark.parametrize(
    "odd",
    [
        an_age_that_is_not_valid,
        no_assessment_named,
        a_claim_that_does_not_exist,
        an_assessment_that_does_not_exist,
    ],
    ids=lambda odd: odd.__name__,
)
async def test_a_row_that_cannot_be_handled_holds_up_no_other(api: Api, odd: Callable[[Api], None]) -> None:
    await without_scorer(api, 50, 60, 70)
    odd(api)
    api.scorer.behaviour = answering(0.1)
    assert await rescorer(api).drain() == 2
    assert api.rows(f"SELECT attempts, not_before > now() {OPEN}") == [(1, True)]
    at = clock.now()
    for _ in range(MAX_ATTEMPTS - 1):
        at += LATER
        with clock.held(at):
            assert await rescorer(api).drain() == 0
    assert api.rows(f"SELECT count(*) {OPEN}") == [(0,)]
    ((consumer, attempts, error),) = api.rows("SELECT consumer, attempts, error FROM dead_letters")
    assert (consumer, attempts) == ("rescoring", MAX_ATTEMPTS)
    assert error


async def test_a_claim_that_the_scorer_refuses_becomes_a_dead_letter(api: Api) -> None:
    (refused, other) = await without_scorer(api, 50, 60)

    async def refuses_one(exchange: Exchange) -> None:
        if exchange.document["claim"]["claim_id"] == refused:
            await exchange.answer(b"{}", 422)
        else:
            await scores(exchange)

    api.scorer.behaviour = refuses_one
    assert await rescorer(api).drain() == 1
    assert api.rows("SELECT claim_id FROM assessments WHERE decided_by = 'model'") == [(other,)]
    at = clock.now()
    for _ in range(MAX_ATTEMPTS - 1):
        at += LATER
        with clock.held(at):
            await rescorer(api).drain()
    assert api.rows("SELECT entity_key, error FROM dead_letters") == [
        (refused, "the scorer refused the request: http_422")
    ]


async def dead_letter(api: Api) -> int:
    """The position of a dead letter whose cause is removed."""
    await without_scorer(api, 50)
    ((position,),) = api.rows(f"SELECT position {OPEN}")
    async with api.database.looking() as connection:
        (dead,) = await connection.fetch(outbox.fail(position, "rescoring", "odd", clock.now(), max_attempts=1))
    assert dead
    return int(position)


async def test_a_replayed_event_is_handled(api: Api) -> None:
    position = await dead_letter(api)
    async with api.database.transaction() as connection:
        replayed = await outbox.replay(connection, position, by="ann", at=clock.now())
    assert (replayed.resolution, replayed.resolved_by) == ("replayed", "ann")
    api.scorer.behaviour = scores
    assert await rescorer(api).drain() == 1
    assert api.rows("SELECT count(supersedes) FROM assessments") == [(1,)]


async def test_a_dead_letter_is_resolved_once(api: Api) -> None:
    position = await dead_letter(api)
    async with api.database.transaction() as connection:
        await outbox.discard(connection, position, reason="a test claim", by="ann", at=clock.now())
    async with api.database.transaction() as connection:
        with pytest.raises(Conflict, match="already discarded"):
            await outbox.replay(connection, position, by="ann", at=clock.now())


async def counted(database: Database) -> dict[str, int]:
    async with database.looking() as connection:
        (found,) = await connection.fetch(outbox.open_dead_letters())
    return dict(found)


async def test_the_command_lists_shows_replays_and_discards(api: Api) -> None:
    first, second = await dead_letter(api), await dead_letter(api)

    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(main, ["dead-letters", *words], env={"GINJA_DATABASE_URL": api.url})
        return done.exit_code, done.stdout

    async def command(*words: str) -> tuple[int, str]:
        return await asyncio.to_thread(run, *words)

    listed = json.loads((await command("list", "--json"))[1])["dead_letters"]
    assert [one["position"] for one in listed] == [first, second]
    assert listed[0]["error"] == "odd"
    assert json.loads((await command("show", str(first), "--json"))[1])["payload"]["claim_id"]
    assert (await command("show", "999999"))[0] == 2
    assert (await command("discard", str(first)))[0] == 2
    assert (await command("discard", str(first), "--reason", "a test claim", "--json"))[0] == 0
    assert (await command("replay", "--all"))[0] == 0
    assert await counted(api.database) == {}
    everything = json.loads((await command("list", "--all", "--json"))[1])["dead_letters"]
    assert [one["resolution"] for one in everything] == ["discarded", "replayed"]
