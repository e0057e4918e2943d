from datetime import UTC, date, datetime

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from api.catalog import refresh
from api.database import Database
from api.errors import Invalid
from api.field_keys import FieldKeys
from api.housekeeping import every_day
from api.loading import load_folder
from api.members import enroll
from api.scoring import unscored_claims
from core.settings import Settings
from features.declare import CLAIMS, LABELS
from formats.members import EnrolledMember
from pipelines import reference
from tests.api.makers import Api, running_api

DAY = date(2026, 3, 2)


def claim(number: int, **changes):
    at = datetime(2026, 3, 1, 10, number, tzinfo=UTC)
    values = {
        **dict.fromkeys(CLAIMS.names),
        "claim_id": f"C{number}",
        "received_at": at,
        "service_from": date(2026, 3, 1),
        "service_to": date(2026, 3, 1),
        "member_id": "M1",
        "provider_id": "H1",
        "procedure_code": "P1",
        "diagnosis_code": "D1",
        "amount_cents": 40_00,
        "benefit_limit_cents": 100_00,
    }
    return values | changes


def write(folder, name, schema, rows):
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), folder / f"{name}.parquet")


@pytest.fixture
def folder(tmp_path):
    specialties = {"procedure_code": "P1", "name": "Knee, left", "specialties": ["a", "b, c"], "typical_cents": 5}
    write(
        tmp_path, "procedures", reference.PROCEDURES, [specialties, {"procedure_code": "P2", "name": 'with "quotes"'}]
    )
    write(tmp_path, "plans", reference.PLANS, [{"plan_id": "PL", "benefit_limit_cents": 100_00}])
    write(tmp_path, "members", reference.MEMBERS, [{"member_id": "M1", "name": "Ann, Lee", "plan_id": "PL"}])
    voided = claim(4, voided_at=datetime(2026, 3, 1, 11, tzinfo=UTC))
    unknown = claim(5, member_id=None, provider_id="", benefit_limit_cents=None)
    write(tmp_path, "claims", CLAIMS, [claim(0), claim(1), claim(2), claim(3), voided, unknown])
    label = {"claim_id": "C0", "is_fraud": True, "kind": "upcoding", "known_at": datetime(2026, 4, 1, tzinfo=UTC)}
    write(tmp_path, "labels", LABELS, [label])
    return tmp_path


def test_a_history_is_loaded_as_decided_within_the_benefit(database_url, folder):
    loaded = load_folder(database_url, folder, source="test", today=DAY)
    assert loaded == {"plans": 1, "members": 1, "procedures": 2, "claims": 6, "labels": 1}
    with psycopg.connect(database_url) as connection:
        claims = connection.execute("SELECT status, approved_cents, source FROM claims ORDER BY claim_id").fetchall()
        procedures = connection.execute("SELECT specialties, average_cents, average_claims FROM procedures").fetchall()
        kept = connection.execute("SELECT member_id, provider_id FROM claims WHERE claim_id = 'C5'").fetchone()
    assert claims == [
        *(("approved", cents, "test") for cents in (40_00, 40_00, 20_00, 0)),
        *(("voided", 0, "test"), ("approved", 40_00, "test")),
    ]
    assert sorted(procedures, key=str) == [(None, None, 0), (["a", "b, c"], 40_00, 5)]
    assert kept == (None, "")


def test_loading_again_changes_nothing(database_url, folder):
    load_folder(database_url, folder, source="test", today=DAY)
    again = load_folder(database_url, folder, source="again", today=DAY)
    assert (again["claims"], again["labels"]) == (0, 0)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT DISTINCT source FROM claims").fetchall() == [("test",)]


EARLIER = [("2020-01-01", "2020-12-31"), ("2022-01-01", "2022-12-31"), ("2024-01-01", "2024-12-31")]


@pytest.mark.parametrize(
    ("first", "kept"),
    [
        (date(2025, 1, 1), EARLIER),
        (date(2024, 12, 31), [*EARLIER[:2], ("2024-01-01", "2024-12-30")]),
        (date(2022, 1, 1), EARLIER[:1]),
        (None, None),
    ],
)
@pytest.mark.parametrize("way", ["loaded", "enrolled"])
async def test_a_file_that_changes_the_latest_period_makes_the_earlier_ones_end_before_it(
    database_url, tmp_path, first, kept, way
):
    def of(days):
        return None if days is None else [{"first_day": f, "last_day": last, "plan_id": "PL"} for f, last in days]

    write(tmp_path, "plans", reference.PLANS, [{"plan_id": "PL"}])
    member = {"member_id": "M1", "plan_id": "PL", "enrolled_from": first}
    write(tmp_path, "members", reference.MEMBERS, [member | {"enrolled_from": date(2026, 1, 1)}])
    load_folder(database_url, tmp_path, source="test", today=DAY)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE members SET earlier_periods = %s", [Jsonb(of(EARLIER))])
    if way == "loaded":
        write(tmp_path, "members", reference.MEMBERS, [member])
        load_folder(database_url, tmp_path, source="test", today=DAY)
    else:
        database = Database(database_url, pool_size=1)
        await enroll(
            database,
            FieldKeys(Settings(), database_url),
            [EnrolledMember("file", "M1", enrolled_from=first)],
            plan_id=None,
        )
        await database.close()
        kept = EARLIER if first is None else kept  # what such a file does not state stays
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT earlier_periods FROM members").fetchall() == [(of(kept),)]


def test_labels_keep_the_source_that_their_frame_states(database_url, folder):
    at = datetime(2026, 4, 2, tzinfo=UTC)
    write(
        folder, "labels", LABELS,
        [{"claim_id": f"C{n}", "is_fraud": True, "known_at": at, "source": source}
         for n, source in enumerate(("audit team", None))],
    )  # fmt: skip
    load_folder(database_url, folder, source="test", today=DAY)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT claim_id, source FROM labels ORDER BY 1").fetchall() == [
            ("C0", "audit team"),
            ("C1", "test"),
        ]


def approved(url, member="M1"):
    with psycopg.connect(url) as connection:
        query = "SELECT coalesce(sum(approved_cents), 0)::bigint FROM claims WHERE member_id = %s"
        return connection.execute(query, [member]).fetchone()[0]


def load_claims(url, tmp_path_factory, claims):
    folder = tmp_path_factory.mktemp("more")
    write(folder, "claims", CLAIMS, claims)
    return load_folder(url, folder, source="more", today=DAY)


def test_a_second_load_counts_what_is_stored(database_url, folder, tmp_path_factory):
    load_folder(database_url, folder, source="test", today=DAY)
    assert approved(database_url) == 100_00
    load_claims(database_url, tmp_path_factory, [claim(10 + number, amount_cents=90_00) for number in range(6)])
    assert approved(database_url) == 100_00


def test_a_load_counts_reserved_benefit_and_neither_voided_claims_nor_other_years(
    database_url, folder, tmp_path_factory
):
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO claims (claim_id, received_at, service_from, service_to, member_id, amount_cents, status,"
            " approved_cents, reserved_cents, voided_at, source) VALUES"
            " ('S1', now(), '2026-02-01', '2026-02-01', 'M1', 3000, 'in_review', 0, 3000, NULL, 'api'),"
            " ('S2', now(), '2026-02-02', '2026-02-02', 'M1', 3000, 'voided', 0, 0, now(), 'api'),"
            " ('S3', now(), '2025-12-31', '2025-12-31', 'M1', 3000, 'approved', 3000, 0, NULL, 'api')"
        )
    load_claims(database_url, tmp_path_factory, [claim(number) for number in range(3)])
    assert approved(database_url) == 30_00 + 70_00


@given(
    amounts=st.lists(st.tuples(st.integers(1, 90_00), st.booleans()), min_size=1, max_size=8),
    parts=st.lists(st.integers(0, 3), min_size=8, max_size=8),
    order=st.permutations(range(4)),
)
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_loads_in_any_order_and_in_parts_never_overspend(database_url, tmp_path_factory, amounts, parts, order):
    with psycopg.connect(database_url) as connection:
        connection.execute("DELETE FROM claims")
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    rows = [
        claim(number, amount_cents=cents, voided_at=at if voided else None)
        for number, (cents, voided) in enumerate(amounts)
    ]
    for part in order:
        load_claims(
            database_url, tmp_path_factory, [row for row, mine in zip(rows, parts, strict=False) if mine == part]
        )
    load_claims(database_url, tmp_path_factory, rows)
    not_voided = sum(cents for cents, voided in amounts if not voided)
    assert approved(database_url) == min(100_00, not_voided)


def test_a_second_load_of_the_same_day_uses_the_claims_of_both_files(database_url, folder):
    load_folder(database_url, folder, source="first", today=DAY)
    write(folder, "claims", CLAIMS, [claim(at, amount_cents=400_00) for at in range(10, 30)])
    load_folder(database_url, folder, source="second", today=DAY)
    with psycopg.connect(database_url) as connection:
        average = "SELECT average_cents, average_claims FROM procedures WHERE procedure_code = 'P1'"
        assert connection.execute(average).fetchone() == (328_00, 25)
        reference = "SELECT claims, round(median_cents) FROM reference_statistics WHERE scope = 'procedure'"
        assert connection.execute(reference).fetchone() == (25, 400_00)


def test_the_average_covers_the_year_to_midnight_without_voided_claims(database_url, folder):
    load_folder(database_url, folder, source="test", today=DAY)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE claims SET amount_cents = 9000 WHERE claim_id = 'C5'")
        averages = []
        for day in (date(2026, 3, 3), date(2027, 3, 1), date(2027, 3, 2)):
            refresh(connection, day)
            query = "SELECT average_cents, average_claims FROM procedures WHERE procedure_code = 'P1'"
            averages.append(connection.execute(query).fetchone())
    assert averages == [(50_00, 5), (50_00, 5), (50_00, 5)]


@pytest.mark.parametrize(("name", "longest"), [("region", 32), ("specialty", 64)])
def test_a_provider_whose_claims_could_not_be_scored_is_refused_with_the_whole_load(
    database_url, folder, name, longest
):
    columns = dict.fromkeys(reference.PROVIDERS.names)
    rows = [columns | {"provider_id": "H1", name: "x" * longest}]
    write(folder, "providers", reference.PROVIDERS, rows)
    assert load_folder(database_url, folder, source="test", today=DAY)["providers"] == 1
    write(folder, "providers", reference.PROVIDERS, [*rows, columns | {"provider_id": "H2", name: "x" * (longest + 1)}])
    with pytest.raises(Invalid) as refused:
        load_folder(database_url, folder, source="test", today=DAY)
    assert refused.value.errors[0].field == f"providers.{name}"
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM providers").fetchone() == (1,)


ATTRIBUTES = pa.schema(
    [
        *(("claim_id", pa.string()), ("make", pa.string()), ("age", pa.float64()), ("police", pa.bool_())),
        ("start", pa.date32()),
    ]
)
FULL = {"claim_id": "C0", "make": 'with "quotes" \\ \u0160', "age": -0.0, "police": False, "start": date(2024, 5, 31)}


def attributes_of(url):
    with psycopg.connect(url) as connection:
        return dict(connection.execute("SELECT claim_id, attributes FROM claims").fetchall())


async def test_attributes_of_a_history_are_loaded_and_read_back_as_facts(seeded_url, folder):
    write(folder, "attributes", ATTRIBUTES, [FULL, {"claim_id": "C1"}, {"claim_id": "of another claim", "age": 1.5}])
    load_folder(seeded_url, folder, source="test", today=DAY)
    known = {"make": FULL["make"], "age": 0.0, "police": False, "start": "2024-05-31"}
    none = dict.fromkeys(known)
    found = attributes_of(seeded_url)
    assert (found["C0"], found["C1"], found["C2"]) == (known, none, None)
    assert str(found["C0"]["age"]) == "0.0"
    async with running_api(seeded_url) as api:
        first, until = (datetime(2026, 3, day, tzinfo=UTC) for day in (1, 2))
        unscored = await unscored_claims(api.database, first, until)
    facts = {one.facts.claim_id: one.facts.attributes for one in unscored.claims}
    assert facts == {"C0": known, "C1": none, "C2": {}, "C3": {}}
    assert {(one.facts.units, one.facts.lines) for one in unscored.claims} == {(1, 1)}
    assert unscored.incomplete == 1


def test_lines_of_claims_that_are_in_no_data_set_are_refused(database_url, folder):
    lines = [{"claim_id": "of another", "line": 1, "procedure_code": "P1", "units": 1, "amount_cents": 1}]
    write(folder, "claim_lines", reference.CLAIM_LINES, lines)
    with pytest.raises(Invalid) as refused:
        load_folder(database_url, folder, source="test", today=DAY)
    (error,) = refused.value.errors
    assert error.field == "claim_lines.claim_id"
    assert error.message.startswith("1 lines are of claims that neither the folder nor the database has")


def test_attributes_that_the_data_set_does_not_list_are_left_over_from_another(database_url, folder):
    write(folder, "attributes", ATTRIBUTES, [FULL])
    (folder / "dataset.json").write_text('{"frames": {"claims": 6}}')
    load_folder(database_url, folder, source="test", today=DAY)
    assert set(map(str, attributes_of(database_url).values())) == {"None"}


@pytest.mark.parametrize("values", [{"make": "x" * 65}, {"make": ""}, {"age": float("nan")}, {"age": 1e15 + 1}])
def test_attributes_beyond_their_bounds_are_refused_with_the_whole_load(database_url, folder, values):
    write(folder, "attributes", ATTRIBUTES, [FULL, FULL | {"claim_id": "C1"} | values])
    with pytest.raises(Invalid) as refused:
        load_folder(database_url, folder, source="test", today=DAY)
    assert [error.field for error in refused.value.errors] == [f"attributes.{name}" for name in values]
    assert attributes_of(database_url) == {}


async def test_housekeeping_deletes_old_replies_and_done_events_and_nothing_else(api: Api):
    await api.submit(**{"Idempotency-Key": "old"})
    await api.submit(**{"Idempotency-Key": "new"})
    with psycopg.connect(api.url) as connection:
        connection.execute("UPDATE idempotency_keys SET created_at = '2020-01-01' WHERE key = 'old'")
        connection.execute("UPDATE outbox SET done_at = '2020-01-01' WHERE position = 1")
        connection.execute("UPDATE outbox SET created_at = '2020-01-01' WHERE position = 2")
    for _ in range(2):
        every_day(api.url, DAY)
    assert api.rows("SELECT key FROM idempotency_keys") == [("new",)]
    assert api.rows("SELECT position FROM outbox") == [(2,)]
    assert api.count("claims") == 2
