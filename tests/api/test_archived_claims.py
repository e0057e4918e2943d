"""What is said of an archived claim, that nothing of it is taken as new, and that values come back equal."""

import asyncio
import math
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from api.archives.columns import TableColumns
from api.archives.declared import ArchivedTable
from api.archives.files import stored_rows, write_table
from api.audit import NOT_PERSONAL, ROUTES
from api.loading import load_folder
from cli.main import main
from features.declare import CLAIMS, LABELS
from tests.api.appeals import APPEAL
from tests.api.archives import age, full_claim, old_claim, restored, rows, run
from tests.api.console.test_member_consents import opened
from tests.api.console.test_user_sign_in import browser_of
from tests.api.decisions import DENY
from tests.api.makers import ENCRYPTION_KEY, Api
from tests.api.test_loading import claim, write
from tests.api.work_examples import FORMS

DECISION = DENY | {"expected_version": 0}
BODIES = {"void": {}, "dispositions": {"disposition": "cleared"}, "decisions": DECISION, "appeals": APPEAL}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "archives"


async def test_a_claim_that_is_archived_is_said_to_be_and_one_of_others_or_of_nobody_is_not(
    api: Api, home: Path, folder: Path
):
    claim_id = old_claim(api.url, "clm_1")
    other = old_claim(api.url, "clm_2", provider_id="H457", member_id="M124")
    (archive,) = run(api.url, home, folder).archives
    for path in (f"/v1/claims/{claim_id}", f"/v1/claims/{claim_id}/explanation"):
        answer = await api.get(path)
        assert (answer.status_code, answer.json()["type"]) == (404, "/docs/problems#not-found")
        assert answer.json()["detail"] == (
            "the claim was archived, its retention is over; an operator restores it: "
            f"ginja data archive restore FOLDER --claim {claim_id} (archive {archive})"
        )
    voided = await api.post(f"/v1/claims/{claim_id}/void", {})
    assert (voided.status_code, archive in voided.text) == (404, True)
    foreign = await api.get(f"/v1/claims/{other}", role="provider")
    unknown = await api.get("/v1/claims/clm_9", role="provider")
    assert (foreign.status_code, foreign.json()["detail"]) == (404, unknown.json()["detail"])
    own = await api.get(f"/v1/claims/{claim_id}", role="provider")
    assert archive in own.json()["detail"]
    restored(api.url, home, folder)
    assert (await api.get(f"/v1/claims/{claim_id}")).status_code == 200


ABOUT_ONE_CLAIM = sorted(route for route in {**ROUTES, **NOT_PERSONAL} if "{claim_id}" in route)


@pytest.mark.parametrize("route", ABOUT_ONE_CLAIM)
async def test_every_route_about_a_claim_names_the_archive_of_an_archived_one(
    api: Api, home: Path, folder: Path, route: str
):
    claim_id = old_claim(api.url, "clm_1")
    (archive,) = run(api.url, home, folder).archives
    method, path = route.replace("{claim_id}", claim_id).split()
    if path.startswith("/console/"):
        async with browser_of(api) as browser:
            if path.startswith("/console/own/"):
                await browser.post("/console/sign-in", data={"api_key": api.keys["provider"], "next": "/console"})
            else:
                await opened(api, browser, role="lead_investigator")
            entered = {k: v for k, v in FORMS.get(route.partition(" ")[2], {}).items() if k != "form_token"}
            answer = await (browser.get(path) if method == "GET" else browser.post(path, data=entered))
    else:
        body = BODIES.get(path.rpartition("/")[2])
        role = {"void": "claims_system", "appeals": "provider"}.get(path.rpartition("/")[2], "lead_investigator")
        answer = await (api.get(path, role=role) if method == "GET" else api.post(path, body, role=role))
    assert (answer.status_code, archive in answer.text) == (404, True), answer.text


def test_a_history_with_archived_claims_adds_none_of_them_again(seeded_url: str, home: Path, folder: Path, tmp_path):
    old_claim(seeded_url, "C1")
    run(seeded_url, home, folder)
    files = tmp_path / "history"
    files.mkdir()
    write(files, "claims", CLAIMS, [claim(1), claim(2)])
    line = {"line": 1, "procedure_code": "P1", "units": 1, "amount_cents": 100}
    lines = pa.schema([(name, pa.string() if name.endswith("code") else pa.int64()) for name in line])
    lines = lines.append(pa.field("claim_id", pa.string()))
    write(files, "claim_lines", lines, [{**line, "claim_id": one} for one in ("C1", "C2")])
    known = {"known_at": datetime(2026, 3, 1, tzinfo=UTC), "is_fraud": True}
    write(files, "labels", LABELS, [{**dict.fromkeys(LABELS.names), **known, "claim_id": one} for one in ("C1", "C2")])
    loaded = load_folder(seeded_url, files, source="test", today=date(2026, 3, 2))
    assert (loaded["claims"], loaded["claim_lines"], loaded["labels"]) == (1, 1, 1)
    for table in ("claims", "claim_lines", "labels"):
        assert rows(seeded_url, f"SELECT claim_id FROM {table}") == [("C2",)]


async def test_with_the_key_of_its_member_the_texts_of_an_archive_are_destroyed(api: Api, home: Path, folder: Path):
    new = {"member_id": "M900", "name": "Zoe New", "birth_date": "1980-03-02", "sex": "F", "plan_id": "PL1"}
    assert (await api.post("/v1/members", new)).status_code == 201
    claim_id = await full_claim(api, member_id="M900")
    age(api.url)
    (sealed,) = api.rows("SELECT note_sealed FROM decisions WHERE claim_id = %s", claim_id)[0]
    (archive,) = run(api.url, home, folder).archives
    stored = pq.read_table(folder / archive / "decisions.parquet").to_pylist()
    assert [(one["note"], one["note_sealed"]) for one in stored] == [(None, sealed)]
    for file in (folder / archive).glob("*.parquet"):
        assert "Änderung" not in str(pq.read_table(file).to_pylist())
    words = ["data", "erase-member", "M900", "--reason", "request 7", "--by", "ann"]
    env = {"GINJA_DATABASE_URL": api.url, "GINJA_HOME": str(home), "GINJA_ENCRYPTION_KEYS": ENCRYPTION_KEY}
    erased = await asyncio.to_thread(CliRunner().invoke, main, words, env=env)
    assert erased.exit_code == 0, erased.output
    assert f"1 claims of it are in archives ({archive})" in erased.output
    assert api.rows("SELECT wrapped_key FROM member_keys WHERE member_id = 'M900'") == [(None,)]
    (refused,) = restored(api.url, home, folder)
    assert (refused.claims, refused.erased) == (0, (claim_id,))


TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.decimals(-9, 9, places=3).map(str) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
INSTANTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))
ROWS = st.lists(
    st.tuples(
        st.none() | TEXT,
        st.none()
        | st.just(Decimal("NaN"))
        | st.decimals(allow_nan=False, allow_infinity=False, places=5, min_value=-(10**12), max_value=10**12),
        st.none() | JSON.map(psycopg.types.json.Jsonb),
        st.none() | st.just(math.nan) | st.floats(allow_nan=False),
        st.none() | st.integers(-(2**31), 2**31 - 1),
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.booleans(),
        st.none() | st.dates(),
        st.none() | INSTANTS,
        st.none() | st.binary(max_size=40),
        st.none() | st.lists(st.none() | TEXT, max_size=4),
        st.none() | st.lists(st.none() | st.dates(), max_size=4),
    ),
    max_size=5,
)
TYPES = (
    "t text, n numeric, j jsonb, f double precision, i integer, g bigint, b boolean, d date, s timestamptz, y bytea, "
    "ta text[], da date[]"
)


@pytest.fixture(scope="module")
def tables(new_database, database_template: str) -> Iterator[psycopg.Connection]:
    with new_database(database_template) as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name in ("sent", "back"):
            connection.execute(f"CREATE TEMPORARY TABLE {name} (place integer, {TYPES})")
        yield connection


@given(values=ROWS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_values_of_every_type_come_back_equal_to_the_last_bit(tables: psycopg.Connection, values):
    tables.execute("TRUNCATE sent, back")
    places = ", ".join(["%s"] * 13)
    for place, row in enumerate(values):
        tables.execute(f"INSERT INTO sent VALUES ({places})", [place, *row])
    columns = TableColumns.of(tables, "sent")
    read = tables.execute(sql.SQL("SELECT {} FROM sent AS one ORDER BY place").format(columns.selected())).fetchall()
    with tempfile.TemporaryDirectory() as folder:
        file = write_table(Path(folder), ArchivedTable("sent", ("place",)), columns.columns, [read] if read else [])
        assert (file is None) == (not values)
        if file is None:
            return
        assert file.rows == len(values)
        with tables.cursor().copy("COPY back FROM STDIN") as copy:
            for row in stored_rows(Path(folder), file):
                copy.write_row(row)
    state = "SELECT one::text, float8send(f) FROM {} AS one ORDER BY place"
    assert tables.execute(state.format("back")).fetchall() == tables.execute(state.format("sent")).fetchall()
