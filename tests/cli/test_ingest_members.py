"""`ginja data ingest members` stores the members of 834 and CSV files and says what was refused."""

import asyncio
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from api.database import Database
from api.field_keys import FieldKeys
from api.members import IDENTITY_FIELDS
from api.registry import Registry
from api.registry.kinds import MEMBER
from cli.exit_codes import ExitCode
from cli.main import main
from core.settings import Settings
from tests.api.makers import seed
from tests.formats.test_enrollment import ADDED, HEADER, enrollment, member


async def members(url: str) -> dict[str, tuple[object, ...]]:
    """Who the members are, with plan and period."""
    database, keys = Database(url, pool_size=1), FieldKeys(Settings(), url)
    registry = Registry(database, keys)
    try:
        with psycopg.connect(url) as connection:
            rows = connection.execute("SELECT member_id, enrolled_to FROM members ORDER BY member_id").fetchall()
        entries = {member_id: (await registry.get(MEMBER, member_id), end) for member_id, end in rows}
    finally:
        await database.close()
    return {
        member_id: (
            *(getattr(entry.details, name) for name in IDENTITY_FIELDS),
            *(entry.latest.plan_id, entry.latest.period.first_day, end),
        )
        for member_id, (entry, end) in entries.items()
    }


@pytest.fixture
def run(new_database: Callable[..., AbstractContextManager[str]], database_template: str):
    with new_database(database_template) as url:
        seed(url)

        def run(*words: str):
            result = CliRunner().invoke(main, ["data", "ingest", "members", *words], env={"GINJA_DATABASE_URL": url})
            return result, asyncio.run(members(url))

        yield run


def test_an_834_adds_members_and_ends_their_cover(run, tmp_path: Path):
    file = tmp_path / "enrollment.834"
    file.write_bytes(enrollment(member(*ADDED)))
    result, stored = run(str(file))
    assert result.exit_code == ExitCode.OK
    assert "1 stored, 0 of them with an end, 0 refused" in result.output
    assert stored["S1"] == ("JANE ROE", date(1980, 1, 1), "F", "PL1", date(2026, 1, 1), None)
    file.write_bytes(enrollment(member("REF*0F*S1", "DTP*357*D8*20260630", "NM1*IL*1*ROE*JANE", ins="Y*18*024")))
    _, stored = run(str(file))
    assert stored["S1"] == ("JANE ROE", date(1980, 1, 1), "F", "PL1", date(2026, 1, 1), date(2026, 7, 1))
    file.write_bytes(enrollment(member("REF*0F*S1", "DTP*356*D8*20260901", ins="Y*18*025")))
    _, stored = run(str(file))
    assert stored["S1"][-2:] == (date(2026, 9, 1), None)


def test_a_csv_changes_what_it_states_and_keeps_the_rest(run, tmp_path: Path):
    file = tmp_path / "members.csv"
    file.write_text(f"{HEADER}\nM124,,,,,,2026-05-01\nM900,New,2001-02-03,M,PL2,2026-01-01,\n")
    result, stored = run(str(file), "--json")
    assert json.loads(result.stdout)["members.csv"] == {"stored": 2, "ended": 1, "refused": 0, "problems": []}
    assert stored["M124"] == ("John Roe", date(1982, 1, 1), "M", "PL1", date(2020, 1, 1), date(2026, 5, 1))
    assert stored["M900"] == ("New", date(2001, 2, 3), "M", "PL2", date(2026, 1, 1), None)


def test_a_member_without_a_plan_is_refused_unless_one_is_stated(run, tmp_path: Path):
    file = tmp_path / "members.csv"
    file.write_text("member_id,plan_id\nM901,\nM902,NONE\nM903,PL1\n")
    result, stored = run(str(file))
    assert result.exit_code == ExitCode.DATA_REFUSED
    assert "line 2: the member has no plan" in result.output
    assert "line 3: the plan of the member does not exist" in result.output
    assert "M903" in stored
    assert not {"M901", "M902"} & stored.keys()
    result, stored = run(str(file), "--plan", "PL2")
    assert stored["M901"][3] == "PL2"
    assert "M902" not in stored


@pytest.mark.parametrize("text", [b"", b"\xff\xfe", b"hello", b"ISA*00"])
def test_a_file_that_cannot_be_read_ends_with_3(run, tmp_path: Path, text: bytes):
    file = tmp_path / "members.csv"
    file.write_bytes(text)
    result, stored = run(str(file))
    assert (result.exit_code, len(stored)) == (ExitCode.DATA_REFUSED, 3)
