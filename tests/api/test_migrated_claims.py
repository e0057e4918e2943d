"""What migrations compute of the claims that a database holds."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from alembic import command
from psycopg.types.json import Jsonb

from api.migrate import alembic_config, upgrade

RECEIVED = datetime(2026, 3, 2, 12, tzinfo=UTC)


def insert(connection: psycopg.Connection[Any], table: str, values: Mapping[str, object]) -> None:
    names = ", ".join(values)
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join(['%s'] * len(values))})", [*values.values()])


def add_claim(connection: psycopg.Connection[Any], claim_id: str, **values: object) -> None:
    days = {"received_at": RECEIVED, "service_from": date(2026, 3, 1), "service_to": date(2026, 3, 2)}
    known = {"claim_id": claim_id, "provider_id": "H1", "amount_cents": 100_00, "source": "api", **days}
    insert(connection, "claims", known | {"status": "approved", "approved_cents": 100_00} | values)


def add_assessment(
    connection: psycopg.Connection[Any], claim_id: str, cents: int, made_at: datetime, *codes: str
) -> None:
    known = {"assessment_id": f"{claim_id}-{cents}", "claim_id": claim_id, "made_at": made_at, "decided_by": "rule"}
    money = {"outcome": "approved", "approved_cents": cents, "flagged": False, "breaker_state": "closed"}
    insert(
        connection,
        "assessments",
        known | money | {"findings": Jsonb([{"code": code} for code in codes]), "reasons": Jsonb([])},
    )


def add_decision(connection: psycopg.Connection[Any], claim_id: str, made_at: datetime, cents: int) -> None:
    known = {"decision_id": f"dec-{claim_id}", "claim_id": claim_id, "number": 1, "made_at": made_at}
    act = {"action": "release", "effect": "settled", "outcome": "approved", "reason": "review_found_no_issue"}
    money = {"pays_cents": cents, "approved_cents": cents, "reserved_cents": 0}
    who = {"api_key_id": "key", "decided_by": "a person", "role": "investigator"}
    insert(connection, "decisions", known | act | money | who)
    connection.execute("UPDATE claims SET decision_id = %s WHERE claim_id = %s", [f"dec-{claim_id}", claim_id])


def test_claims_that_were_voided_before_reversals_have_the_state_that_ended(empty_database_url: str):
    """At receipt or by a person; not those loaded as history, not decided, or not voided."""
    decided, voided = RECEIVED + timedelta(days=1), RECEIVED + timedelta(days=3)
    void: dict[str, object] = {"status": "voided", "approved_cents": 0, "voided_at": voided}
    approved = void | {"status_before_void": "approved"}
    command.upgrade(alembic_config(empty_database_url), "0034")
    with psycopg.connect(empty_database_url) as connection:
        add_claim(connection, "stands")
        add_claim(connection, "at receipt", **approved, payment=Jsonb({"lines": []}))
        for cents, minutes in ((70_00, 1), (60_00, 2)):
            add_assessment(connection, "at receipt", cents, RECEIVED + timedelta(minutes=minutes))
        add_claim(connection, "by a person", **approved)
        add_assessment(connection, "by a person", 0, RECEIVED)
        add_decision(connection, "by a person", decided, 80_00)
        add_claim(connection, "decided after", **approved | {"voided_at": RECEIVED})
        add_decision(connection, "decided after", decided, 90_00)
        add_claim(connection, "not assessed", **void, status_before_void="rejected")
        add_claim(connection, "in review", **void, status_before_void="in_review")
        add_claim(connection, "of a history", **approved | {"source": "a file"})
    upgrade(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        found = connection.execute(
            "SELECT claim_id, provider_id, began_at, ended_at, status, approved_cents, decision_id, payment"
            " FROM earlier_decisions ORDER BY claim_id"
        ).fetchall()
    assert found == [
        ("at receipt", "H1", RECEIVED, voided, "approved", 60_00, None, {"lines": []}),
        ("by a person", "H1", decided, voided, "approved", 80_00, "dec-by a person", None),
        ("decided after", "H1", decided, decided, "approved", 90_00, "dec-decided after", None),
        ("not assessed", "H1", RECEIVED, voided, "rejected", 0, None, None),
    ]


@pytest.fixture
def plans(empty_database_url: str) -> str:
    """A database before migration 0038: M1 has PL1 and had PL2 in 2025; both require authorization."""
    command.upgrade(alembic_config(empty_database_url), "0036")
    earlier = [{"first_day": "2025-01-01", "last_day": "2025-12-31", "plan_id": "PL2"}]
    requirement = {"plan_id": "PL1", "place": 1, "first_code": "P001", "last_code": "P003"}
    with psycopg.connect(empty_database_url) as connection:
        for plan_id in ("PL1", "PL2"):
            insert(connection, "plans", {"plan_id": plan_id})
        insert(connection, "members", {"member_id": "M1", "plan_id": "PL1", "earlier_periods": Jsonb(earlier)})
        insert(connection, "members", {"member_id": "M2", "plan_id": "PL1"})
        insert(connection, "plan_authorizations", requirement | {"first_day": "2026-01-01", "last_day": "2026-06-30"})
        limits = {"places": ["21"], "above_cents": 50_00, "first_day": "2026-01-01"}
        insert(connection, "plan_authorizations", requirement | limits | {"place": 2, "first_code": "P005"} | LAST)
        insert(connection, "plan_authorizations", requirement | {"plan_id": "PL2", "first_day": "2025-01-01"})
    return empty_database_url


LAST = {"last_code": "P006"}
"""Of the second requirement."""
Line = tuple[str, int, int, str | None]
"""Procedure, units, cents and day of service."""


@pytest.mark.parametrize(
    ("lines", "values", "units", "days"),
    [
        # Used up to what was left at its receipt: 1 of 7 units, and none of 4.
        ([("P001", 4, 10_00, None), ("P003", 3, 10_00, "2026-03-02")], {"authorized_units": 1}, 7, [1, 2]),
        ([("P001", 4, 10_00, None)], {"authorized_units": 0}, 4, [1]),
        ([("P001", 4, 10_00, None), ("P004", 9, 10_00, "2026-03-02")], {}, 4, [1]),
        ([("P001", 1, 10_00, "2026-03-02"), ("P002", 1, 10_00, "2026-03-02")], {}, 2, [2]),
        # What it used stays where nothing is required any more; else it used nothing.
        ([("P004", 2, 10_00, "2026-03-02")], {"authorized_units": 1}, 1, [2]),
        ([("P004", 2, 10_00, None)], {}, 0, []),
        ([("P00", 2, 10_00, None)], {}, 0, []),
        ([("P001", 2, 10_00, "2026-07-01")], {"service_to": date(2026, 7, 1)}, 0, []),
        # Above 50.00 together, at place 21 or at an unknown one.
        ([("P005", 2, 25_00, None), ("P006", 2, 25_01, None)], {"place_of_service": "21"}, 4, [1]),
        ([("P005", 2, 25_00, None), ("P006", 2, 25_01, None)], {}, 4, [1]),
        ([("P005", 2, 25_00, None), ("P006", 2, 25_00, None)], {}, 0, []),
        ([("P005", 2, 99_00, None)], {"place_of_service": "11"}, 0, []),
        # By the plan of the day of service, which required it for the code in 2025 only.
        ([("P001", 2, 10_00, None)], {"service_from": date(2025, 12, 31)}, 2, [31]),
        ([("P001", 2, 10_00, None)], {"member_id": "M2", "service_from": date(2025, 12, 31)}, 0, []),
        ([("P001", 2, 10_00, None)], {"authorization_number": None}, 0, []),
    ],
)
def test_what_earlier_claims_need_of_their_authorization_is_computed(
    plans: str, lines: list[Line], values: dict[str, object], units: int, days: list[int]
):
    with psycopg.connect(plans) as connection:
        add_claim(connection, "clm", **{"member_id": "M1", "authorization_number": "A1"} | values)
        for number, (code, count, cents, day) in enumerate(lines, start=1):
            line = {"claim_id": "clm", "line": number, "procedure_code": code, "units": count, "amount_cents": cents}
            insert(connection, "claim_lines", line | {"service_date": day})
        add_assessment(connection, "clm", 0, RECEIVED, "duplicate", "authorization_exceeded")
    upgrade(plans)
    with psycopg.connect(plans) as connection:
        found = connection.execute("SELECT authorized_units, authorized_days FROM claims").fetchone()
    assert found is not None
    assert (found[0], [day.day for day in found[1]]) == (units, days)
    command.downgrade(alembic_config(plans), "0036")


@pytest.mark.parametrize(("used", "units"), [(0, 0), (1, 4)])
def test_an_earlier_claim_that_used_none_without_a_finding_needed_none(plans: str, used: int, units: int):
    """Its plan may require authorization only since, for days that include its own."""
    with psycopg.connect(plans) as connection:
        add_claim(connection, "clm", member_id="M1", authorization_number="A1", authorized_units=used)
        line = {"claim_id": "clm", "line": 1, "procedure_code": "P001", "units": 4, "amount_cents": 10_00}
        insert(connection, "claim_lines", line)
        add_assessment(connection, "clm", 0, RECEIVED, "duplicate")
    upgrade(plans)
    with psycopg.connect(plans) as connection:
        assert connection.execute("SELECT authorized_units FROM claims").fetchone() == (units,)
