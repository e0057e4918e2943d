"""Archives are verified before anything of them is restored, and what is restored is what was archived."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result

from api.archives import ArchiveError, archives_of_member
from cli.main import main
from core.private_files import make_private
from core.signing import new_key
from tests.api.archives import execute, old_claim, restored, rows, run, tables_of
from tests.api.makers import ENCRYPTION_KEY


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "archives"


def ginja(url: str, home: Path, *words: str, **changes: str) -> Result:
    env = {"GINJA_DATABASE_URL": url, "GINJA_HOME": str(home), "GINJA_ENCRYPTION_KEYS": ENCRYPTION_KEY}
    env |= changes
    return CliRunner().invoke(main, ["data", "archive", *words], env=env)


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def of_another(first: Path, second: Path, name: str) -> None:
    shutil.copy(second / name, first / name)


DAMAGE: dict[str, tuple[Callable[[Path, Path], object], str]] = {
    "a changed byte": (lambda one, _: flip(one / "claims.parquet"), "claims.parquet was changed"),
    "a missing file": (lambda one, _: (one / "claim_lines.parquet").unlink(), "claim_lines.parquet is missing"),
    "a file of another archive": (
        lambda one, two: of_another(one, two, "claims.parquet"),
        "claims.parquet was changed",
    ),
    "a further file": (lambda one, two: (one / "labels.parquet").touch(), "labels.parquet is not in the manifest"),
    "a changed manifest": (lambda one, _: flip(one / "manifest.json"), "manifest.json is refused"),
    "no manifest": (lambda one, _: (one / "manifest.json").unlink(), "manifest.json is missing"),
    "no signature": (lambda one, _: (one / "manifest.json.sig").unlink(), "manifest.json.sig is missing"),
    "the manifest of another": (
        lambda one, two: [of_another(one, two, name) for name in ("manifest.json", "manifest.json.sig")],
        "manifest.json is that of the archive",
    ),
}


def test_whatever_is_done_to_an_archive_is_named_and_nothing_of_any_is_restored(
    seeded_url: str, home: Path, folder: Path, tmp_path: Path
):
    old_claim(seeded_url, "clm_1")
    old_claim(seeded_url, "clm_2")
    run(seeded_url, home, folder, batch=1)
    intact = ginja(seeded_url, home, "verify", str(folder), "--json")
    assert (intact.exit_code, json.loads(intact.stdout)["intact"]) == (0, True)
    for number, (damage, message) in enumerate(DAMAGE.values()):
        copy = tmp_path / f"copy {number}"
        shutil.copytree(folder, copy)
        first, second = sorted(copy.iterdir())
        damage(first, second)
        verified = ginja(seeded_url, home, "verify", str(copy))
        assert verified.exit_code == 1
        assert str(first / message.split()[0]) in verified.stderr
        assert message in verified.stderr
        refused = ginja(seeded_url, home, "restore", str(copy))
        assert refused.exit_code == 1
        assert message in refused.stderr
        assert rows(seeded_url, "SELECT claim_id FROM claims") == []


def _loop(path: Path) -> None:
    """A link to itself, which nobody can open."""
    path.unlink()
    path.symlink_to(path)


@pytest.mark.parametrize("name", ["manifest.json", "manifest.json.sig", "claims.parquet"])
def test_what_cannot_be_read_is_named_and_all_else_is_verified(seeded_url: str, home: Path, folder: Path, name: str):
    old_claim(seeded_url, "clm_1")
    old_claim(seeded_url, "clm_2")
    run(seeded_url, home, folder, batch=1)
    first, second = sorted(folder.iterdir())
    _loop(first / name)
    (second / "claim_lines.parquet").unlink()
    verified = ginja(seeded_url, home, "verify", str(folder), "--json")
    assert verified.exit_code == 1
    assert json.loads(verified.stdout)["problems"] == [
        f"{first / name} cannot be read: Too many levels of symbolic links",
        f"{second / 'claim_lines.parquet'} is missing",
    ]
    refused = ginja(seeded_url, home, "restore", str(folder))
    assert (refused.exit_code, f"{first / name} cannot be read" in refused.stderr) == (1, True)


def test_lost_and_found_of_a_volume_is_no_archive(seeded_url: str, home: Path, folder: Path):
    old_claim(seeded_url, "clm_1")
    run(seeded_url, home, folder)
    (folder / "lost+found").mkdir(mode=0)
    assert ginja(seeded_url, home, "verify", str(folder)).exit_code == 0
    assert ginja(seeded_url, home, "restore", str(folder)).exit_code == 0


def test_an_archive_that_is_missing_as_a_whole_is_named(seeded_url: str, home: Path, folder: Path):
    old_claim(seeded_url, "clm_1")
    old_claim(seeded_url, "clm_2")
    first, second = run(seeded_url, home, folder, batch=1).archives
    shutil.rmtree(folder / first)
    verified = ginja(seeded_url, home, "verify", str(folder), "--json")
    assert verified.exit_code == 1
    shown = json.loads(verified.stdout)
    assert [one["archive"] for one in shown["archives"]] == [second]
    assert shown["problems"] == [f"{folder / first} is missing"]


def test_a_copy_of_a_folder_that_lacks_an_archive_is_not_said_to_be_compared(
    seeded_url: str, home: Path, folder: Path, tmp_path: Path
):
    old_claim(seeded_url, "clm_1")
    old_claim(seeded_url, "clm_2")
    first, _ = run(seeded_url, home, folder, batch=1).archives
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    assert json.loads(ginja(seeded_url, home, "verify", str(copy), "--json").stdout)["compared_with_database"]
    shutil.rmtree(copy / first)
    shown = json.loads(ginja(seeded_url, home, "verify", str(copy), "--json").stdout)
    assert (shown["problems"], shown["compared_with_database"]) == ([], False)
    assert "1 archives that were written to another folder are not in this" in ginja(
        seeded_url, home, "verify", str(copy)
    ).stdout  # fmt: skip


def test_archives_of_a_member_are_those_of_restored_claims_too(seeded_url: str, home: Path, folder: Path):
    old_claim(seeded_url, "clm_1")
    (archive,) = run(seeded_url, home, folder).archives
    restored(seeded_url, home, folder)
    assert archives_of_member(seeded_url, "M123") == {archive: 1}


def test_an_archive_that_another_key_signed_is_refused(seeded_url: str, home: Path, folder: Path, tmp_path: Path):
    old_claim(seeded_url, "clm_1")
    run(seeded_url, home, folder)
    other = tmp_path / "other.key"
    make_private(other, new_key)
    verified = ginja(seeded_url, home, "verify", str(folder), GINJA_SIGNING_KEY_FILE=str(other))
    assert verified.exit_code == 1
    assert "manifest.json is refused: it is signed with the key" in verified.stderr


def test_one_claim_is_restored_and_the_others_stay_archived(seeded_url: str, home: Path, folder: Path):
    for number in range(3):
        old_claim(seeded_url, f"clm_{number}")
    done = ginja(seeded_url, home, "run", "--to", str(_made(folder)), "--by", "ann", "--json")
    assert (done.exit_code, json.loads(done.stdout)["claims"]) == (0, 3), done.output
    tried = ginja(seeded_url, home, "restore", str(folder), "--claim", "clm_1", "--dry-run", "--json")
    assert json.loads(tried.stdout)["archives"][0]["claims"] == 1
    assert rows(seeded_url, "SELECT claim_id FROM claims") == []
    assert ginja(seeded_url, home, "restore", str(folder), "--claim", "clm_1").exit_code == 0
    assert rows(seeded_url, "SELECT claim_id FROM claims") == [("clm_1",)]
    assert rows(seeded_url, "SELECT claim_id FROM archived_claims WHERE restored_at IS NOT NULL") == [("clm_1",)]
    missing = ginja(seeded_url, home, "restore", str(folder), "--claim", "clm_9")
    assert (missing.exit_code, "no claim clm_9" in missing.stderr) == (2, True)


def test_what_a_dry_run_shows_is_what_is_archived(seeded_url: str, home: Path, folder: Path):
    old_claim(seeded_url, "clm_1")
    old_claim(seeded_url, "clm_2", status="in_review", approved_cents=0)
    tried = ginja(seeded_url, home, "run", "--to", str(_made(folder)), "--dry-run", "--json")
    shown = json.loads(tried.stdout)
    assert (shown["claims"], shown["left"], list(folder.iterdir())) == (1, {"in_review": 1}, [])
    assert len(rows(seeded_url, "SELECT FROM claims")) == 2
    done = json.loads(ginja(seeded_url, home, "run", "--to", str(folder), "--json").stdout)
    assert (done["claims"], done["left"]) == (shown["claims"], shown["left"])


def test_a_claim_of_a_member_that_was_erased_since_is_not_restored(seeded_url: str, home: Path, folder: Path):
    old_claim(seeded_url, "clm_1")
    old_claim(seeded_url, "clm_2", member_id="M124")
    run(seeded_url, home, folder)
    execute(seeded_url, "INSERT INTO member_keys (member_id, created_at, erased_at) VALUES ('M123', now(), now())")
    refused = ginja(seeded_url, home, "restore", str(folder))
    assert refused.exit_code == 1
    assert "clm_1 is not restored: its member was erased since" in refused.stderr
    assert rows(seeded_url, "SELECT claim_id FROM claims") == [("clm_2",)]


def test_a_claim_that_was_archived_again_is_restored_from_the_later_archive(seeded_url: str, home: Path, folder: Path):
    old_claim(seeded_url, "clm_1")
    run(seeded_url, home, folder)
    restored(seeded_url, home, folder)
    execute(seeded_url, "UPDATE archived_claims SET restored_at = restored_at - interval '31 days'")
    execute(seeded_url, "UPDATE claims SET region = 'Hills'")
    run(seeded_url, home, folder)
    assert sorted((one.claims, one.elsewhere) for one in restored(seeded_url, home, folder)) == [(0, 1), (1, 0)]
    assert rows(seeded_url, "SELECT region FROM claims") == [("Hills",)]


def test_an_archive_of_an_earlier_release_is_restored_with_the_defaults_of_newer_columns(
    seeded_url: str, home: Path, folder: Path
):
    old_claim(seeded_url, "clm_1")
    run(seeded_url, home, folder)
    execute(seeded_url, "ALTER TABLE claims ADD COLUMN newer text NOT NULL DEFAULT 'unknown', ADD COLUMN other int")
    restored(seeded_url, home, folder)
    assert rows(seeded_url, "SELECT newer, other FROM claims") == [("unknown", None)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("ALTER TABLE claim_lines DROP COLUMN modifiers", "claim_lines has no column modifiers any more"),
        ("ALTER TABLE claim_lines ALTER COLUMN units TYPE bigint", "claim_lines.units was integer and is bigint"),
        ("ALTER TABLE claim_lines ADD COLUMN newer text NOT NULL", "claim_lines.newer has no default"),
    ],
)
def test_an_archive_that_does_not_fit_the_tables_is_refused(
    seeded_url: str, home: Path, folder: Path, change: str, message: str
):
    old_claim(seeded_url, "clm_1")
    run(seeded_url, home, folder)
    execute(seeded_url, change)
    with pytest.raises(ArchiveError, match=message):
        restored(seeded_url, home, folder)
    assert rows(seeded_url, "SELECT FROM claims") == []


def test_a_restore_that_fails_changes_nothing(seeded_url: str, home: Path, folder: Path):
    old_claim(seeded_url, "clm_1")
    run(seeded_url, home, folder)
    execute(seeded_url, "ALTER TABLE claims ADD CONSTRAINT claims_none_check CHECK (source <> 'api') NOT VALID")
    before = tables_of(seeded_url)
    with pytest.raises(ArchiveError, match="claims_none_check"):
        restored(seeded_url, home, folder)
    assert tables_of(seeded_url) == before


def test_files_are_readable_by_their_owner_only(seeded_url: str, home: Path, folder: Path):
    old_claim(seeded_url, "clm_1")
    run(seeded_url, home, folder)
    assert {path.stat().st_mode & 0o077 for path in folder.rglob("*")} == {0}


def test_a_run_without_a_folder_or_with_another_kind_is_refused(seeded_url: str, home: Path, tmp_path: Path):
    assert "GINJA_ARCHIVE_FOLDER" in ginja(seeded_url, home, "run").stderr
    refused = ginja(seeded_url, home, "run", "--to", str(tmp_path), "--kind", "members")
    assert (refused.exit_code, "is not archived" in refused.stderr) == (2, True)
    assert ginja(seeded_url, home, "run", "--to", str(tmp_path), "--kind", "none").exit_code == 2


def test_archived_rows_are_free_space_after_a_run(seeded_url: str, home: Path, folder: Path):
    old_claim(seeded_url, "clm_1")
    run(seeded_url, home, folder)
    with psycopg.connect(seeded_url) as connection:
        vacuumed = connection.execute(
            "SELECT vacuum_count FROM pg_stat_user_tables WHERE relname IN ('claims', 'claim_lines')"
        ).fetchall()
    assert vacuumed == [(1,), (1,)]


def test_a_place_for_a_backup_is_checked_before_it_is_written(tmp_path: Path):
    env = {"GINJA_HOME": str(tmp_path), "GINJA_DATA_RESIDENCY": "us", "GINJA_DATA_REGIONS": f"{tmp_path / 'us'}=us"}
    words = ["data", "check-residency"]
    assert CliRunner().invoke(main, [*words, str(tmp_path / "us" / "ginja.dump")], env=env).exit_code == 0
    refused = CliRunner().invoke(main, [*words, str(tmp_path / "ginja.dump")], env=env)
    assert (refused.exit_code, "must stay in us" in refused.stderr) == (2, True)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
