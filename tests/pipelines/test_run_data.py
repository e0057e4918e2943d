"""What runs state about their data: rejected rows with their labels, tags, and a source."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from pipelines.datasets import Source, open_file
from pipelines.ingest import load_mapping
from pipelines.run_data import RunKind, data_metrics, data_texts, describe_data, rejects_table, run_tags
from tests.pipelines.own_columns import motor_file

ABOUT = {
    "file": "claims.csv",
    "rows": 200,
    "claims": 150,
    "rejected": 50,
    "reasons": {"amount: not a number": 40, "received_at: not a date": 10},
    "reject_label_rates": {"amount: not a number": 0.25, "received_at: not a date": None},
    "rejected_labels": {"labelled": 40, "fraud": 10},
    "accepted_labels": {"labelled": 150, "fraud": 3},
}
NOTHING = pa.table({"claim_id": pa.array([], pa.string())})


def source(**changes) -> Source:
    made = Source("acme", Path("/homes/a"), NOTHING, NOTHING, "claim", True, "0" * 64, ABOUT, ())
    return replace(made, **changes)


def test_rejected_rows_are_listed_by_reason_with_their_share_of_fraud():
    table = rejects_table(ABOUT)
    assert "50 of 200 rows were rejected. Share of fraud among the accepted ones: 2.0%." in table
    assert "| amount: not a number | 40 | 25.0% |" in table
    assert "| received_at: not a date | 10 | no label |" in table


def test_the_metrics_compare_the_labels_of_rejected_and_accepted_rows():
    assert data_metrics(source()) == {
        "data.rows": 200.0,
        "data.claims": 150.0,
        "data.rejected": 50.0,
        "data.rejected_fraud_rate": 0.25,
        "data.accepted_fraud_rate": 0.02,
    }


def test_simulated_claims_have_neither_mapping_nor_rejects():
    simulated = source(about={"source": "simulated", "seed": 1, "claims": 100})
    assert set(data_texts(simulated)) == {"data/dataset.json"}
    assert data_metrics(simulated) == {"data.claims": 100.0}


def test_the_description_links_to_how_the_data_were_read():
    text = describe_data(source(folder=Path("/homes/a/datasets/acme")))
    assert "[acme](artifacts:data/dataset.json)" in text
    assert "from `file:///homes/a/datasets/acme`, read from `claims.csv`" in text
    assert "[50 of 200 rows rejected](artifacts:data/rejects.md)" in text


def test_the_source_of_a_file_is_where_its_mapping_says_it_comes_from():
    made = source(about=ABOUT | {"source_url": "https://files.example.com/acme"})
    assert made.uri == "https://files.example.com/acme"
    assert "from <https://files.example.com/acme>" in describe_data(made)


def test_the_mapping_of_a_run_reads_the_file_as_the_mapping_did(tmp_path):
    """Also the texts that mean yes and no, whose keys YAML reads as booleans."""
    file, mapping, _ = motor_file(tmp_path, rows=80)
    made = open_file(file, mapping, tmp_path)
    (tmp_path / "again.yaml").write_text(data_texts(made)["data/mapping.yaml"])
    assert load_mapping(tmp_path / "again.yaml") == load_mapping(mapping)


def test_tags_without_a_value_are_left_out():
    assert run_tags(RunKind.DRIFT, dataset="acme", model="v1") == {
        "ginja.kind": "drift",
        "ginja.dataset": "acme",
        "ginja.model": "v1",
    }
