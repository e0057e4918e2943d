"""A file of claims is scored as the service would have scored each, at once or in parts, after any interruption."""

import gzip
import json
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from claims.attributes import window_attributes
from claims.scoring import CLAIM_COLUMNS, ClaimFacts
from claims.windows import EntityWindow
from features.declare import CLAIMS, VIEWS, RowKind
from features.feast import apply, historical_features
from features.offline import build
from features.vector import Reading
from models.artefact import load_pointed, point, read_pointer
from models.scorer import Scorer
from pipelines.score import InputError, features_for, read_claims, with_windows
from pipelines.simulate import SimulationConfig, simulate, write
from serving.files import SCORED, ForeignParts, parts_folder, score_file, score_table
from tests.serving.makers import make_model


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with 600 simulated claims, their features, and a champion."""
    home = tmp_path_factory.mktemp("home")
    write(simulate(SimulationConfig(600, 3, date(2026, 3, 1), live_claims=40)), home / "data")
    build(home, home / "data" / "claims.parquet", home / "data" / "labels.parquet")
    apply(home, "redis://127.0.0.1:1/0")
    make_model(home, "filed")
    point(home, "filed")
    return home


def champion(home: Path) -> Scorer:
    pointer = read_pointer(home)
    assert pointer is not None
    return Scorer(load_pointed(home, pointer))


def claims_of(home: Path, count: int) -> pa.Table:
    table = pq.read_table(home / "data" / "claims.parquet")
    return table.slice(len(table) - count)


def reading_of(row: dict[str, object]) -> Reading:
    states: dict[str, object] = {}
    for view in VIEWS:
        values: list[object] = []
        for field in view.fields:
            value = row[view.column(field)]
            values += (value or [0] * field.size) if field.is_array else [value or 0]  # type: ignore[misc]
        weekly = view.kind is RowKind.WEEKLY and row[view.column(view.fields[0])] is None
        states[view.name] = None if weekly else tuple(values)
    return Reading(states, dict.fromkeys(states), ())  # type: ignore[arg-type]


def test_each_claim_of_a_file_is_scored_as_the_service_would(home: Path) -> None:
    scorer = champion(home)
    (table,) = historical_features(home, claims_of(home, 30))
    scored = score_table(scorer, table).to_pylist()
    for row, answer in zip(table.to_pylist(), scored, strict=True):
        facts = ClaimFacts.model_validate({name: row[name] for name in CLAIM_COLUMNS})
        score = scorer.score(facts, reading_of(row), counterfactual=False)
        assert answer["claim_id"] == score.claim_id
        assert answer["margin"] == pytest.approx(score.margin, abs=1e-6)
        assert answer["flagged"] == score.flagged
        assert [(r["code"], r["text"]) for r in answer["reasons"]] == [(r.code, r.text) for r in score.reasons]


def test_scoring_in_parts_equals_scoring_at_once(home: Path, tmp_path: Path) -> None:
    claims = claims_of(home, 50)
    outcome = score_file(champion(home), claims, home, tmp_path / "parts.parquet", part_claims=20)
    score_file(champion(home), claims, home, tmp_path / "once.parquet")
    assert outcome.claims == 50
    assert pq.read_table(tmp_path / "parts.parquet") == pq.read_table(tmp_path / "once.parquet")
    assert pq.read_schema(tmp_path / "once.parquet") == SCORED
    assert not parts_folder(tmp_path / "parts.parquet").exists()


class Killed(Exception):
    pass


def interrupted(home: Path, claims: pa.Table, out: Path) -> None:
    """A run that ends in its second part."""
    done = []

    def progress(count: int) -> None:
        done.append(count)
        if len(done) == 2:
            raise Killed

    with pytest.raises(Killed):
        score_file(champion(home), claims, home, out, part_claims=20, progress=progress)


def test_a_killed_run_resumes_where_it_stopped(home: Path, tmp_path: Path) -> None:
    claims, out = claims_of(home, 50), tmp_path / "out.parquet"
    interrupted(home, claims, out)
    assert not out.exists()
    outcome = score_file(champion(home), claims, home, out, part_claims=20)
    assert (outcome.claims, outcome.resumed) == (50, 20)
    assert pq.read_table(out)["claim_id"] == claims["claim_id"]


def test_parts_of_another_file_are_not_used(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    interrupted(home, claims_of(home, 50), out)
    with pytest.raises(ForeignParts, match="another run"):
        score_file(champion(home), claims_of(home, 40), home, out, part_claims=20)


def test_claims_of_the_history_use_its_features(home: Path, tmp_path: Path) -> None:
    assert features_for(home, claims_of(home, 10), tmp_path) == home


def test_a_loaded_history_does_not_see_newer_claims(home: Path, tmp_path: Path) -> None:
    new = pq.read_table(home / "data" / "upcoming.parquet")
    beside = features_for(home, new, tmp_path)
    assert beside != home
    (old,) = historical_features(home, claims_of(home, 30))
    (again,) = historical_features(beside, claims_of(home, 30))
    scorer = champion(home)
    assert score_table(scorer, again) == score_table(scorer, old)
    (later,) = historical_features(beside, new)
    assert pc.max(later["procedure_history__claims_365d"]).as_py() > 0


def test_windows_count_the_claims_of_the_history_and_of_the_file(home: Path) -> None:
    declared = window_attributes({"shop": EntityWindow(key="provider_id", lengths=("ever",))}, {})
    new = pq.read_table(home / "data" / "upcoming.parquet").slice(0, 5)
    values = with_windows(home, declared, new, None)
    assert values is not None
    past = [*pq.read_table(home / "data" / "claims.parquet").to_pylist(), *new.to_pylist()]
    for row, count in zip(new.to_pylist(), values["shop.claims_ever"].to_pylist(), strict=True):
        at = row["received_at"]
        earlier = [one for one in past if one["provider_id"] == row["provider_id"] and one["received_at"] < at]
        assert count == sum(one["voided_at"] is None or one["voided_at"] >= at for one in earlier)
    assert sum(values["shop.claims_ever"].to_pylist()) > 0
    assert with_windows(home, {}, new, None) is None


def test_one_command_scores_a_file(home: Path, tmp_path: Path) -> None:
    from cli.main import main

    claims = claims_of(home, 25)
    pyarrow.csv.write_csv(claims.set_column(0, "claim_id", pa.array([f"N{n}" for n in range(25)])), tmp_path / "f.csv")
    arguments = ["model", "score", str(tmp_path / "f.csv"), "--json"]
    done = CliRunner().invoke(main, arguments, env={"GINJA_HOME": str(home)})
    assert done.exit_code == 0, done.output
    summary = json.loads(done.stdout)
    assert (summary["claims"], summary["rejected"], summary["model_version"]) == (25, 0, "filed")
    assert len(pq.read_table(summary["out"])) == 25


def test_a_parquet_file_without_a_column_names_it(tmp_path: Path) -> None:
    pq.write_table(pa.table({"claim_id": ["C1"]}), tmp_path / "f.parquet")
    with pytest.raises(InputError, match="received_at"):
        read_claims(tmp_path / "f.parquet", None, tmp_path / "work")


def test_naive_times_are_refused(home: Path, tmp_path: Path) -> None:
    claims = claims_of(home, 3)
    naive = claims.set_column(1, "received_at", claims["received_at"].cast(pa.timestamp("us")))
    pq.write_table(naive, tmp_path / "f.parquet")
    with pytest.raises(InputError, match="time zone"):
        read_claims(tmp_path / "f.parquet", None, tmp_path / "work")


def test_a_claim_id_twice_is_refused(home: Path, tmp_path: Path) -> None:
    claims = claims_of(home, 3)
    pq.write_table(pa.concat_tables([claims, claims]), tmp_path / "f.parquet")
    with pytest.raises(InputError, match="twice"):
        read_claims(tmp_path / "f.parquet", None, tmp_path / "work")


def test_the_reject_file_is_that_of_the_last_run(tmp_path: Path) -> None:
    row = "2026-03-01,2026-03-01,5000\n"
    good = f"claim_id,received_at,service_from,service_to,amount_cents\nc1,2026-03-02T10:15:00Z,{row}"
    (tmp_path / "claims.csv").write_text(f"{good}c2,yesterday,{row}")
    target = tmp_path / "rejects.csv"
    assert read_claims(tmp_path / "claims.csv", None, tmp_path / "work").keep_rejects(target) == target
    assert "received_at" in target.read_text()
    (tmp_path / "claims.csv").write_text(good)
    assert read_claims(tmp_path / "claims.csv", None, tmp_path / "again").keep_rejects(target) is None
    assert not target.exists()


OWN = (
    "claim_id,received_at,service_from,service_to,member_id,provider_id,amount_cents\n"
    "c1,2026-03-02T10:15:00Z,2026-03-01,2026-03-01,M1,H1,5000\n"
)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("c.csv", OWN.encode()),
        ("c.csv", OWN.replace(",", ";").encode()),
        ("c.csv", OWN.replace(",", "\t").encode("utf-16")),
        ("c.csv", OWN.replace("\n", "\r\n").encode("utf-8-sig")),
        ("c.csv.gz", gzip.compress(OWN.encode())),
    ],
)
def test_a_csv_with_our_columns_is_read_however_it_is_written(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    read = read_claims(tmp_path / name, None, tmp_path / "work")
    assert read.claims.select(["claim_id", "amount_cents"]).to_pylist() == [{"claim_id": "c1", "amount_cents": 5_000}]


@pytest.mark.parametrize(
    ("column", "value", "limit"),
    [
        ("amount_cents", 0, "amount_cents must be above zero"),
        ("amount_cents", -1, "amount_cents must be above zero"),
        ("amount_cents", 10_000_000_001, "amount_cents must be at most 10000000000"),
        ("received_at", datetime(1969, 12, 31, tzinfo=UTC), "received_at must not be before 1970"),
        ("received_at", datetime(2999, 1, 1, tzinfo=UTC), "received_at must be at most"),
    ],
)
def test_a_claim_beyond_a_limit_is_named_with_the_limit(
    home: Path, tmp_path: Path, column: str, value: object, limit: str
) -> None:
    rows = claims_of(home, 3).to_pylist()
    rows[1][column] = value
    pq.write_table(pa.Table.from_pylist(rows, schema=CLAIMS), tmp_path / "f.parquet")
    with pytest.raises(InputError, match=f"claim {rows[1]['claim_id']}: {limit}"):
        read_claims(tmp_path / "f.parquet", None, tmp_path / "work")


@pytest.mark.parametrize("name", ["claims", "upcoming"])
def test_a_claims_frame_is_read_as_it_is(home: Path, tmp_path: Path, name: str) -> None:
    claims = pq.read_table(home / "data" / f"{name}.parquet").select(CLAIMS.names).cast(CLAIMS)
    shuffled = claims.take(pa.array([(at * 7) % 39 for at in range(39)]))
    pq.write_table(shuffled, tmp_path / "f.parquet")
    assert read_claims(tmp_path / "f.parquet", None, tmp_path / "work").claims.to_pylist() == shuffled.to_pylist()


def test_a_claims_frame_of_one_invalid_row_names_the_claim(home: Path, tmp_path: Path) -> None:
    rows = claims_of(home, 1).to_pylist()
    rows[0]["amount_cents"] = 0
    pq.write_table(pa.Table.from_pylist(rows, schema=CLAIMS), tmp_path / "f.parquet")
    with pytest.raises(InputError, match=f"claim {rows[0]['claim_id']}: amount_cents must be above zero"):
        read_claims(tmp_path / "f.parquet", None, tmp_path / "work")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("c2,2026-03-02T10:15:00Z,2026-03-01,2026-03-01,M1,H1,0", "amount: an amount of zero"),
        ("c2,1965-03-02T10:15:00Z,2026-03-01,2026-03-01,M1,H1,5", "received_at: before 1970"),
        ("c2,1985-03-02T10:15:00Z,,,M1,H1,5", "service_from: before 1990"),
        ("c2,2026-03-02T10:15:00Z,2026-03-01,2026-03-01,M1,1.23E+09,5", "provider_id: rounded to an exponent"),
    ],
)
def test_a_row_that_is_not_a_claim_is_rejected_with_its_reason(tmp_path: Path, row: str, reason: str) -> None:
    (tmp_path / "c.csv").write_text(OWN + row + "\n")
    read = read_claims(tmp_path / "c.csv", None, tmp_path / "work")
    assert (read.claims["claim_id"].to_pylist(), read.rejected) == (["c1"], 1)
    assert [text for text in read.reasons if text.startswith(reason)]
