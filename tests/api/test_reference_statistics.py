"""One SQL text computes the references in Postgres, for the live API, and in DuckDB, for backtests."""

import random
from datetime import UTC, date, datetime, timedelta

import psycopg
import pyarrow as pa
import pytest

from api.catalog import refresh
from claims.plausibility import ACCEPTED_CLAIMS, COLUMNS, reference_statistics_sql
from features.offline import scratch_duckdb

DAY = date(2026, 3, 2)
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
CLAIM = "claim_id, received_at, service_from, service_to, provider_id, region, procedure_code, amount_cents, units, "
CLAIM += "voided_at, status"
SCHEMA = """
CREATE TABLE claims (claim_id text, received_at timestamptz, service_from date, service_to date, provider_id text,
    region text, procedure_code text, amount_cents bigint, units integer, voided_at timestamptz, status text);
CREATE TABLE claim_lines (claim_id text, line integer, procedure_code text, units integer, amount_cents bigint);
"""


def claim(number, **changes):
    values = {
        "claim_id": f"C{number}",
        "received_at": MIDNIGHT - timedelta(days=10),
        "service_from": DAY,
        "service_to": DAY,
        "provider_id": "H1",
        "region": "Coast",
        "procedure_code": "P1",
        "amount_cents": 100_00,
        "units": 1,
        "voided_at": None,
        "status": "approved",
    }
    return tuple((values | changes).values())


def world(seed):
    """A few hundred claims of every kind the query distinguishes, including the edges of the year."""
    random.seed(seed)
    claims, lines = [], []
    for number in range(1_000):
        received = MIDNIGHT - timedelta(days=random.choice([0, 1, 30, 364, 365, 366]), seconds=random.choice([0, 1]))
        voided = random.choice([None, None, None, MIDNIGHT - timedelta(days=1), MIDNIGHT + timedelta(days=1)])
        code, units = random.choice(["P1", "P2", None]), random.choice([1, 1, 2, 7, None])
        status = random.choice(["approved", "partially_approved", "in_review", "rejected"])
        claims.append(
            claim(
                number,
                received_at=received,
                provider_id=random.choice(["H1", "H2", None]),
                region=random.choice(["Coast", None]),
                procedure_code=code,
                amount_cents=random.randint(1, 10**9),
                units=units,
                voided_at=voided,
                status="voided" if voided else status,
            )
        )
        lines += [
            (f"C{number}", at, random.choice(["P1", "P2", "P3"]), random.randint(1, 5), random.randint(1, 10**7))
            for at in range(1, random.choice([1, 1, 2, 4]))
        ]
    return claims, lines


def in_postgres(url, claims, lines):
    with psycopg.connect(url) as connection:
        marks = ", ".join(["%s"] * 11)
        insert = f"INSERT INTO claims ({CLAIM}, source) VALUES ({marks}, 'test')"
        connection.cursor().executemany(insert, claims)
        connection.cursor().executemany(
            "INSERT INTO claim_lines (claim_id, line, procedure_code, units, amount_cents) VALUES (%s, %s, %s, %s, %s)",
            lines,
        )
        refresh(connection, DAY)
        return connection.execute(f"SELECT {', '.join(COLUMNS)} FROM reference_statistics").fetchall()


def in_duckdb(claims, lines):
    with scratch_duckdb() as connection:
        connection.execute(SCHEMA)
        for table, rows in (("claims", claims), ("claim_lines", lines)):
            columns = [pa.array(column) for column in zip(*rows, strict=True)]
            connection.register("rows", pa.table(columns, [f"c{at}" for at in range(len(columns))]))
            connection.execute(f"INSERT INTO {table} SELECT * FROM rows")
        return connection.execute(reference_statistics_sql(DAY, claims=ACCEPTED_CLAIMS)).fetchall()


@pytest.mark.parametrize("seed", range(3))
def test_both_engines_give_the_same_rows(database_url, seed):
    claims, lines = world(seed)
    ours, theirs = sorted(in_postgres(database_url, claims, lines)), sorted(in_duckdb(claims, lines))
    assert len(ours) > 20
    assert [row[:5] for row in ours] == [row[:5] for row in theirs]
    for mine, other in zip(ours, theirs, strict=True):
        assert mine[5:8] == pytest.approx(other[5:8], rel=1e-9, abs=1e-9)
        assert mine[8] == other[8] == DAY


def test_a_reference_is_of_lines_or_of_the_claim_without_lines(database_url):
    prices = [10_00, 20_00, 40_00, 80_00, 160_00]
    claims = [claim(at, amount_cents=price * 2, units=2) for at, price in enumerate(prices)]
    claims.append(claim(9, procedure_code="P2", amount_cents=900_00, units=9))
    lines = [("C9", 1, "P2", 1, 500_00), ("C9", 2, "P1", 1, 1_00), ("C9", 3, "P1", 1, 399_00)]
    rows = {row[:4]: row[4:] for row in in_postgres(database_url, claims, lines)}
    median, spread, units, _ = rows["P1", True, "procedure", ""][1:]
    assert rows["P1", True, "procedure", ""][0] == 5
    assert (median, units) == (pytest.approx(40_00), 2)
    assert spread == pytest.approx(1.4826 * 0.6931471805599453)
    assert rows["", True, "history", "H1"][0] == 6
    assert ("P1", False, "procedure", "") not in rows  # one claim establishes nothing


@pytest.mark.parametrize(
    "change",
    [
        {"status": "in_review"},
        {"status": "rejected"},
        {"status": "voided", "voided_at": MIDNIGHT - timedelta(days=1)},
        {"received_at": MIDNIGHT},
        {"received_at": MIDNIGHT - timedelta(days=365, microseconds=1)},
    ],
    ids=["waits for a person", "rejected", "voided", "of today", "older than a year"],
)
def test_a_claim_that_was_not_accepted_or_is_outside_the_year_is_no_price_reference(database_url, change):
    claims = [claim(at) for at in range(5)] + [claim(9, amount_cents=10**9, **change)]
    rows = {row[:4]: row[4:] for row in in_postgres(database_url, claims, [])}
    assert rows["P1", True, "provider", "H1"][0] == 5
    assert rows["", True, "history", "H1"][0] == 5


def test_refreshing_again_adds_only_what_was_loaded_since(database_url):
    first = in_postgres(database_url, [claim(at) for at in range(5)], [])
    with psycopg.connect(database_url) as connection:
        refresh(connection, DAY)
        again = connection.execute(f"SELECT {', '.join(COLUMNS)} FROM reference_statistics").fetchall()
    assert sorted(again) == sorted(first)
    later = in_postgres(database_url, [claim(at, amount_cents=300_00) for at in range(10, 20)], [])
    assert {row[4] for row in later} == {15}
