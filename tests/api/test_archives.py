"""Claims whose retention is over leave the database for signed files, and come back as they were."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege, RestrictViolation

from api.archives import (
    ArchiveError,
    ArchiveRequestError,
    ArchiveStep,
    LeftReason,
    archives_in,
    verify,
)
from core import clock
from core.postgres import as_api_role
from core.residency import ResidencyError
from core.signing import trusted_keys
from tests.api.archives import KIND, age, execute, full_claim, old_claim, restored, rows, run, settings_of, tables_of
from tests.api.decisions import LIMITED, approved
from tests.api.makers import Api


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "archives"


def problems(home: Path, folder: Path) -> list[str]:
    trusted = trusted_keys(settings_of(home))
    return [problem for one in archives_in(folder) for problem in verify(one, trusted)[1]]


async def test_what_is_archived_is_gone_and_comes_back_as_it_was(api: Api, home: Path, folder: Path):
    claim_id = await full_claim(api)
    age(api.url)
    recent = (await approved(api, LIMITED))["claim_id"]
    api.execute("UPDATE outbox SET done_at = now()")
    before = tables_of(api.url)
    assert all(before.values()), "the claim has a row in every table"
    audited = (
        "SELECT audit_id, at, act, claim_id FROM audit_log WHERE NOT starts_with(act, 'archive.') ORDER BY audit_id"
    )
    log = api.rows(audited)
    done = run(api.url, home, folder)
    assert (done.claims, done.left, problems(home, folder)) == (1, {}, [])
    after = tables_of(api.url)
    assert not any(claim_id in row for rows in after.values() for row in rows)
    assert any(recent in row for row in after["claims"])
    assert api.rows("SELECT claim_id, archive FROM archived_claims") == [(claim_id, done.archives[0])]
    (back,) = restored(api.url, home, folder)
    assert (back.claims, back.rows) == (1, done.rows)
    assert tables_of(api.url) == before
    assert api.rows(audited) == log
    acts = api.rows("SELECT act, name, subject_id, details->>'claims' FROM audit_log WHERE subject_kind = 'archive'")
    assert acts == [
        ("archive.add", "ann", done.archives[0], None),
        ("archive.restore", "ann", done.archives[0], "1"),
    ]
    (again,) = restored(api.url, home, folder)
    assert (again.claims, again.present) == (0, 1)
    api.execute("UPDATE outbox SET done_at = now()")
    assert run(api.url, home, folder).left == {"restored": 1}


def test_rows_are_written_once_and_none_is_lost_wherever_a_run_is_killed(seeded_url: str, home: Path, folder: Path):
    for number in range(3):
        old_claim(seeded_url, f"clm_{number}")
    before = tables_of(seeded_url)
    folder.mkdir()
    script = (
        "import os, signal, sys; from pathlib import Path; from api.archives import ArchiveStep; "
        "from tests.api.archives import run; url, home, folder, step = sys.argv[1:]; "
        "run(url, Path(home), Path(folder), batch=2, "
        "on_step=lambda one: os.kill(os.getpid(), signal.SIGKILL) if one.value == step else None)"
    )
    for step in ArchiveStep:
        words = [sys.executable, "-c", script, seeded_url, str(home), str(folder), step.value]
        killed = subprocess.run(words, capture_output=True, check=False, cwd=Path(__file__).parents[2])
        assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
        left = len(tables_of(seeded_url)["claims"])
        assert left == (1 if step is ArchiveStep.COMMITTED else 3), step
        done = run(seeded_url, home, folder, batch=2)
        assert len(done.discarded) == (0 if step is ArchiveStep.COMMITTED else 1)
        assert tables_of(seeded_url)["claims"] == set()
        archives = {
            str(name) for (name,) in rows(seeded_url, "SELECT archive FROM archives WHERE archived_at IS NOT NULL")
        }
        whole = step in {ArchiveStep.NAMED, ArchiveStep.VERIFIED, ArchiveStep.LOCKED} | {
            ArchiveStep.COMPARED,
            ArchiveStep.DELETED,
        }
        assert done.set_aside == tuple(str(folder / f".discarded-{one}") for one in done.discarded if whole)
        aside = {Path(one).name for one in done.set_aside}
        assert {one.name for one in folder.iterdir()} == archives | aside
        for one in aside:
            shutil.rmtree(folder / one)
        assert problems(home, folder) == []
        newest = "SELECT archive FROM archived_claims WHERE restored_at IS NULL"
        assert len(rows(seeded_url, newest)) == 3
        assert sum(one.claims for one in restored(seeded_url, home, folder)) == 3
        assert tables_of(seeded_url) == before
        execute(seeded_url, "UPDATE archived_claims SET restored_at = restored_at - interval '31 days'")


class _EndedError(Exception):
    """Ends a run at a step, as a kill does for what is on disk and in the database."""


def interrupt() -> None:
    raise _EndedError


def at(step: ArchiveStep, act: Callable[[], object]) -> Callable[[ArchiveStep], None]:
    """Act once at a step."""
    acts = [act]

    def on_step(now: ArchiveStep) -> None:
        if now is step and acts:
            acts.pop()()

    return on_step


def test_nothing_is_deleted_where_a_file_is_not_what_was_written(seeded_url: str, home: Path, folder: Path):
    old_claim(seeded_url, "clm_1")
    before = tables_of(seeded_url)

    def damage() -> None:
        (file,) = folder.glob("*/claim_lines.parquet")
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)

    with pytest.raises(ArchiveError, match=r"claim_lines\.parquet was changed"):
        run(seeded_url, home, folder, on_step=at(ArchiveStep.NAMED, damage))
    assert tables_of(seeded_url) == before
    done = run(seeded_url, home, folder)
    assert (done.claims, len(done.discarded), problems(home, folder)) == (1, 1, [])


@pytest.mark.parametrize("mount_point", [True, False], ids=["an empty mount point", "nothing"])
@pytest.mark.parametrize("step", [ArchiveStep.BEGUN, ArchiveStep.NAMED])
def test_an_interrupted_archive_is_not_forgotten_while_its_folder_is_away(
    seeded_url: str, home: Path, folder: Path, tmp_path: Path, step: ArchiveStep, mount_point: bool
):
    old_claim(seeded_url, "clm_1")
    with pytest.raises(_EndedError):
        run(seeded_url, home, folder, on_step=at(step, interrupt))
    ((archive,),) = rows(seeded_url, "SELECT archive FROM archives")
    folder.rename(tmp_path / "unmounted")
    if mount_point:
        folder.mkdir()
    with pytest.raises(ArchiveError, match=f"{folder}, where {archive} was interrupted, does not have it; mount it"):
        run(seeded_url, home, tmp_path / "other")
    assert rows(seeded_url, "SELECT archive FROM archives") == [(archive,)]
    assert len(rows(seeded_url, "SELECT FROM claims")) == 1
    if mount_point:
        folder.rmdir()
    (tmp_path / "unmounted").rename(folder)
    done = run(seeded_url, home, tmp_path / "other")
    assert (done.claims, done.discarded) == (1, (archive,))


def test_a_copy_of_the_database_of_a_run_does_not_remove_what_the_run_has_committed(
    seeded_url: str, home: Path, folder: Path
):
    old_claim(seeded_url, "clm_1")
    with pytest.raises(_EndedError):
        run(seeded_url, home, folder, on_step=at(ArchiveStep.NAMED, interrupt))
    ((archive,),) = rows(seeded_url, "SELECT archive FROM archives")
    content = {path.name: path.read_bytes() for path in (folder / archive).iterdir()}
    done = run(seeded_url, home, folder)
    aside = folder / f".discarded-{archive}"
    assert done.set_aside == (str(aside),)
    assert {path.name: path.read_bytes() for path in aside.iterdir()} == content
    aside.rename(folder / archive)
    assert problems(home, folder) == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE claims SET region = 'Coast' WHERE claim_id = 'clm_1'",
        "INSERT INTO labels VALUES ('clm_1', '2015-01-01', true, NULL, 'test')",
        "DELETE FROM claim_lines WHERE claim_id = 'clm_1'",
    ],
)
def test_a_row_that_changes_after_it_was_written_is_archived_as_it_is_then(
    seeded_url: str, home: Path, folder: Path, change: str
):
    old_claim(seeded_url, "clm_1")
    age(seeded_url)

    def act() -> None:
        execute(seeded_url, change)
        execute(seeded_url, "UPDATE outbox SET done_at = now()")

    done = run(seeded_url, home, folder, on_step=at(ArchiveStep.VERIFIED, act))
    assert (done.claims, len(done.archives), problems(home, folder)) == (1, 1, [])
    restored(seeded_url, home, folder)
    state = tables_of(seeded_url)
    assert any("Coast" in row for row in state["claims"]) == ("region" in change)
    assert bool(state["labels"]) == ("labels" in change)
    assert bool(state["claim_lines"]) == ("DELETE" not in change)


def test_a_hold_that_is_added_while_files_are_written_keeps_the_claim(seeded_url: str, home: Path, folder: Path):
    old_claim(seeded_url, "clm_1")
    old_claim(seeded_url, "clm_2", member_id="M124")
    hold = (
        "INSERT INTO legal_holds (hold_id, member_id, case_number, reason, contact, added_at, added_by) "
        "VALUES ('hold_1', 'M123', 'C1', 'order', 'legal', now(), 'ann')"
    )
    done = run(seeded_url, home, folder, on_step=at(ArchiveStep.VERIFIED, lambda: execute(seeded_url, hold)))
    assert (done.claims, done.left) == (1, {"legal_hold": 1})
    assert rows(seeded_url, "SELECT claim_id FROM claims") == [("clm_1",)]
    assert len(list(folder.iterdir())) == 1


APPEALED = (
    "INSERT INTO appeals (appeal_id, claim_id, level, filed_at, appellant, documents, due_on, status, caused_by,"
    " api_key_id, filed_by) VALUES ('app_{0}', '{0}', 1, '2014-12-01', 'provider', '[]', '2014-12-31', 'rejected',"
    " '{{}}', 'key_1', 'clinic')"
)
ANSWERED = (
    "INSERT INTO appeal_decisions (appeal_id, made_at, outcome, approved_cents, api_key_id, decided_by, role)"
    " VALUES ('app_{0}', '{1}', 'upheld', 0, 'key_1', 'ann', 'admin')"
)
PREPARED = {
    LeftReason.LEGAL_HOLD: [
        "UPDATE claims SET member_id = 'M124' WHERE claim_id = '{0}'",
        (
            "INSERT INTO legal_holds (hold_id, member_id, case_number, reason, contact, added_at, added_by) "
            "VALUES ('hold_1', 'M124', 'C1', 'order', 'legal', now(), 'ann')"
        ),
    ],
    LeftReason.IN_REVIEW: ["UPDATE claims SET status = 'in_review', approved_cents = 0 WHERE claim_id = '{0}'"],
    LeftReason.OPEN_APPEAL: [APPEALED],
    LeftReason.OPEN_CASE: [
        (
            "INSERT INTO cases (case_id, subject_kind, subject_id, provider_ids, status, detection, detected_at, "
            "opened_at, opened_by, findings, version) "
            "VALUES ('cas_1', 'provider', 'H456', '[]', 'open', 'score', now(), now(), 'key_1', '[]', 0)"
        ),
        "INSERT INTO case_claims VALUES ('cas_1', '{0}', now(), 'key_1')",
    ],
    LeftReason.OPEN_EVENT: [
        "INSERT INTO outbox (topic, entity_key, payload, created_at) VALUES ('claim.voided', '{0}', '{{}}', now())"
    ],
    LeftReason.OPEN_FINDING: [
        (
            "WITH job AS (INSERT INTO rescreening_jobs (kind, recorded_at, not_before) VALUES ('plan', now(), now()) "
            "RETURNING job_id) INSERT INTO rescreening_claims (job_id, claim_id) SELECT job_id, '{0}' FROM job"
        )
    ],
    LeftReason.EDIT_SUSPENSION: [
        APPEALED,
        ANSWERED.format("{0}", "2014-12-20"),
        (
            "INSERT INTO edit_suspensions (edit, appeal_id, suspended_at, decided, overturned, limit_percent)"
            " VALUES ('mue', 'app_{0}', '2014-12-20', 20, 10, 40)"
        ),
    ],
    LeftReason.AUTHORIZATION: [
        (
            "INSERT INTO authorizations (authorization_number, member_id, procedures, first_day, state) "
            "VALUES ('A1', 'M123', '{{P001}}', '2014-01-01', 'approved')"
        ),
        "UPDATE claims SET authorization_number = 'A1' WHERE claim_id = '{0}'",
    ],
    LeftReason.RECENT_ACTIVITY: [APPEALED, ANSWERED.format("{0}", "2026-01-01")],
    LeftReason.BENEFIT_YEAR: [
        f"UPDATE claims SET service_to = current_date - {KIND.days} - 300 WHERE claim_id = '{{0}}'",
    ],
    LeftReason.RESTORED: [
        "INSERT INTO archives (archive, kind, folder, begun_at, archived_at) VALUES ('a', 'k', '/', now(), now())",
        "INSERT INTO archived_claims VALUES ('{0}', 'a', NULL, NULL, '2014-12-01', now())",
    ],
    LeftReason.RELATED_CLAIM: ["UPDATE claims SET replaces = '{0}' WHERE claim_id = 'clm_in_review'"],
}


def test_what_is_open_held_recent_or_related_is_left_with_its_reason(seeded_url: str, home: Path, folder: Path):
    for reason in LeftReason:
        claim_id = old_claim(seeded_url, f"clm_{reason.value}")
        for statement in PREPARED[reason]:
            execute(seeded_url, statement.format(claim_id))
    old_claim(seeded_url, "clm_none")
    done = run(seeded_url, home, folder)
    assert done.left == {reason.value: 1 for reason in LeftReason}
    assert done.claims == 1
    assert rows(seeded_url, "SELECT claim_id FROM archived_claims WHERE archive <> 'a'") == [("clm_none",)]


def test_a_correction_and_what_it_corrects_are_archived_and_restored(seeded_url: str, home: Path, folder: Path):
    old_claim(seeded_url, "clm_1")
    old_claim(seeded_url, "clm_2", replaces="clm_1")
    before = tables_of(seeded_url)
    assert run(seeded_url, home, folder, batch=1).claims == 2
    restored(seeded_url, home, folder)
    assert tables_of(seeded_url) == before


def test_only_what_was_received_before_the_day_is_archived_and_only_after_its_period(
    seeded_url: str, home: Path, folder: Path
):
    old_claim(seeded_url, "clm_1")
    old_claim(seeded_url, "clm_2", received_at=clock.now() - timedelta(days=3_700))
    over = clock.now().date() - KIND.period
    assert run(seeded_url, home, folder, before=over - timedelta(days=100)).claims == 1
    with pytest.raises(ArchiveRequestError, match=f"--before must be {over} or earlier"):
        run(seeded_url, home, folder, before=over + timedelta(days=1))
    assert len(rows(seeded_url, "SELECT 1 FROM claims")) == 1
    with pytest.raises(ArchiveRequestError, match="--before must be"):
        run(seeded_url, home, folder, before=date(2026, 1, 1))


def test_archives_are_written_to_a_folder_of_the_region_only(seeded_url: str, home: Path, folder: Path):
    old_claim(seeded_url, "clm_1")
    with pytest.raises(ResidencyError, match="must stay in us"):
        run(seeded_url, home, folder, settings={"data_residency": "us"})
    assert len(rows(seeded_url, "SELECT 1 FROM claims")) == 1
    regions = {"data_residency": "us", "data_regions": f"{folder}=us"}
    assert run(seeded_url, home, folder, settings=regions).claims == 1


def test_a_second_run_at_the_same_time_is_refused(seeded_url: str, home: Path, folder: Path):
    old_claim(seeded_url, "clm_1")

    def second() -> None:
        with pytest.raises(ArchiveError, match="another run"):
            run(seeded_url, home, folder)

    assert run(seeded_url, home, folder, on_step=at(ArchiveStep.BEGUN, second)).claims == 1


@pytest.mark.parametrize("table", ["decisions", "appeal_decisions", "selections", "assessments", "earlier_decisions"])
async def test_rows_of_a_claim_that_is_not_archived_cannot_be_deleted(api: Api, table: str):
    await full_claim(api)
    with psycopg.connect(api.url) as connection, pytest.raises(RestrictViolation, match="append only"):
        connection.execute(f"DELETE FROM {table}")


@pytest.mark.parametrize("statement", ["DELETE FROM {}", "UPDATE {} SET archive = 'x'"])
@pytest.mark.parametrize("table", ["archives", "archived_claims"])
def test_the_role_of_requests_cannot_change_which_claims_are_archived(seeded_url: str, table: str, statement: str):
    with psycopg.connect(as_api_role(seeded_url)) as connection, pytest.raises(InsufficientPrivilege):
        connection.execute(statement.format(table))


@pytest.mark.parametrize("table", ["decisions", "appeal_decisions"])
async def test_the_role_of_requests_cannot_say_by_a_table_of_its_own_what_is_archived(api: Api, table: str):
    await full_claim(api)
    with psycopg.connect(as_api_role(api.url)) as connection:
        connection.execute("SET ginja.sees = 'all'")
        connection.execute("CREATE TEMP TABLE archived_claims (claim_id text, restored_at timestamptz)")
        connection.execute("INSERT INTO archived_claims (claim_id) SELECT claim_id FROM claims")
        with pytest.raises(RestrictViolation, match="append only"):
            connection.execute(f"DELETE FROM public.{table}")


def test_a_function_of_the_database_finds_its_tables_where_no_session_can_put_others(seeded_url: str):
    found = rows(
        seeded_url,
        "SELECT proname FROM pg_proc JOIN pg_language ON pg_language.oid = prolang "
        "WHERE pronamespace = current_schema()::regnamespace AND lanname = 'plpgsql' "
        "AND proconfig IS DISTINCT FROM ARRAY['search_path=' || quote_ident(current_schema()) || ', pg_temp']",
    )
    assert found == []
