"""Whole claims files: what is read, and what is rejected with its line and reason."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner

from cli.main import main
from features.declare import CLAIMS, LABELS
from pipelines.ingest import IngestSummary, SourceError, ingest_csv, suggest
from tests.pipelines.claims_files import GOOD, HEADER, PLAIN, SIMPLE, claims, ingest, mapping, rejects, simple
from tests.work import HOSTILE_TEXTS, Work, measured


def test_a_labelled_file_without_members_becomes_the_claims_frame(tmp_path: Path) -> None:
    outcome = ingest(tmp_path, [HEADER, GOOD.format("A1"), '"A2",01/02/2025,H2,P2,80,Y'])
    frame = pq.read_table(outcome.folder / "claims.parquet")
    assert frame.schema.equals(CLAIMS)
    first, second = frame.to_pylist()
    assert (first["claim_id"], first["amount_cents"], first["member_id"]) == ("A1", 123_450, None)
    assert first["received_at"] == datetime(2024, 12, 31, tzinfo=UTC)
    assert str(first["service_from"]) == str(first["service_to"]) == "2024-12-31"
    assert second["amount_cents"] == 8_000
    labels = pq.read_table(outcome.folder / "labels.parquet")
    assert labels.schema.equals(LABELS)
    assert labels.column("is_fraud").to_pylist() == [False, True]
    assert min(labels.column("known_at").to_pylist()) > max(frame.column("received_at").to_pylist())
    assert {"member_id", "region", "units"} <= set(outcome.missing_columns)
    assert (outcome.rows, outcome.claims, outcome.labelled, outcome.fraud, outcome.rejected) == (2, 2, 2, 1, 0)


def test_a_label_has_the_source_that_its_column_states_and_is_of_the_file_without_one(tmp_path: Path) -> None:
    rows = [f"{GOOD.format('A1')},audit team", f"{GOOD.format('A2')},"]
    using = mapping(columns=PLAIN["columns"] | {"label_source": "who"})
    outcome = ingest(tmp_path, [f"{HEADER},who", *rows], using)
    assert pq.read_table(outcome.folder / "labels.parquet")["source"].to_pylist() == ["audit team", "file"]


MISTAKES = {
    "B1,31/12/2024 10:00,H1,P1,5,N": ("received_at", "a time without a zone"),
    "B2,31/12/2030,H1,P1,5,N": ("received_at", "in the future"),
    "B3,30/02/2024,H1,P1,5,N": ("received_at", "not a date of the form"),
    "B4,31/12/2024,H1,P1,12.340000000000001,N": ("amount", "more decimals than two"),
    "B5,31/12/2024,H1,P1,-5.00,N": ("amount", "a negative amount"),
    "B6,31/12/2024,H1,P1,0,N": ("amount", "an amount of zero"),
    "B7,31/12/2024,H1,P1,,N": ("amount", "no value"),
    "B8,31/12/2024,H1,P1,5,perhaps": ("label", "not a label the mapping lists"),
    "B9,31/12/2024," + "x" * 10_000 + ",P1,5,N": ("provider_id", "longer than 64 characters"),
    ",31/12/2024,H1,P1,5,N": ("claim_id", "no value"),
    "A1,31/12/2024,H1,P1,5,N": ("claim_id", "a claim that was already read; for a row per line: rows: lines"),
    "B10,31/12/2024,H1,P1,5": ("", "5 values where the header has 6"),
    '"B11,31/12/2024,H1,P1,5,N': ("", "a quote is opened and never closed"),
    '"B12"x,31/12/2024,H1,P1,5,N': ("", "wrong quoting"),
}


def test_every_bad_row_is_listed_with_its_line_and_reason_and_no_other_row_suffers(tmp_path: Path) -> None:
    rows = [GOOD.format("A1"), *MISTAKES, "", *(GOOD.format(f"Z{n}") for n in range(30))]
    outcome = ingest(tmp_path, [HEADER, *rows])
    found = {line: (field, reason) for line, field, _, reason in rejects(outcome)}
    assert set(found) == set(range(3, 3 + len(MISTAKES)))
    for line, (field, reason) in enumerate(MISTAKES.values(), start=3):
        assert found[line][0] == field
        assert reason in found[line][1]
    assert (outcome.claims, outcome.rejected, outcome.empty_lines) == (31, len(MISTAKES), 1)
    assert outcome.rows == outcome.claims + outcome.rejected
    assert sum(outcome.reasons.values()) == outcome.rejected


def test_the_reject_file_shows_shapes_not_values(tmp_path: Path) -> None:
    outcome = ingest(
        tmp_path, [HEADER, GOOD.format("A1"), "A2,31/12/2024,Dr Jane Roe of the longest name " + "o" * 50 + ",P1,5,N"]
    )
    ((_, _, shown, _),) = rejects(outcome)
    assert shown.startswith("Aa Aaaa Aaa")
    assert "Jane" not in outcome.reject_file.read_text("utf-8")


def test_bytes_of_another_encoding_reject_only_their_row(tmp_path: Path) -> None:
    path = tmp_path / "claims.csv"
    padding = "\n".join(GOOD.format(f"P{n}") for n in range(30_000))  # beyond the sample that decides the encoding
    path.write_bytes(f"{HEADER}\n{padding}\n".encode() + b"A1,31/12/2024,H\xf4pital,P1,5,N\nA2,31/12/2024,H1,P1,5,N\n")
    outcome = ingest_csv(path, mapping(), tmp_path / "out")
    assert (outcome.claims, outcome.rejected) == (30_001, 1)
    assert "check the encoding" in rejects(outcome)[0][3]


def test_a_windows_file_is_read_and_reported(tmp_path: Path) -> None:
    outcome = ingest(tmp_path, [HEADER, "A1,31/12/2024,Hôpital,P1,5,N"], encoding="cp1252")
    assert claims(outcome)[0]["provider_id"] == "Hôpital"
    assert any("Windows-1252" in note for note in outcome.notes)


def test_a_file_without_a_valid_row_is_an_error_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no row of 1 became a claim: amount: no value"):
        ingest(tmp_path, [HEADER, "A1,31/12/2024,H1,P1,,N"])


def test_the_command_reads_a_file_and_prints_one_json_object(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text(f"{HEADER}\n{GOOD.format('A1')}\n")
    (tmp_path / "m.yaml").write_text(yaml.safe_dump(PLAIN))
    arguments = ["ingest", "csv", str(tmp_path / "c.csv"), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(main, [*arguments, "--mapping", str(tmp_path / "m.yaml"), "--json"])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["claims"] == 1
    unmapped = CliRunner().invoke(main, arguments)
    assert unmapped.exit_code == 2
    assert "--suggest" in unmapped.output


def owned(labels: Iterable[tuple[str, str]]) -> list[str]:
    return [HEADER, *(f"A{n},01/02/2025,{provider},P1,80,{label}" for n, (provider, label) in enumerate(labels))]


def owner(outcome: IngestSummary) -> str:
    return str(json.loads((outcome.folder / "dataset.json").read_text())["label_of"])


def test_a_label_shared_by_all_claims_of_a_provider_belongs_to_the_provider(tmp_path: Path) -> None:
    shared = [(f"H{n % 20}", "Y" if n % 20 < 6 else "N") for n in range(100)]
    outcome = ingest(tmp_path, owned(shared))
    assert owner(outcome) == "provider"
    assert "it is the provider's" in outcome.notes[0]
    one_dissenting = ingest(tmp_path, owned([*shared, ("H0", "N")]))
    assert owner(one_dissenting) == "provider", "one row decides nothing, and a note says that it is there"
    assert "all but 1 claims of a provider have one label" in one_dissenting.notes[0]
    assert owner(ingest(tmp_path, owned([*shared, *([("H0", "N")] * 4)]))) == "claim"
    by_claim = [(f"H{n % 20}", "Y" if n % 7 == 0 else "N") for n in range(100)]
    assert owner(ingest(tmp_path, owned(by_claim))) == "claim"
    assert owner(ingest(tmp_path, owned(shared), mapping(label_of="claim"))) == "claim"
    few = [(f"H{n % 20}", "Y" if n % 20 < 4 else "N") for n in range(100)]
    assert owner(ingest(tmp_path, owned(few))) == "claim"
    assert owner(ingest(tmp_path, owned(few), mapping(label_of="provider"))) == "provider"


def test_a_provider_level_label_requires_the_provider(tmp_path: Path) -> None:
    outcome = ingest(tmp_path, owned([("H1", "Y"), ("", "N")]), mapping(label_of="provider"))
    assert rejects(outcome) == [(3, "provider_id", "", "no value")]


def test_the_error_shows_the_shape_of_the_values_when_every_row_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"label: not a label .*\(2, the first like 9\.99\)"):
        ingest(tmp_path, [HEADER, "A1,01/02/2025,H1,P1,80,0.93", "A2,01/02/2025,H1,P1,80,0.07"])


def test_a_file_with_only_a_header_is_reported(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="a header and no rows"):
        ingest(tmp_path, [HEADER])


def test_a_parquet_file_is_read_like_the_same_csv_file(tmp_path: Path) -> None:
    path = tmp_path / "claims.parquet"
    table = pa.table(
        {
            "claim": ["A1", "A2", "A3"],
            "received": pa.array([datetime(2025, 1, 31, 10), datetime(2025, 2, 1), None], pa.timestamp("ns")),
            "hospital": pa.array([1, 2, 3]),
            "code": ["P1", None, "P1"],
            "amount": [80.5, 12.340000000000001, 1.0],
            "fraud": [True, False, None],
        }
    )
    pq.write_table(table, path)
    using = mapping(dates={"timezone": "Africa/Nairobi"})
    outcome = ingest_csv(path, using, tmp_path / "out")
    assert [(row[1], row[3].split(" (")[0]) for row in rejects(outcome)] == [
        ("amount", "more decimals than two"),
        ("received_at", "no date of receipt or service"),
    ]
    (claim,) = claims(outcome)
    assert claim["received_at"] == datetime(2025, 1, 31, 7, tzinfo=UTC)
    assert (claim["provider_id"], claim["amount_cents"]) == ("1", 8050)
    assert outcome.fraud == 1
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(SourceError, match="as Parquet"):
        ingest_csv(path, using, tmp_path / "out")


@pytest.mark.parametrize("column", SIMPLE["columns"].values())
@pytest.mark.parametrize("draft", [True, False])
def test_the_work_for_a_file_is_bounded_by_its_size(tmp_path: Path, column: str, draft: bool) -> None:
    usual = {"id": "A", "day": "2025-01-01", "npi": "H", "dx": "D", "amount": "5"}
    texts = [text.replace('"', '""') for text in HOSTILE_TEXTS.values()]
    rows = [",".join(f'"{value}"' for value in (usual | {column: text}).values()) for text in texts]
    data = "\n".join([",".join(usual), "Z,2025-01-01,H,D,5", *rows])
    path = tmp_path / "claims.csv"
    path.write_text(data)
    with measured() as work:
        if draft:
            suggest(path)
        else:
            ingest_csv(path, simple(), tmp_path / "out")
    assert work.is_bounded(len(data), Work(lines=60_000, peak=20_000_000))
