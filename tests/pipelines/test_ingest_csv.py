"""Whole claims files: what is read, what is rejected with its line and reason, and what a draft mapping says."""

import csv
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner

from cli.main import main
from core import clock
from features.declare import CLAIMS, LABELS
from pipelines.ingest import Ingested, Mapping, MappingError, SourceError, ingest_csv, load_mapping, suggest_mapping
from pipelines.ingest.provider_fraud import MAPPINGS
from tests.work import HOSTILE_TEXTS, Work, measured

PLAIN: dict[str, Any] = {
    "name": "plain",
    "columns": {
        "claim_id": "claim",
        "received_at": "received",
        "provider_id": "hospital",
        "procedure_code": "code",
        "amount": "amount",
        "label": "fraud",
    },
    "dates": {"formats": ["%d/%m/%Y"]},
    "money": {"thousands": ","},
}
HEADER = "claim,received,hospital,code,amount,fraud"
GOOD = '{},31/12/2024,H1,P1,"1,234.50",N'


def mapping(**changes: Any) -> Mapping:
    return Mapping.model_validate(PLAIN | changes)


def ingest(tmp_path: Path, lines: Iterable[str], using: Mapping | None = None, encoding: str = "utf-8") -> Ingested:
    path = tmp_path / "claims.csv"
    path.write_bytes(("\n".join(lines) + "\n").encode(encoding))
    with clock.held(datetime(2026, 6, 1, tzinfo=UTC)):
        return ingest_csv(path, using or mapping(), tmp_path / "out")


def rejects(outcome: Ingested) -> list[tuple[int, str, str, str]]:
    with outcome.reject_file.open(newline="", encoding="utf-8") as file:
        return [(int(row["line"]), row["field"], row["shape"], row["reason"]) for row in csv.DictReader(file)]


def claims(outcome: Ingested) -> list[dict[str, Any]]:
    return pq.read_table(outcome.folder / "claims.parquet").to_pylist()


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


def test_a_naive_timestamp_is_rejected_until_the_mapping_names_the_zone(tmp_path: Path) -> None:
    rows = [HEADER, "A1,2024-12-31 23:30:00,H1,P1,5,N", "A2,2024-12-31,H1,P1,5,N"]
    formats = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d"]
    naive = ingest(tmp_path, rows, mapping(dates={"formats": formats}))
    assert "a time without a zone" in rejects(naive)[0][3]
    zoned = ingest(tmp_path, rows, mapping(dates={"formats": formats, "timezone": "Africa/Nairobi"}))
    times = {row["claim_id"]: row["received_at"] for row in claims(zoned)}
    assert times["A1"] == datetime(2024, 12, 31, 20, 30, tzinfo=UTC)


def test_bytes_of_another_encoding_cost_their_row_alone(tmp_path: Path) -> None:
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


LINES: dict[str, Any] = {
    "name": "lines",
    "rows": "lines",
    "columns": {
        "claim_id": "claim",
        "line": "line",
        "service_to": "day",
        "member_id": "member",
        "procedure_code": "code",
        "amount": "amount",
        "units": "units",
    },
    "money": {"negative": "net"},
}
LINE_ROWS = [
    "claim,line,day,member,code,amount,units",
    "C1,2,2025-01-03,M1,X2,20.00,1",
    "C1,1,2025-01-02,M1,X1,50.00,2",
    "C1,3,2025-01-02,M1,X3,50.00,1",
    "C1,4,2025-01-02,M1,X4,-5.00,1",
    "C2,1,2025-01-02,M2,X1,10.00,1",
    "C2,2,2025-01-02,M2,X1,-10.00,1",
    "C1,1,2025-01-02,M1,X1,50.00,2",
]


def test_lines_are_gathered_into_claims_whose_most_expensive_line_is_the_principal(tmp_path: Path) -> None:
    outcome = ingest(tmp_path, LINE_ROWS, Mapping.model_validate(LINES))
    (claim,) = claims(outcome)
    assert (claim["claim_id"], claim["procedure_code"], claim["amount_cents"]) == ("C1", "X1", 11_500)
    assert (claim["lines"], claim["units"]) == (4, 5)
    assert (str(claim["service_from"]), str(claim["service_to"])) == ("2025-01-02", "2025-01-03")
    lines = pq.read_table(outcome.folder / "claim_lines.parquet").to_pylist()
    assert [line["procedure_code"] for line in lines] == ["X1", "X2", "X3", "X4"]
    assert sum(line["amount_cents"] for line in lines) == claim["amount_cents"]


def test_a_claim_that_nets_to_nothing_and_a_line_that_comes_twice_are_rejected(tmp_path: Path) -> None:
    outcome = ingest(tmp_path, LINE_ROWS, Mapping.model_validate(LINES))
    found = [(line, reason) for line, _, _, reason in sorted(rejects(outcome))]
    assert found == [
        (6, "an amount of zero for the whole claim"),
        (7, "an amount of zero for the whole claim"),
        (8, "a line of this claim that was already read"),
    ]


def test_service_before_birth_after_receipt_or_backwards_is_rejected(tmp_path: Path) -> None:
    columns = {"amount": "a", "received_at": "r", "service_from": "f", "service_to": "t", "birth_date": "b"}
    rows = [
        "r,f,t,b,a",
        "2025-02-01,2025-01-01,2025-01-05,1980-06-01,5",
        "2025-02-01,2025-01-05,2025-01-01,1980-06-01,5",
        "2025-02-01,2025-01-01,2025-03-01,1980-06-01,5",
        "2025-02-01,2025-01-01,2025-01-05,2025-01-04,5",
    ]
    outcome = ingest(tmp_path, rows, Mapping.model_validate({"name": "order", "columns": columns}))
    assert [(line, field, reason) for line, field, _, reason in rejects(outcome)] == [
        (3, "service_to", "before service_from"),
        (4, "service_to", "after receipt"),
        (5, "birth_date", "after the service"),
    ]
    (claim,) = claims(outcome)
    assert (claim["claim_id"], claim["age_years"]) == ("L2", 44)


def test_constants_alternatives_and_added_columns_are_used(tmp_path: Path) -> None:
    columns = {"amount": "paid", "service_to": "day", "provider_id": ["npi", "other"], "diagnoses": ["d1", "d2"],
               "diagnosis_code": "d1"}  # fmt: skip
    using = Mapping.model_validate(
        {"name": "more", "columns": columns, "constants": {"place_of_service": "21"}, "money": {"plus": ["deductible"]}}
    )
    outcome = ingest(
        tmp_path,
        ["paid,deductible,day,npi,other,d1,d2", "10,2.50,2025-01-01,NA,H9,A,B", "7,NA,2025-01-01,H1,,A,"],
        using,
    )
    first, second = claims(outcome)
    assert (first["amount_cents"], first["provider_id"], first["diagnoses"]) == (1_250, "H9", 2)
    assert (second["amount_cents"], second["provider_id"], second["diagnoses"]) == (700, "H1", 1)
    assert first["place_of_service"] == "21"


def test_a_file_of_which_no_row_is_a_claim_is_an_error_that_says_why(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no row of 1 became a claim: amount: no value"):
        ingest(tmp_path, [HEADER, "A1,31/12/2024,H1,P1,,N"])


def test_a_column_the_file_does_not_have_is_named(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match=r"no column 'claim'.*it has 'Claim'"):
        ingest(tmp_path, ["Claim,received,hospital,code,amount,fraud", GOOD.format("A1")])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"columns": {"claim_id": "a"}}, "amount"),
        ({"columns": {"amount": "a"}}, "received_at"),
        ({"columns": PLAIN["columns"] | {"colour": "x"}}, "colour"),
        ({"constants": {"amount": "5"}}, "both a column and a constant"),
        ({"money": {"decimal": ",", "thousands": ","}}, "differ"),
        ({"dates": {"formats": ["%Y"], "timezone": "Mars/Olympus"}}, "timezone"),
        ({"rows": "lines", "columns": {"amount": "a", "service_to": "d"}}, "claim_id"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_mapping_that_makes_no_sense_is_refused_by_name(tmp_path: Path, change: dict, named: str) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text(yaml.safe_dump(PLAIN | change))
    with pytest.raises(MappingError, match=named):
        load_mapping(path)


def test_the_mappings_that_come_with_ginja_are_valid() -> None:
    assert {load_mapping(path).name for path in MAPPINGS.glob("*.yaml")} >= {"tuva", "provider-fraud"}


def test_a_draft_mapping_reads_the_file_it_was_made_from(tmp_path: Path) -> None:
    header = "ClaimNumber;Date Submitted;Facility Code;CPT;Total Charge;Is Fraud?;Patient Name;Gender;DOB"
    rows = [f"K{n};{n % 28 + 1:02d}/11/2024;F{n % 3};99213;€ 1.{n:03d},50;{'True' if n % 9 == 0 else 'False'};"
            f"Ann Person{n};Female;{n % 28 + 1:02d}/05/1980" for n in range(60)]  # fmt: skip
    path = tmp_path / "strange-file.csv"
    path.write_text("\n".join([header, *rows]), "utf-8")
    draft = suggest_mapping(path)
    assert "Ann" not in draft
    (tmp_path / "draft.yaml").write_text(draft, "utf-8")
    using = load_mapping(tmp_path / "draft.yaml")
    assert using.columns == {
        "claim_id": "ClaimNumber",
        "label": "Is Fraud?",
        "received_at": "Date Submitted",
        "provider_id": "Facility Code",
        "procedure_code": "CPT",
        "birth_date": "DOB",
        "sex": "Gender",
        "amount": "Total Charge",
    }
    outcome = ingest_csv(path, using, tmp_path / "out")
    assert (outcome.claims, outcome.rejected, outcome.fraud) == (60, 0, 7)
    assert sorted(row["amount_cents"] for row in claims(outcome))[:2] == [100_050, 100_150]


def test_american_and_european_dates_are_distinguished(tmp_path: Path) -> None:
    for form, days in (("%m/%d/%Y", "12/31/2024"), ("%d/%m/%Y", "31/12/2024")):
        path = tmp_path / "dates.csv"
        path.write_text(f"claim id,claim date,amount\nA,{days},5\nB,01/02/2024,6\n")
        assert yaml.safe_load(suggest_mapping(path))["dates"]["formats"] == [form]


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


def test_a_repeated_or_unnamed_column_matters_only_when_it_is_mapped(tmp_path: Path) -> None:
    header = "claim ,note,note,,received,hospital,code, amount,fraud"
    rows = [f"A{n},x,y,,01/02/2025,H1,P1,80,N" for n in range(3)]
    assert ingest(tmp_path, [header, *rows]).claims == 3
    with pytest.raises(MappingError, match="the column 'note' twice"):
        ingest(tmp_path, [header, *rows], mapping(columns=PLAIN["columns"] | {"region": "note"}))
    draft = yaml.safe_load(suggest_mapping(tmp_path / "claims.csv"))["columns"]
    assert "note" not in draft.values()
    assert draft["amount"] == "amount"


def owned(labels: Iterable[tuple[str, str]]) -> list[str]:
    return [HEADER, *(f"A{n},01/02/2025,{provider},P1,80,{label}" for n, (provider, label) in enumerate(labels))]


def owner(outcome: Ingested) -> str:
    return str(json.loads((outcome.folder / "dataset.json").read_text())["label_of"])


def test_a_label_that_all_claims_of_a_provider_share_is_the_providers(tmp_path: Path) -> None:
    shared = [(f"H{n % 20}", "Y" if n % 20 < 6 else "N") for n in range(100)]
    outcome = ingest(tmp_path, owned(shared))
    assert owner(outcome) == "provider"
    assert "it is the provider's" in outcome.notes[0]
    assert owner(ingest(tmp_path, owned([*shared, ("H0", "N")]))) == "claim"
    assert owner(ingest(tmp_path, owned(shared), mapping(label_of="claim"))) == "claim"
    few = [(f"H{n % 20}", "Y" if n % 20 < 4 else "N") for n in range(100)]
    assert owner(ingest(tmp_path, owned(few))) == "claim"
    assert owner(ingest(tmp_path, owned(few), mapping(label_of="provider"))) == "provider"


def test_a_providers_label_is_of_no_use_without_the_provider(tmp_path: Path) -> None:
    outcome = ingest(tmp_path, owned([("H1", "Y"), ("", "N")]), mapping(label_of="provider"))
    assert rejects(outcome) == [(3, "provider_id", "", "no value")]


def test_when_every_row_is_rejected_the_error_says_what_the_values_look_like(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"label: not a label .*\(2, the first like 9\.99\)"):
        ingest(tmp_path, [HEADER, "A1,01/02/2025,H1,P1,80,0.93", "A2,01/02/2025,H1,P1,80,0.07"])


def test_a_file_of_a_header_alone_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="a header and no rows"):
        ingest(tmp_path, [HEADER])


def test_a_draft_finds_times_of_twelve_hours_and_says_what_is_left_to_do(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,Eingang,amount,fraud\n1,01/31/2025 02:05 PM,1.5e+02,Ja\n2,02/01/2025 11:00 AM,80,Nein\n")
    draft = suggest_mapping(path)
    read = yaml.safe_load(draft)
    assert read["dates"] == {"formats": ["%m/%d/%Y %I:%M %p"], "timezone": "UTC"}
    assert (read["columns"]["received_at"], read["columns"]["amount"]) == ("Eingang", "amount")
    assert "say which texts are fraud" in draft
    read["label"] = {"fraud": ["Ja"], "clean": ["Nein"]}
    outcome = ingest_csv(path, Mapping.model_validate(read), tmp_path / "out")
    first = claims(outcome)[0]
    assert first["received_at"] == datetime(2025, 1, 31, 14, 5, tzinfo=UTC)
    assert first["amount_cents"] == 15000
    path.write_text("bmi,outcome\n1,0.3\n")
    assert [line for line in suggest_mapping(path).splitlines() if line.startswith("# To do")] != []


def test_parquet_is_read_as_a_csv_of_it_would_be(tmp_path: Path) -> None:
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


def test_a_procedure_may_be_a_description(tmp_path: Path) -> None:
    outcome = ingest(tmp_path, [HEADER, "A1,01/02/2025,H1,Knee replacement surgery,80,N"])
    assert claims(outcome)[0]["procedure_code"] == "Knee replacement surgery"


def test_a_draft_takes_codes_for_icd_10_only_where_every_one_is(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = [f"{n},01/31/2025,80,E11.9,0" for n in range(30)]
    path.write_text("\n".join(["id,date,amount,dx,fraud", *rows]))
    assert yaml.safe_load(suggest_mapping(path))["icd"] == 10
    path.write_text("\n".join(["id,date,amount,dx,fraud", *rows, "99,01/31/2025,80,unknown,0"]))
    assert "icd" not in yaml.safe_load(suggest_mapping(path))


SIMPLE: dict[str, Any] = {
    "name": "simple",
    "columns": {
        "claim_id": "id",
        "received_at": "day",
        "provider_id": "npi",
        "diagnosis_code": "dx",
        "amount": "amount",
    },
}


def simple(**changes: Any) -> Mapping:
    return Mapping.model_validate(SIMPLE | changes)


def test_an_id_exported_as_a_float_is_the_id(tmp_path: Path) -> None:
    rows = ["A,2025-01-01,1234567893,E11.9,5", "B,2025-01-02,1234567893.0,E11.9,5", "C,2025-01-02,1.23457E+09,E11.9,5"]
    outcome = ingest(tmp_path, ["id,day,npi,dx,amount", *rows], simple())
    assert [claim["provider_id"] for claim in claims(outcome)] == ["1234567893"] * 2
    assert [(line, field, reason[:24]) for line, field, _, reason in rejects(outcome)] == [
        (4, "provider_id", "rounded to an exponent, ")
    ]


def test_a_diagnosis_is_one_with_or_without_its_dot_and_in_either_case(tmp_path: Path) -> None:
    codes = ["E11.9", "E119", "e11.9", "E11.9 ", "Type 2 diabetes, cf. E11.9"]
    rows = [f'A{n},2025-01-01,H1,"{code}",5' for n, code in enumerate(codes)]
    outcome = ingest(tmp_path, ["id,day,npi,dx,amount", *rows], simple())
    assert [claim["diagnosis_code"] for claim in claims(outcome)] == ["E119"] * 4 + ["Type 2 diabetes, cf. E11.9"]


def test_a_draft_names_the_version_of_diagnoses_in_either_case(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("id,claim date,dx code,amount\nA,2025-01-01,E11.9,5\nB,2025-01-01,e119,5\n")
    assert yaml.safe_load(suggest_mapping(tmp_path / "c.csv"))["icd"] == 10


@pytest.mark.parametrize(
    ("days", "ambiguous"),
    [
        (["03/04/2024", "11/12/2023"], True),
        (["03/04/2024", "13/04/2024"], False),
        (["03-04-2024", "11-12-2023"], True),
        (["2024-03-04", "2024-11-12"], False),
    ],
)
def test_a_draft_says_where_day_first_and_month_first_cannot_be_distinguished(
    tmp_path: Path, days: list[str], ambiguous: bool
) -> None:
    rows = [f"A{n},{day},5" for n, day in enumerate(days)]
    (tmp_path / "c.csv").write_text("\n".join(["id,claim date,amount", *rows]))
    assert ("no row distinguishes day-first from month-first" in suggest_mapping(tmp_path / "c.csv")) is ambiguous


def test_a_birth_year_of_two_digits_is_the_last_one_before_the_service(tmp_path: Path) -> None:
    columns = {"claim_id": "id", "received_at": "day", "birth_date": "born", "amount": "amount"}
    using = Mapping.model_validate(
        {"name": "short", "columns": columns, "dates": {"formats": ["%Y-%m-%d", "%m/%d/%y"]}}
    )
    born = {"03/04/45": 80, "03/04/70": 55, "03/05/25": 99, "03/04/68": 57, "01/01/25": 0, "1930-01-01": 95}
    rows = [f"{n},2025-03-04,{day},5" for n, day in enumerate(born)]
    outcome = ingest(tmp_path, ["id,day,born,amount", *rows], using)
    assert outcome.rejected == 0
    ages = {claim["claim_id"]: claim["age_years"] for claim in claims(outcome)}
    assert ages == {str(n): age for n, age in enumerate(born.values())}


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("12.345", 1235),
        ("2.675", 268),
        ("12.355", 1236),
        ("12.34499999999999999999", 1234),
        ("12.345000000000000000000001", 1235),
        ("0.005", 1),
        ("1e3", 100_000),
    ],
)
def test_an_amount_is_rounded_once_half_a_cent_away_from_zero(tmp_path: Path, text: str, cents: int) -> None:
    outcome = ingest(tmp_path, ["id,day,npi,dx,amount", f"A,2025-01-01,H,D,{text}"], simple(money={"round": True}))
    assert claims(outcome)[0]["amount_cents"] == cents


def test_an_amount_that_rounds_to_nothing_is_rejected_by_name(tmp_path: Path) -> None:
    rows = ["A,2025-01-01,H,D,0.004", "B,2025-01-01,H,D,5"]
    outcome = ingest(tmp_path, ["id,day,npi,dx,amount", *rows], simple(money={"round": True}))
    assert [reason for *_, reason in rejects(outcome)] == ["less than half a cent"]


REVERSALS = [
    "id,day,npi,dx,amount",
    "A,2025-01-01,H,D,100.00",
    "A,2025-01-02,H,D,-100.00",
    "B,2025-01-03,H,D,50.00",
    "C,2025-01-04,H,D,80.00",
    "C,2025-01-05,H,D,(30.00)",
    "E,2025-01-06,H,D,-5.00",
]


def test_a_claim_that_another_row_reverses_is_not_taken_unless_they_are_netted(tmp_path: Path) -> None:
    refused = ingest(tmp_path, REVERSALS, simple())
    assert {claim["claim_id"]: claim["amount_cents"] for claim in claims(refused)} == {"B": 5_000}
    assert refused.reasons == {
        "amount: a negative amount (money.negative: net reduces its claim by it)": 3,
        "amount: reversed or reduced by a negative amount in another row of this claim (money.negative: net)": 2,
    }
    netted = ingest(tmp_path, REVERSALS, simple(money={"negative": "net"}))
    assert {claim["claim_id"]: claim["amount_cents"] for claim in claims(netted)} == {"B": 5_000, "C": 5_000}
    assert netted.reasons == {
        "amount: a claim that was reversed in full": 1,
        "amount: a reversal of a claim that is not here": 1,
    }
    assert "2 rows with a negative amount reduced or reversed their claims" in netted.notes


def test_lines_whose_claim_has_a_refused_negative_line_are_not_taken(tmp_path: Path) -> None:
    outcome = ingest(
        tmp_path, [*LINE_ROWS, "C3,1,2025-01-02,M1,X1,9.00,1"], Mapping.model_validate(LINES | {"money": {}})
    )
    assert [claim["claim_id"] for claim in claims(outcome)] == ["C3"]


BOMBS = {
    "aliases": ("a: &a [x]\nb: *a\n", "aliases"),
    "merged aliases": ("a: &a {x: y}\nb: {<<: *a}\n", "aliases"),
    "nesting": ("[" * 3_000, "nested"),
    "a day that is none": ("name: 2024-13-45\n", "quotes"),
    "a long number": ("name: " + "9" * 5_000, "characters"),
    "a long file": ("# " + "x" * 300_000, "bytes"),
    "a format": (yaml.safe_dump(SIMPLE | {"dates": {"formats": ["%Q"]}}), "strptime"),
    "a delimiter": (yaml.safe_dump(SIMPLE | {"csv": {"delimiter": '"'}}), "delimiter"),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_a_mapping_that_expands_or_is_not_valid_is_refused(tmp_path: Path, kind: str) -> None:
    text, reason = BOMBS[kind]
    (tmp_path / "m.yaml").write_text(text)
    with pytest.raises(MappingError, match=reason), measured() as work:
        load_mapping(tmp_path / "m.yaml")
    assert work.is_bounded(len(text))


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
            suggest_mapping(path)
        else:
            ingest_csv(path, simple(), tmp_path / "out")
    assert work.is_bounded(len(data), Work(lines=60_000, peak=20_000_000))


def test_a_draft_of_a_wide_header_takes_work_linear_in_it(tmp_path: Path) -> None:
    def lines(columns: int) -> int:
        header = ",".join(f"c{n}" for n in range(columns))
        (tmp_path / "wide.csv").write_text(f"{header}\n{','.join('x' * columns)}\n")
        with measured() as work:
            suggest_mapping(tmp_path / "wide.csv")
        return work.lines

    assert lines(1_600) < 3 * lines(800)
