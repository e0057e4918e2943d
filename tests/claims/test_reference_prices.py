"""Reference prices and averages of a year, in DuckDB.

`tests/api/test_reference_statistics.py` compares them with Postgres.
"""

from datetime import UTC, date, datetime, timedelta

import duckdb
import pytest

from claims.plausibility import COLUMNS, procedure_averages_sql, reference_statistics_sql

AS_OF = date(2026, 3, 2)
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
CLAIMS = """
CREATE TABLE {claims} (claim_id text, received_at timestamptz, provider_id text, region text, procedure_code text,
    amount_cents bigint, units integer, voided_at timestamptz);
CREATE TABLE {lines} (claim_id text, procedure_code text, units integer, amount_cents bigint);
"""


@pytest.fixture
def database():
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def filled(connection, claims, *, names=("claims", "claim_lines")):
    connection.execute(CLAIMS.format(claims=names[0], lines=names[1]))
    for number, (received_at, amount, voided_at) in enumerate(claims):
        connection.execute(
            f"INSERT INTO {names[0]} VALUES (?, ?, 'H1', 'Coast', 'P1', ?, 1, ?)",
            [f"C{number}", received_at, amount, voided_at],
        )


A_SECOND = timedelta(seconds=1)
IN_THE_YEAR = [
    (MIDNIGHT - timedelta(days=365), 100, None),
    (MIDNIGHT - A_SECOND, 200, None),
    (MIDNIGHT - timedelta(days=9), 300, None),
    (MIDNIGHT - timedelta(days=9), 400, None),
    (MIDNIGHT - timedelta(days=9), 1_000, None),
]
OUTSIDE_THE_YEAR = [(MIDNIGHT - timedelta(days=365) - A_SECOND, 7, None), (MIDNIGHT, 7, None)]


@pytest.mark.parametrize("names", [("claims", "claim_lines"), ("history_claims", "history_lines")])
def test_references_are_of_the_year_before_the_day(database, names):
    voided = [
        (MIDNIGHT - timedelta(days=9), 7, MIDNIGHT - A_SECOND),
        (MIDNIGHT - timedelta(days=9), 2_000, MIDNIGHT),
    ]
    filled(database, [*IN_THE_YEAR, *OUTSIDE_THE_YEAR, *voided], names=names)
    given = {} if names[0] == "claims" else {"claims": names[0], "lines": names[1]}
    rows = database.execute(reference_statistics_sql(AS_OF, **given)).fetchall()
    found = {row[2]: dict(zip(COLUMNS, row, strict=True)) for row in rows}
    assert set(found) == {"provider", "region", "procedure", "history"}
    assert {(one["claims"], one["as_of"]) for one in found.values()} == {(6, AS_OF)}
    assert found["procedure"]["median_cents"] == pytest.approx((300 * 400) ** 0.5)
    assert found["procedure"]["high_units"] == 1.0
    assert (found["provider"]["entity"], found["region"]["entity"]) == ("H1", "Coast")


def test_a_group_of_fewer_than_five_claims_has_no_reference_but_counts_as_history(database):
    filled(database, IN_THE_YEAR[:4])
    rows = database.execute(reference_statistics_sql(AS_OF)).fetchall()
    assert [(row[2], row[4]) for row in rows] == [("history", 4)]


def test_the_high_quantile_of_the_units_is_the_99th(database):
    filled(database, [(MIDNIGHT - A_SECOND, 100, None)] * 101)
    database.execute("UPDATE claims SET units = CAST(substr(claim_id, 2) AS INTEGER) + 1")
    rows = database.execute(reference_statistics_sql(AS_OF)).fetchall()
    assert {row[7] for row in rows if row[2] == "procedure"} == {100.0}


@pytest.mark.parametrize("name", ["claims", "history_claims"])
def test_averages_are_of_the_year_before_the_day_without_voided_claims(database, name):
    voided = (MIDNIGHT - timedelta(days=9), 9_999, MIDNIGHT)
    filled(database, [*IN_THE_YEAR, *OUTSIDE_THE_YEAR, voided], names=(name, "claim_lines"))
    query = procedure_averages_sql(AS_OF) if name == "claims" else procedure_averages_sql(AS_OF, claims=name)
    assert database.execute(query).fetchall() == [("P1", 400, 5)]
