"""From the database to the training data, and the steps that a schedule runs."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from psycopg.types.json import Jsonb

from api.loading import load_folder
from claims.attributes import Attribute, AttributeType
from claims.review import IS_FRAUD, Disposition
from core import clock
from features.offline import labels_as_of
from features.vector import ARROW_TYPES
from models.artefact import read_pointer
from models.registry import MlflowStore
from pipelines.datasets import SIMULATED, as_of_us, examples_of, open_named, read_vectors
from pipelines.gates import GateFailed
from pipelines.loop import LoopError, evaluate_reviews, export, retrain, salt_of
from pipelines.loop.exported_attributes import declarations
from pipelines.promote import RefusedError
from pipelines.simulate import SimulationConfig, simulate, write
from pipelines.store import read_document, write_frames
from tests.pipelines.model_life import OPTIONS, copy_of, copy_of_trained

CLAIMS = 500


@pytest.fixture
def ledger(database_url, tmp_path):
    """A database with a small history, and the home it was loaded from."""
    write(simulate(SimulationConfig(CLAIMS, 5, days=120)), tmp_path / "data")
    load_folder(database_url, tmp_path / "data", source="history")
    return database_url, tmp_path


def review(url, findings, *, week="2026-01-05"):
    """Store lists and findings: claim, selected by (None: a tip), propensity, disposition (None: not yet)."""
    with psycopg.connect(url) as connection:
        for claim_id, by, propensity, disposition in findings:
            if by is not None:
                connection.execute(
                    "INSERT INTO selections VALUES (%s, %s, %s, %s, 0.25, 'm1', now())",
                    [claim_id, week, by, propensity],
                )
            if disposition is not None:
                connection.execute(
                    "INSERT INTO dispositions (claim_id, known_at, disposition, decided_by)"
                    " VALUES (%s, now(), %s, 'ann')",
                    [claim_id, disposition],
                )
                connection.execute(
                    "INSERT INTO labels (claim_id, known_at, is_fraud, source) VALUES (%s, now(), %s, 'disposition')",
                    [claim_id, IS_FRAUD[Disposition(disposition)]],
                )


def ids_of(home, count):
    return pq.read_table(home / "data" / "claims.parquet")["claim_id"].to_pylist()[:count]


def test_the_export_brings_claims_labels_and_weights(ledger):
    url, home = ledger
    one, two, three, four = ids_of(home, 4)
    review(
        url,
        [
            (one, "score", 1.0, "confirmed"),
            (two, "audit", 0.25, "cleared"),
            (three, None, 1.0, "inconclusive"),
            (four, "audit", 0.5, None),
        ],
    )
    found = export(url, home)
    assert (found.claims, found.labels, found.findings) == (CLAIMS, CLAIMS + 3, 3)
    # Four was drawn too, with a chance of a half, and has no finding: two represents its claims as well.
    assert pq.read_table(home / "data" / "weights.parquet").to_pylist() == [{"claim_id": two, "weight": 6.0}]
    sources = {row["claim_id"]: row["source"] for row in pq.read_table(home / "data" / "labels.parquet").to_pylist()}
    assert (sources[one], sources[four]) == ("disposition", "simulation")
    labels = labels_as_of(pq.read_table(home / "data" / "labels.parquet")).to_pylist()
    current = {row["claim_id"]: row["is_fraud"] for row in labels}
    assert (current[one], current[two], three in current) == (True, False, False)
    about = json.loads((home / "data" / "dataset.json").read_text())
    assert about["source"] == "simulated"
    assert about["frames"]["weights"] == 1
    assert about["exported_from"] == "database"
    # The findings are later than the last claim, and are labels of the training nevertheless.
    source = open_named(SIMULATED, home)
    findings = clock.micros(datetime.fromisoformat(about["findings_until"]))
    assert as_of_us(source, None) == findings > clock.micros(pc.max(source.claims["received_at"]).as_py())
    assert as_of_us(source, datetime(2025, 10, 1, tzinfo=UTC)) == clock.micros(datetime(2025, 10, 1, tzinfo=UTC))


def test_exporting_twice_gives_the_same_bytes(ledger):
    url, home = ledger
    export(url, home)
    assert (home / "training-objections.ndjson").exists(), "exported claims have the list of whom to leave out"
    before = {name: (home / "data" / f"{name}.parquet").read_bytes() for name in ("claims", "labels", "weights")}
    export(url, home)
    assert {name: (home / "data" / f"{name}.parquet").read_bytes() for name in before} == before


DECLARED = {
    "age": Attribute(type=AttributeType.NUMBER, meaning="Age"),
    "make": Attribute(type=AttributeType.CATEGORY, meaning="Make"),
    "police": Attribute(type=AttributeType.BOOLEAN, meaning="Police report"),
    "start": Attribute(type=AttributeType.DATE, meaning="Start"),
    "place": Attribute(type=AttributeType.CATEGORY, meaning="Place", field="region"),
}


def test_the_export_brings_the_attributes_of_claims_and_keeps_those_only_the_files_have(database_url, tmp_path):
    home, data = tmp_path, tmp_path / "data"
    write(simulate(SimulationConfig(CLAIMS, 5, days=120)), data)
    loaded, full, other, without, earlier = ids_of(home, 5)
    about = {**read_document(data), "attributes": declarations(DECLARED)}
    file_only = {"claim_id": earlier, "age": 0.1, "make": "file", "police": None, "start": None}
    values = [file_only | {"claim_id": loaded, "start": date(2024, 5, 31)}, file_only]
    frames = {name: pq.read_table(data / f"{name}.parquet") for name in about["frames"]}
    schema = pa.schema([("claim_id", pa.string())] + [(n, ARROW_TYPES[a.type]) for n, a in [*DECLARED.items()][:4]])
    write_frames({**frames, "attributes": pa.Table.from_pylist(values, schema)}, data, about)
    load_folder(database_url, data, source="history")
    sent = [
        (full, {"age": 1e-7, "make": 'a, "b" \\ Škoda', "police": False, "start": "2024-02-29", "unknown": 1}),
        (other, {"age": "seven", "make": 1, "police": 0, "start": "2024-02-30"}),  # which the model refused
    ]
    with psycopg.connect(database_url) as connection:
        connection.cursor().executemany(
            "UPDATE claims SET attributes = %s WHERE claim_id = %s", [(Jsonb(values), one) for one, values in sent]
        )
        connection.execute("UPDATE claims SET attributes = NULL WHERE claim_id = %s", [earlier])
    for _ in range(2):
        assert export(database_url, home) is not None
        source = open_named(SIMULATED, home)
        assert source.attributes is not None
        assert (dict(source.attributes.declared), source.about["frames"]["attributes"]) == (DECLARED, 4)
        found = source.attributes.of(pa.chunked_array([[loaded, full, other, without, earlier]])).to_pylist()
        none = dict.fromkeys(("age", "make", "police", "start"))
        assert found == [
            {"age": 0.1, "make": "file", "police": None, "start": date(2024, 5, 31)},
            {"age": 1e-7, "make": 'a, "b" \\ Škoda', "police": False, "start": date(2024, 2, 29)},
            none,
            none,
            {"age": 0.1, "make": "file", "police": None, "start": None},
        ]


def test_without_attributes_the_export_has_no_file_of_them(ledger):
    url, home = ledger
    export(url, home)
    assert not (home / "data" / "attributes.parquet").exists()
    assert open_named(SIMULATED, home).attributes is None


def test_an_empty_database_does_not_change_the_files(database_url, tmp_path):
    write(simulate(SimulationConfig(CLAIMS, 5, days=120)), tmp_path / "data")
    before = (tmp_path / "data" / "claims.parquet").read_bytes()
    assert export(database_url, tmp_path) is None
    assert (tmp_path / "data" / "claims.parquet").read_bytes() == before


def test_claims_missing_in_the_database_are_not_overwritten(ledger):
    url, home = ledger
    write(simulate(SimulationConfig(CLAIMS + 20, 6, days=120)), home / "data")
    with pytest.raises(LoopError, match="20 claims that the database does not"):
        export(url, home)
    assert pq.read_metadata(home / "data" / "claims.parquet").num_rows == CLAIMS + 20


def test_the_model_is_evaluated_by_weighted_dispositions(ledger):
    url, home = ledger
    one, two, three, four, five = ids_of(home, 5)
    review(url, [(one, "score", 1.0, "confirmed"), (two, "score", 1.0, "cleared"), (three, "audit", 0.1, "cleared"),
                    (four, None, 1.0, "confirmed"), (five, "audit", 0.1, None)])  # fmt: skip
    with pytest.raises(LoopError, match=r"week of 2026-01-05: 2 of 2 by score, 1 of 2 audited"):
        evaluate_reviews(url)
    review(url, [(five, None, 1.0, "inconclusive")])
    found = evaluate_reviews(url)
    assert (found.findings, found.random, found.weeks, found.k) == (3, 1, 1, 2.0)
    assert (found.weeks_unfinished, found.response_by_score, found.response_audited) == (0, 1.0, 1.0)
    assert (found.estimate.claims, found.estimate.frauds) == (22.0, 1.0)
    assert found.estimate.base_rate == pytest.approx(1 / 22)
    values = found.values()
    assert values["base_rate_low"] <= values["base_rate"] <= values["base_rate_high"]


def test_claims_without_a_score_are_counted_beside_the_estimates(ledger):
    """A loaded history has no scores: its claims could not be on the list, and the estimates are not about them."""
    url, _ = ledger
    with psycopg.connect(url) as connection:
        connection.execute("SET TIME ZONE 'UTC'")
        (week,) = connection.execute("SELECT date_trunc('week', max(received_at))::date - 7 FROM claims").fetchone()
        received = "SELECT claim_id FROM claims WHERE date_trunc('week', received_at)::date = %s ORDER BY 1"
        one, two, *others = [row[0] for row in connection.execute(received, [week])]
    review(url, [(one, "score", 1.0, "confirmed"), (two, "audit", 0.5, "cleared")], week=week)
    assert evaluate_reviews(url).unscored == len(others) + 2


def test_without_a_random_audit_the_model_cannot_be_evaluated(ledger):
    url, home = ledger
    with pytest.raises(LoopError, match="no selected claim has a disposition"):
        evaluate_reviews(url)
    review(url, [(ids_of(home, 1)[0], "score", 1.0, "confirmed")])
    with pytest.raises(LoopError, match="randomly audited"):
        evaluate_reviews(url)


def test_weights_reach_the_claims_they_are_of_and_only_of_their_data(tmp_path):
    home = copy_of_trained(tmp_path)
    ids = ids_of(home, 3)
    frames = {name: pq.read_table(home / "data" / f"{name}.parquet") for name in ("claims", "labels")}
    weights = pa.table({"claim_id": [ids[2], "elsewhere", ids[0]], "weight": [7.0, 3.0, 0.0]})
    write_frames(frames | {"weights": weights}, home / "data", {"source": "simulated"})
    source = open_named(SIMULATED, home)
    from pipelines.datasets import ensure_features

    ensure_features(source)
    examples = examples_of(read_vectors(source, as_of_us=np.iinfo(np.int64).max // 2), source.weights)
    found = dict(zip(examples.claims["claim_id"].to_pylist(), examples.weights, strict=True))
    assert [found[one] for one in ids] == [0.0, 1.0, 7.0]
    write_frames(frames, home / "data", {"source": "simulated"})
    assert (home / "data" / "weights.parquet").exists()
    assert open_named(SIMULATED, home).weights is None


@pytest.fixture(scope="module")
def promoted(tmp_path_factory):
    """A home whose champion was made by retraining from files."""
    home = copy_of_trained(tmp_path_factory.mktemp("retrain"))
    store = MlflowStore.of(home)
    return home, store, retrain(home, database_url=None, options=OPTIONS, store=store)


def test_retraining_from_files_makes_a_champion(promoted):
    home, _, found = promoted
    assert read_pointer(home).version == found.version
    assert (found.source, found.previous, found.claims) == ("files", None, 5_000)
    assert found.average_precision > found.average_precision_rule


def test_a_batch_that_fails_its_gate_leaves_the_champion(promoted, tmp_path):
    home, store, found = promoted
    broken = copy_of(home, tmp_path)
    claims = pq.read_table(broken / "data" / "claims.parquet")
    place = claims.column_names.index("amount_cents")
    frames = {"claims": claims.set_column(place, "amount_cents", pa.array([-1] * len(claims), pa.int64()))}
    frames["labels"] = pq.read_table(broken / "data" / "labels.parquet")
    write_frames(frames, broken / "data", {"source": "simulated"})
    with pytest.raises(GateFailed):
        retrain(broken, database_url=None, options=OPTIONS, store=store)
    assert read_pointer(broken).version == found.version


def test_a_model_that_the_gates_refuse_leaves_the_champion(promoted, tmp_path):
    """Trained for one round, a model is worse than the champion."""
    home, _, found = promoted
    other = copy_of(home, tmp_path)
    poor = replace(OPTIONS, family=replace(OPTIONS.family, rounds=1, depth=1, learning_rate=0.01))
    with pytest.raises(RefusedError):
        retrain(other, database_url=None, options=poor, store=MlflowStore.of(other))
    assert read_pointer(other).version == found.version


def test_the_salt_is_created_once_and_readable_by_its_owner_only(tmp_path):
    assert salt_of(tmp_path) == salt_of(tmp_path)
    assert (tmp_path / "loop" / "salt").stat().st_mode & 0o077 == 0
    assert len(salt_of(tmp_path)) > 20
