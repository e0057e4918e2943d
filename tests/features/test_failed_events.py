"""An event that cannot be handled is tried less and less often and becomes a dead letter; the others go on."""

from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from core.retries import MAX_ATTEMPTS, describe, is_transient
from features.update import updater
from tests.features.factories import claim
from tests.features.ledgers import put, put_event
from tests.features.worlds import NOON, World, today

MINUTE = timedelta(minutes=1)


def unreadable_label(world: World) -> None:
    world.database.execute(
        "INSERT INTO outbox (topic, entity_key, payload, created_at) "
        'VALUES (\'label.recorded\', \'clm_900000\', \'{"claim_id": "clm_900000", "known_us": "soon"}\', %s)',
        [NOON],
    )
    world.database.commit()


def claim_of_no_day(world: World) -> None:
    with world.database.transaction(), world.database.cursor() as cursor:
        cursor.execute(
            "INSERT INTO claims (claim_id, received_at, service_from, service_to, member_id, provider_id, "
            "procedure_code, diagnosis_code, amount_cents, status, source) "
            "VALUES ('clm_odd', %s, 'infinity', 'infinity', 'M1', 'H1', 'P1', 'D1', 100, 'approved', 'api')",
            [NOON],
        )
        put_event(cursor, "claim.received", "clm_odd")


def attempts(world: World) -> list[tuple[int, datetime | None]]:
    rows = world.database.execute("SELECT attempts, not_before FROM outbox WHERE done_at IS NULL").fetchall()
    world.database.commit()
    return [(row[0], row[1]) for row in rows]


def dead(world: World) -> list[tuple[Any, ...]]:
    rows = world.database.execute("SELECT consumer, topic, attempts, error FROM dead_letters").fetchall()
    world.database.commit()
    return rows


@pytest.mark.parametrize("odd", [unreadable_label, claim_of_no_day], ids=lambda odd: odd.__name__)
def test_an_event_that_fails_holds_up_no_other_and_becomes_a_dead_letter(world: World, odd: Any) -> None:
    world.drain(NOON)
    rows = today(6)
    put(world.database, rows[:3])
    odd(world)
    put(world.database, rows[3:])
    at = NOON + MINUTE
    assert sum(drained.events for drained in world.drain(at)) == 6
    assert world.read(rows[0], at).states["provider_today"][1:3] == (3, 3)  # type: ignore[index]
    assert attempts(world) == [(1, at + timedelta(seconds=1))]
    for attempt in range(2, MAX_ATTEMPTS):
        at += timedelta(seconds=2 ** (attempt - 1))
        world.drain(at)
        assert attempts(world) == [(attempt, at + timedelta(seconds=2 ** (attempt - 1)))]
    assert dead(world) == []
    world.drain(at + timedelta(minutes=10))
    assert attempts(world) == []
    ((consumer, _, tried, error),) = dead(world)
    assert (consumer, tried) == ("features", MAX_ATTEMPTS)
    assert error.startswith(("InvalidTextRepresentation:", "DataError:"))


def test_an_event_waits_until_its_pause_is_over(world: World) -> None:
    world.drain(NOON)
    unreadable_label(world)
    world.drain(NOON)
    world.drain(NOON)
    assert [tried for tried, _ in attempts(world)] == [1]


def test_a_fault_of_the_updater_makes_no_dead_letter(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.drain(NOON)
    put(world.database, today(updater.SYSTEMIC))

    def defect(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(updater, "affected_values", defect)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            world.drain(NOON + MINUTE)
    assert {tried for tried, _ in attempts(world)} == {0}


def test_a_failure_of_a_server_counts_against_no_event(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.drain(NOON)
    put(world.database, [claim(1, received_at=NOON)])

    def gone(*_: Any, **__: Any) -> Any:
        raise psycopg.OperationalError("the connection is lost")

    monkeypatch.setattr(updater, "affected_values", gone)
    with pytest.raises(psycopg.OperationalError):
        world.drain(NOON + MINUTE)
    assert [tried for tried, _ in attempts(world)] == [0]


@pytest.mark.parametrize(
    ("error", "transient"),
    [
        (ConnectionRefusedError(), True),
        (psycopg.OperationalError(), True),
        (psycopg.errors.ReadOnlySqlTransaction(), True),
        (psycopg.errors.QueryCanceled(), False),
        (psycopg.DataError(), False),
        (ValueError(), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_failure_is_of_a_server_or_of_the_work(error: Exception, *, transient: bool) -> None:
    assert is_transient(error) is transient


def test_a_stored_failure_is_one_line_without_personal_data() -> None:
    described = describe(ValueError("member_id='M1'\n  is odd"))
    assert described.startswith("ValueError: member_id=")
    assert described.endswith(" is odd")
    assert "M1" not in described
    assert "\n" not in described
