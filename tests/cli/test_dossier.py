"""`ginja dossier`: what counts as of a day, what cannot be known, and the folder that is written."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from cli.dossier.cells import SMALLEST_CELL, group_shares, share, suppressed
from cli.dossier.document import Dossier, DossierAnswer, Share
from cli.main import main
from core import clock
from models import registry
from models.artefact import models_folder
from models.registry import MlflowStore, RunRecord
from pipelines import audit_trail
from pipelines.run_data import RunKind, run_tags
from tests.models.stores import register_two

BEFORE_MIDNIGHT = datetime(2026, 3, 31, 23, 59, 59, 999_999, tzinfo=UTC)
MIDNIGHT = datetime(2026, 4, 1, tzinfo=UTC)
WRITTEN = datetime(2026, 6, 1, 12, tzinfo=UTC)
GATES = {"beats_rule": {"outcome": "passed", "passed": True, "detail": "average_precision_over_rule_low is 0.2"}}


def promoted(home: Path, version: str, at: datetime) -> None:
    """An entry of the audit trail, as a promotion writes it."""
    with clock.held(at):
        audit_trail.record(home, "promote", version=version, by="ann", reason="every gate passed", gates=GATES)


@pytest.fixture(scope="module")
def models_made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the models `v1` and `v2` in MLflow."""
    return register_two(tmp_path_factory.mktemp("models"))


@pytest.fixture
def home(models_made: Path, tmp_path: Path) -> Path:
    """Where `v1` was promoted in the last microsecond of March, and `v2` with the first of April."""
    copy = tmp_path / "home"
    shutil.copytree(models_made, copy)
    promoted(copy, "v1", BEFORE_MIDNIGHT)
    promoted(copy, "v2", MIDNIGHT)
    return copy


class Ginja:
    """`ginja dossier` over a database and a home, on 1 June."""

    def __init__(self, url: str, home: Path) -> None:
        self.url, self.home = url, home

    def __call__(self, *words: str, **env: str) -> Result:
        variables = {"GINJA_DATABASE_URL": self.url, "GINJA_HOME": str(self.home), **env}
        with clock.held(WRITTEN):
            return CliRunner().invoke(main, ["dossier", *words], env=variables)

    def written(self, as_of: str, *words: str, **env: str) -> tuple[Path, dict[str, DossierAnswer]]:
        """The folder, and its answers by number."""
        folder = self.home.parent / f"file-{as_of.replace(':', '')}"
        done = self("--as-of", as_of, "--output", str(folder), *words, **env)
        assert done.exit_code == 0, done.output
        dossier = Dossier.model_validate_json((folder / "dossier.json").read_bytes())
        return folder, {one.number: one for section in dossier.sections for one in section.answers}


@pytest.fixture
def ginja(database_url: str, home: Path) -> Ginja:
    return Ginja(database_url, home)


def test_a_model_promoted_the_day_after_is_absent(ginja: Ginja) -> None:
    folder, answers = ginja.written("2026-03-31")
    assert "The champion was v1" in answers["1.1"].text
    (periods,) = answers["2.1"].tables
    assert [(one["version"], one["until"]) for one in periods.rows] == [("v1", None)]
    assert [one.title.split()[2] for one in answers["4.1"].tables] == ["v1,"]
    texts = {file.name: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    assert not [name for name, text in texts.items() if b"v2" in text and "signature" not in name]


def test_a_model_promoted_at_the_instant_counts(ginja: Ginja) -> None:
    _, answers = ginja.written("2026-04-01T00:00:00")
    assert "The champion was v2" in answers["1.1"].text
    (periods,) = answers["2.1"].tables
    assert [one["version"] for one in periods.rows] == ["v1", "v2"]


def test_a_day_ends_where_the_insurer_is(ginja: Ginja) -> None:
    _, answers = ginja.written("2026-03-31", GINJA_TIME_ZONE="America/Denver")
    assert "The champion was v2" in answers["1.1"].text, "midnight of UTC is the evening of 31 March in Denver"


def test_the_trail_in_the_folder_ends_at_the_instant_and_keeps_its_chain(ginja: Ginja, home: Path) -> None:
    folder, _ = ginja.written("2026-03-31")
    whole = audit_trail.audit_trail_path(home).read_bytes()
    part = (folder / "records" / "promotions.jsonl").read_bytes()
    assert whole.startswith(part)
    assert part.count(b"\n") == 1


def test_gates_are_those_of_the_promotion_and_overrides_are_named(ginja: Ginja, home: Path) -> None:
    with clock.held(MIDNIGHT + timedelta(days=1)):
        audit_trail.record(home, "force", version="v1", by="ben", reason="outage of v2", gates=GATES)
    _, answers = ginja.written("2026-04-30")
    first, *_ = answers["4.1"].tables
    assert first.rows[0] == {"gate": "beats_rule", "outcome": "passed", "detail": GATES["beats_rule"]["detail"]}
    (overrides,) = answers["4.3"].tables
    assert [(one["action"], one["by"], one["reason"]) for one in overrides.rows] == [("force", "ben", "outage of v2")]


def test_a_changed_trail_answers_nothing_and_says_so(ginja: Ginja, home: Path) -> None:
    path = audit_trail.audit_trail_path(home)
    path.write_bytes(path.read_bytes().replace(b"ann", b"eve", 1))
    _, answers = ginja.written("2026-05-01")
    for number in ("1.1", "2.1", "4.1", "4.3", "9.2"):
        assert answers[number].status == "not_knowable"
        assert "changed before line 2" in answers[number].text


def test_a_version_whose_files_were_changed_is_not_described(ginja: Ginja, home: Path) -> None:
    (models_folder(home) / "v1" / "model.json").write_text("{}")
    folder, answers = ginja.written("2026-03-31")
    ((row,),) = [one.rows for one in answers["2.2"].tables]
    assert row["state"] != "verified"
    assert answers["3.1"].status == "no_record"
    assert not (folder / "records" / "models" / "v1" / "model.json").exists()


def test_without_models_mlflow_and_claims_each_question_says_that_there_is_no_record(
    database_url: str, tmp_path: Path
) -> None:
    _, answers = Ginja(database_url, tmp_path / "empty").written("2026-05-31")
    for number in ("1.1", "1.4", "2.1", "2.2", "3.1", "4.1", "4.2", "5.1", "5.2", "5.3", "6.1", "7.1", "8.1"):
        assert answers[number].status == "no_record", number
        assert answers[number].text.startswith("No record."), number
    assert "no MLflow store" in answers["5.1"].text
    assert not (tmp_path / "empty" / "mlflow").exists(), "reading makes no store"


def test_a_drift_run_counts_when_it_ended_before_the_instant(ginja: Ginja, home: Path) -> None:
    report = {"days": [{"day": "2026-05-01", "score_stability": 0.12, "mean_score": 0.02, "calibration_ratio": None}]}
    tags = run_tags(RunKind.DRIFT, dataset="simulated", model="v1") | {"ginja.alarms": "score_stability"}
    made = RunRecord("drift-v1", "test", metrics={"alarms": 1.0}, tags=tags, texts={"drift.json": json.dumps(report)})
    run_id = registry.log_run(MlflowStore.of(home), made)
    _, before = ginja.written("2026-05-31")
    assert before["5.1"].status == "no_record", "it ran now, which is after that day"
    now = clock.now() + timedelta(minutes=1)
    with clock.held(now):
        words = ["dossier", "--as-of", f"{now:%Y-%m-%d}", "--output", str(home.parent / "now")]
        env = {"GINJA_DATABASE_URL": ginja.url, "GINJA_HOME": str(home), "GINJA_TIME_ZONE": "UTC"}
        assert CliRunner().invoke(main, words, env=env).exit_code == 0
    dossier = Dossier.model_validate_json((home.parent / "now" / "dossier.json").read_bytes())
    after = dossier.sections[4].answers[0]
    assert after.tables[0].rows[0]["raised"] == "score_stability"
    assert {link.reference for link in after.evidence} == {run_id, f"records/drift/{run_id}.json"}
    assert json.loads((home.parent / "now" / "records" / "drift" / f"{run_id}.json").read_text()) == report
    assert "Stability index" in (home.parent / "now" / "index.html").read_text()


def test_what_is_overwritten_is_not_shown_under_an_earlier_date(ginja: Ginja) -> None:
    _, earlier = ginja.written("2026-05-31")
    assert (earlier["10.4"].status, earlier["10.4"].tables) == ("not_knowable", ())
    _, today = ginja.written("2026-06-01")
    assert today["10.4"].status == "answered"
    assert today["10.4"].tables[0].rows


def test_the_role_of_an_account_that_was_changed_later_is_unknown(ginja: Ginja) -> None:
    with psycopg.connect(ginja.url) as connection:
        for user_id, changed in (("usr_1", "2026-05-20"), ("usr_2", "2026-02-02")):
            connection.execute(
                "INSERT INTO users (user_id, login, display_name, role, state, signed_out_at, created_at, updated_at)"
                " VALUES (%s, %s, 'Ann Otieno', 'admin', 'active', '2026-02-01', '2026-02-01', %s)",
                (user_id, f"{user_id}@insurer.example", changed),
            )
            connection.execute(
                "INSERT INTO audit_log (at, api_key_id, name, role, act, outcome, details) VALUES"
                " (%s, 'usr_9', 'root', 'admin', 'user.change', 'success', jsonb_build_object('user_id', %s::text))",
                (changed, user_id),
            )
    folder, answers = ginja.written("2026-03-31")
    accounts = (folder / "records" / "accounts.csv").read_text().splitlines()[1:]
    assert sorted(line.split(",")[:2] for line in accounts) == [["usr_1", ""], ["usr_2", "admin"]]
    assert "Of 1 account role and state on the day cannot be known" in answers["10.2"].text
    everything = b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())
    assert b"Otieno" not in everything, "people are ids"


def test_a_disabled_account_is_none_that_could_act(ginja: Ginja) -> None:
    with psycopg.connect(ginja.url) as connection:
        for user_id, disabled in (("usr_1", None), ("usr_2", "2026-02-02")):
            connection.execute(
                "INSERT INTO users (user_id, login, display_name, role, state, signed_out_at, created_at, updated_at,"
                " disabled_at) VALUES (%s, %s, 'Ann', 'admin', %s, '2026-02-01', '2026-02-01', '2026-02-02', %s)",
                (user_id, f"{user_id}@insurer.example", "disabled" if disabled else "active", disabled),
            )
    _, answers = ginja.written("2026-03-31")
    assert answers["10.2"].text.startswith("1 account of people")
    assert "1 account disabled" in answers["10.2"].text
    row = answers["10.2"].tables[0].rows[0]
    assert (row["role"], row["users"], row["disabled"]) == ("admin", 1, 1)


def test_each_answer_links_to_a_record_whose_hash_is_in_the_manifest(ginja: Ginja) -> None:
    folder, answers = ginja.written("2026-05-31")
    files = json.loads((folder / "manifest.json").read_text())["files"]
    assert set(files) | {"manifest.json", "manifest.signature.json"} == {
        one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_file()
    }
    page = (folder / "index.html").read_text()
    for one in answers.values():
        assert one.evidence or one.status != "answered", one.number
        assert one.asked_by
        for link in one.evidence:
            if link.kind == "file":
                assert files[link.reference]["sha256"] == link.sha256
                assert f'href="{link.reference}"' in page


def test_the_page_has_no_script_and_loads_nothing(ginja: Ginja) -> None:
    folder, _ = ginja.written("2026-05-31")
    page = (folder / "index.html").read_text()
    assert "<script" not in page
    assert "http://" not in page
    assert "https://" not in page
    assert "default-src 'none'" in page


def test_a_folder_is_verified_and_each_change_is_named(ginja: Ginja) -> None:
    folder, _ = ginja.written("2026-05-31")
    whole = ginja("verify", str(folder), "--json")
    assert (whole.exit_code, json.loads(whole.stdout)["intact"]) == (0, True)
    (folder / "dossier.json").write_bytes((folder / "dossier.json").read_bytes().replace(b"v1", b"v3", 1))
    (folder / "records" / "keys-in-force.csv").unlink()
    (folder / "more.txt").write_text("x")
    changed = ginja("verify", str(folder))
    assert changed.exit_code == 1
    for said in ("dossier.json was changed", "keys-in-force.csv cannot be read", "more.txt is not in the manifest"):
        assert said in changed.stdout


@pytest.mark.parametrize("name", ["manifest.json", "manifest.signature.json"])
def test_a_folder_with_another_manifest_or_without_a_signature_is_refused(ginja: Ginja, name: str) -> None:
    folder, _ = ginja.written("2026-05-31")
    (folder / name).write_bytes((folder / name).read_bytes().replace(b'"', b"'", 1))
    done = ginja("verify", str(folder))
    assert done.exit_code == 1
    assert name.partition(".")[0] in done.stderr
    (folder / name).unlink()
    assert "cannot be read" in ginja("verify", str(folder)).stderr


def test_a_file_signed_by_another_home_is_refused(ginja: Ginja, tmp_path: Path) -> None:
    folder, _ = ginja.written("2026-05-31")
    other = CliRunner().invoke(
        main,
        ["dossier", "verify", str(folder)],
        env={"GINJA_HOME": str(tmp_path / "other"), "GINJA_SIGNING_KEY_FILE": None},
    )
    assert other.exit_code == 1
    assert "it is signed with the key" in other.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--as-of", "2026-06-02"], "must not be after today"),
        (["--as-of", "2026-06-01T12:00:01"], "must not be after this moment"),
        (["--as-of", "June"], "must be YYYY-MM-DD"),
        (["--as-of", "2026-02-30"], "must be YYYY-MM-DD"),
        (["--as-of", "9999-12-31"], "must be YYYY-MM-DD"),
        (["--as-of", "0001-01-05"], "must be YYYY-MM-DD"),
        (["--as-of", "0001-01-05T00:00:00"], "must be YYYY-MM-DD"),
        (["--as-of", "2026-03-31", "--from", "2026-04-01"], "not after it"),
        (["--as-of", "2026-03-31", "--from", "1999-01-01"], "at most 3,660 days"),
        ([], "Missing option '--as-of'"),
    ],
)
def test_a_wrong_period_is_refused(ginja: Ginja, words: list[str], said: str) -> None:
    done = ginja(*(words or ["write"]))
    assert done.exit_code == 2
    assert said in done.stderr


def test_a_folder_that_exists_is_not_written_to(ginja: Ginja, tmp_path: Path) -> None:
    done = ginja("--as-of", "2026-05-31", "--output", str(tmp_path))
    assert done.exit_code == 2
    assert "exists already" in done.stderr


def test_without_a_database_the_command_says_what_to_start(home: Path, tmp_path: Path) -> None:
    with clock.held(WRITTEN):
        words = ["dossier", "--as-of", "2026-05-31", "--output", str(tmp_path / "new")]
        done = CliRunner().invoke(main, words, env={"GINJA_HOME": str(home), "GINJA_DATABASE_URL": None})
    assert done.exit_code == 2
    assert "There is no database" in done.stderr
    assert not (tmp_path / "new").exists()


def test_a_folder_outside_the_region_is_refused(ginja: Ginja, tmp_path: Path) -> None:
    done = ginja("--as-of", "2026-05-31", "--output", str(tmp_path / "new"), GINJA_DATA_RESIDENCY="eu-west")
    assert done.exit_code == 2
    assert "must stay in eu-west" in done.stderr


def test_the_export_is_in_the_audit_log_with_the_hash_of_its_manifest(ginja: Ginja) -> None:
    folder, _ = ginja.written("2026-05-31")
    digest = json.loads(ginja("verify", str(folder), "--json").stdout)
    assert digest["intact"]
    with psycopg.connect(ginja.url) as connection:
        rows = connection.execute(
            "SELECT outcome, details ->> 'as_of', details ->> 'manifest_sha256' FROM audit_log"
            " WHERE act = 'dossier.export'"
        ).fetchall()
    assert rows == [("success", "2026-05-31", sha256((folder / "manifest.json").read_bytes()).hexdigest())]


def test_the_schema_in_the_folder_is_that_of_the_data(ginja: Ginja) -> None:
    folder, _ = ginja.written("2026-05-31")
    schema = json.loads((folder / "dossier.schema.json").read_text())
    assert schema == json.loads(json.dumps(TypeAdapter(Dossier).json_schema(mode="serialization")))
    data = json.loads((folder / "dossier.json").read_text())
    assert set(schema["required"]) <= set(data)


counts = st.integers(0, 60).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of)))


@given(st.lists(counts, min_size=1, max_size=6))
def test_no_small_cell_is_shown_and_none_follows_from_the_total(pairs: list[tuple[int, int]]) -> None:
    shown = group_shares(pairs)
    for (count, of), cell in zip(pairs, shown, strict=True):
        if isinstance(cell, Share):
            assert (cell.count, cell.of) == (count, of)
            assert all(not 0 < size < SMALLEST_CELL for size in (count, of, of - count))
    for sizes in ([of for _, of in pairs], [count for count, _ in pairs]):
        hidden = suppressed(sizes)
        small = [size for size in sizes if 0 < size < SMALLEST_CELL]
        if small and any(size >= SMALLEST_CELL for size in sizes):
            assert sum(hidden) >= 2


@given(counts)
def test_an_interval_encloses_its_share(pair: tuple[int, int]) -> None:
    found = share(*pair)
    if found.share is None:
        assert pair[1] == 0
    else:
        assert found.low is not None
        assert found.high is not None
        assert 0 <= found.low <= found.share <= found.high <= 1


@pytest.mark.parametrize(
    ("count", "of", "low", "high"), [(0, 10, 0.0, 0.2775), (5, 50, 0.0435, 0.2136), (81, 263, 0.2553, 0.3662)]
)
def test_intervals_are_those_of_the_literature(count: int, of: int, low: float, high: float) -> None:
    """The last is the example of Newcombe, Statistics in Medicine 17 (1998), table I."""
    found = share(count, of)
    assert found.low == pytest.approx(low, abs=1e-4)
    assert found.high == pytest.approx(high, abs=1e-4)
