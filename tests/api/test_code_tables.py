"""The trade's tables in the database: imported by the command, and read on the claim's way."""

import json
from datetime import date, timedelta

import psycopg
import pytest
from click.testing import CliRunner

from api.code_tables import COMMITTED_WITHIN, NewTable, import_table
from api.migrate import upgrade
from claims.code_tables import TableEntry, TableKind
from cli.main import main
from core import clock
from tests.api.makers import MINIMAL, Api

MUE = "HCPCS/CPT Code,Practitioner Services MUE Values,MUE Adjudication Indicator\nP0010,{limit},1\n"
CODE = "P0010"


@pytest.fixture
def ginja(empty_database_url, tmp_path):
    upgrade(empty_database_url)

    def run(*words, code=0):
        environment = {"GINJA_DATABASE_URL": empty_database_url, "GINJA_HOME": str(tmp_path)}
        result = CliRunner().invoke(main, [*words, "--json"], env=environment)
        assert result.exit_code == code, result.output
        return json.loads(result.stdout.splitlines()[-1]) if result.stdout else result.stderr

    run.file = lambda text, name="mue.csv": _written(tmp_path / name, text)
    return run


def _written(path, text):
    path.write_text(text)
    return str(path)


def test_an_import_states_what_it_changes_and_a_dry_run_stores_nothing(ginja):
    first = MUE.format(limit=2) + "P0020,3,1\nP0030,1,2\n"
    words = ("reference", "import", "mue", ginja.file(first), "--release", "2026Q1", "--by", "ann")
    assert ginja(*words, "--dry-run")["changes"]["added"] == 3
    assert ginja("reference", "list")["releases"] == []
    assert ginja(*words)["import_id"] is not None
    second = MUE.format(limit=4) + "P0030,1,2\nP0040,1,2\n"
    changes = ginja("reference", "import", "mue", ginja.file(second), "--release", "2026Q2")["changes"]
    assert (changes["compared_with"], changes["added"], changes["removed"], changes["changed"]) == ("2026Q1", 1, 1, 1)
    examples = {(one["change"], one["code"], one["before"], one["after"]) for one in changes["examples"]}
    assert examples == {("changed", CODE, "2 1", "4 1"), ("removed", "P0020", "3 1", ""), ("added", "P0040", "", "1 2")}
    listed = ginja("reference", "list")["releases"]
    assert [(one["release"], one["entries"], one["imported_by"]) for one in listed][-1] == ("2026Q1", 3, "ann")


def test_the_same_file_twice_is_refused_and_a_rollback_brings_the_release_before_back(ginja):
    words = ("reference", "import", "mue", ginja.file(MUE.format(limit=2)), "--release", "2026Q1")
    ginja(*words)
    assert "already imported" in str(ginja(*words, code=2))
    ginja("reference", "import", "mue", ginja.file(MUE.format(limit=4)), "--release", "2026Q2")
    rolled = ginja("reference", "rollback", "mue", "--by", "ann")
    assert (rolled["rolled_back"]["release"], rolled["in_force"]["release"]) == ("2026Q2", "2026Q1")
    assert ginja("reference", "rollback", "mue")["in_force"] is None
    assert "no release of mue is in force" in str(ginja("reference", "rollback", "mue", code=2))


def test_the_last_import_is_rolled_back_even_if_it_is_of_an_earlier_quarter(ginja):
    ginja("reference", "import", "mue", ginja.file(MUE.format(limit=4)), "--release", "2026Q2")
    earlier = ("reference", "import", "mue", ginja.file(MUE.format(limit=3)), "--release", "2026Q1")
    assert ginja(*earlier)["changes"]["compared_with"] is None
    assert "already imported" in str(ginja(*earlier, code=2))
    rolled = ginja("reference", "rollback", "mue")
    assert (rolled["rolled_back"]["release"], rolled["in_force"]["release"]) == ("2026Q1", "2026Q2")


def test_a_release_is_known_only_after_all_its_entries_are_stored(empty_database_url, monkeypatch):
    """The clock here shows how many entries are stored, in hours."""
    upgrade(empty_database_url)
    began = clock.now()
    new = NewTable(TableKind.MUE, "2026Q1", date(2026, 1, 1), "here", "0", [TableEntry(f"P00{n}") for n in (1, 2, 3)])
    with psycopg.connect(empty_database_url) as connection:
        count = "SELECT count(*) FROM code_table_entries"

        def now():
            (stored,) = connection.execute(count).fetchone()
            return began + timedelta(hours=stored)

        monkeypatch.setattr(clock, "now", now)
        stored, _ = import_table(connection, new, by="ann")
        (known_from,) = connection.execute("SELECT known_from FROM code_table_imports").fetchone()
    assert stored.known_from == known_from == began + timedelta(hours=3) + COMMITTED_WITHIN


def test_an_invalid_file_is_refused_and_stores_nothing(ginja):
    file = ginja.file(MUE.format(limit="many"))
    refused = ginja("reference", "import", "mue", file, "--release", "2026Q1", code=2)
    assert "1 of 1 rows of mue.csv are invalid" in str(refused)
    assert "--release is needed" in str(ginja("reference", "import", "mue", file, code=2))
    assert ginja("reference", "list")["releases"] == []


@pytest.fixture
def imported(api: Api, tmp_path):
    """Import a table into the database of the API; the moment of the import is the clock's."""

    def run(kind, text, *options):
        file = _written(tmp_path / f"{kind}.csv", text)
        words = ["reference", "import", kind, file, *options]
        environment = {"GINJA_DATABASE_URL": api.url, "GINJA_HOME": str(tmp_path)}
        result = CliRunner().invoke(main, words, env=environment, catch_exceptions=False)
        assert result.exit_code == 0, result.output

    with psycopg.connect(api.url) as connection:
        connection.execute(
            "INSERT INTO procedures (procedure_code, average_cents, average_claims) VALUES (%s, 500000, 40)", [CODE]
        )
    return run


async def reasons(api, **changes):
    body = MINIMAL | {"procedure_code": CODE, "service_from": "2026-03-02"} | changes
    response = await api.submit(body)
    assert response.status_code == 201, response.text
    document = response.json()
    return document["status"], {one["code"]: one.get("cites") for one in document["reasons"]}


async def test_a_claim_is_checked_by_the_release_of_its_day_that_was_known_at_its_receipt(api: Api, imported):
    at = clock.now()
    with clock.held(at):
        imported("mue", MUE.format(limit=2), "--release", "2026Q1")
        status, found = await reasons(api, units=3)
        assert "medically_unlikely_units" not in found  # known only once its commit is over
    with clock.held(at + COMMITTED_WITHIN):
        status, found = await reasons(api, units=3, claim_amount=5001)
        assert (status, found["medically_unlikely_units"]) == ("in_review", f"mue 2026Q1 {CODE}")
        _, found = await reasons(api, units=2, claim_amount=5002)
        assert "medically_unlikely_units" not in found
        _, found = await reasons(api, units=3, claim_amount=5003, service_from="2025-12-31")
        assert "medically_unlikely_units" not in found
        imported("mue", MUE.format(limit=9), "--release", "2026Q2")
    with clock.held(at + 3 * COMMITTED_WITHIN):
        _, found = await reasons(api, units=3, claim_amount=5004)
        assert found["medically_unlikely_units"] == f"mue 2026Q1 {CODE}"
        _, found = await reasons(api, units=3, claim_amount=5005, service_from="2026-04-01")
        assert "medically_unlikely_units" not in found


async def test_a_pair_of_lines_needs_a_modifier_and_keeps_it(api: Api, imported):
    pairs = "Column 1,Column 2,Effective Date,Deletion Date,Modifier\nP0010,P0020,20200101,*,1\n"
    with psycopg.connect(api.url) as connection:
        connection.execute(
            "INSERT INTO procedures (procedure_code, average_cents, average_claims) VALUES ('P0020', 500000, 40)"
        )
    imported("ptp", pairs, "--release", "2026Q1")
    with clock.held(clock.now() + COMMITTED_WITHIN + timedelta(seconds=1)):
        for modifiers, held in (([], True), (["59"], False), (["xs"], False), (["26"], True)):
            lines = [
                {"procedure_code": "P0010", "amount": 1000 + len(str(modifiers))},
                {"procedure_code": "P0020", "amount": 1000, "modifiers": modifiers},
            ]
            body = {key: MINIMAL[key] for key in ("member_id", "provider_id", "diagnosis_code")}
            response = await api.submit(body | {"lines": lines, "service_from": "2026-03-02"})
            assert response.status_code == 201, response.text
            assert ("procedure_pair" in {one["code"] for one in response.json()["reasons"]}) is held
    with psycopg.connect(api.url) as connection:
        stored = connection.execute("SELECT modifiers FROM claim_lines WHERE modifiers IS NOT NULL").fetchall()
    assert sorted(stored) == [(["26"],), (["59"],), (["XS"],)]


async def test_a_provider_is_found_on_the_exclusion_list_by_its_npi(api: Api, imported):
    imported("leie", "NPI,EXCLDATE,REINDATE\n1234567893,20200101,00000000\n", "--release", "2026-03")
    with clock.held(clock.now() + COMMITTED_WITHIN + timedelta(seconds=1)):
        _, found = await reasons(api)
        assert "provider_on_exclusion_list" not in found
        with psycopg.connect(api.url) as connection:
            connection.execute("UPDATE providers SET npi = '1234567893' WHERE provider_id = 'H456'")
        status, found = await reasons(api, claim_amount=5006)
        assert (status, found["provider_on_exclusion_list"]) == ("rejected", "leie 2026-03 1234567893")


@pytest.mark.parametrize("modifiers", [["5"], ["599"], ["5-"], ["59"] * 5, "59", [59]])
async def test_a_modifier_has_two_characters_and_a_line_four_of_them(api: Api, modifiers):
    body = {key: MINIMAL[key] for key in ("member_id", "provider_id", "diagnosis_code")}
    line = {"procedure_code": "P001", "amount": 1000, "modifiers": modifiers}
    response = await api.submit(body | {"lines": [line]})
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"].startswith("lines[0].modifiers")
