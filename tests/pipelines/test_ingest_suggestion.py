"""The draft mapping of a file: what it detects, what it leaves to do, and that it reads its file."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from core import clock
from pipelines.ingest import Mapping, ingest_csv, load_mapping, suggest
from tests.pipelines.claims_files import claims
from tests.work import measured


def test_a_draft_mapping_reads_the_file_it_was_made_from(tmp_path: Path) -> None:
    header = "ClaimNumber;Date Submitted;Facility Code;CPT;Total Charge;Is Fraud?;Patient Name;Gender;DOB"
    rows = [f"K{n};{n % 28 + 1:02d}/11/2024;F{n % 3};99213;€ 1.{n:03d},50;{'True' if n % 9 == 0 else 'False'};"
            f"Ann Person{n};Female;{n % 28 + 1:02d}/05/1980" for n in range(60)]  # fmt: skip
    path = tmp_path / "strange-file.csv"
    path.write_text("\n".join([header, *rows]), "utf-8")
    draft = suggest(path).mapping
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
        assert yaml.safe_load(suggest(path).mapping)["dates"]["formats"] == [form]


def test_a_draft_mapping_detects_twelve_hour_times_and_lists_what_is_left_to_do(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,Eingang,amount,fraud\n1,01/31/2025 02:05 PM,1.5e+02,Ja\n2,02/01/2025 11:00 AM,80,Nein\n")
    draft = suggest(path).mapping
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
    assert [line for line in suggest(path).mapping.splitlines() if line.startswith("# To do")] != []


def test_a_draft_mapping_detects_icd_10_only_where_every_code_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = [f"{n},01/31/2025,80,E11.9,0" for n in range(30)]
    path.write_text("\n".join(["id,date,amount,dx,fraud", *rows]))
    assert yaml.safe_load(suggest(path).mapping)["icd"] == 10
    path.write_text("\n".join(["id,date,amount,dx,fraud", *rows, "99,01/31/2025,80,unknown,0"]))
    assert "icd" not in yaml.safe_load(suggest(path).mapping)


def test_a_draft_mapping_detects_the_icd_version_in_either_case(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("id,claim date,dx code,amount\nA,2025-01-01,E11.9,5\nB,2025-01-01,e119,5\n")
    assert yaml.safe_load(suggest(tmp_path / "c.csv").mapping)["icd"] == 10


@pytest.mark.parametrize(
    ("days", "ambiguous"),
    [
        (["03/04/2024", "11/12/2023"], True),
        (["03/04/2024", "13/04/2024"], False),
        (["03-04-2024", "11-12-2023"], True),
        (["2024-03-04", "2024-11-12"], False),
    ],
)
def test_a_draft_mapping_reports_ambiguous_day_and_month_order(
    tmp_path: Path, days: list[str], ambiguous: bool
) -> None:
    rows = [f"A{n},{day},5" for n, day in enumerate(days)]
    (tmp_path / "c.csv").write_text("\n".join(["id,claim date,amount", *rows]))
    assert ("no row distinguishes day-first from month-first" in suggest(tmp_path / "c.csv").mapping) is ambiguous


def test_the_time_of_a_draft_mapping_is_linear_in_the_width_of_the_header(tmp_path: Path) -> None:
    def lines(columns: int) -> int:
        header = ",".join(f"c{n}" for n in range(columns))
        (tmp_path / "wide.csv").write_text(f"{header}\n{','.join('x' * columns)}\n")
        with measured() as work:
            suggest(tmp_path / "wide.csv")
        return work.lines

    assert lines(1_600) < 3 * lines(800)


def test_the_draft_of_a_file_without_dates_is_the_same_on_every_later_day(tmp_path: Path) -> None:
    path = tmp_path / "undated.csv"
    path.write_text("Claim No,Amount,Fraud\n1,10.00,Y\n2,20.00,N\n")
    changed = datetime(2026, 3, 2, 23, 59, tzinfo=UTC)
    os.utime(path, (changed.timestamp(), changed.timestamp()))
    drafts = []
    for now in (changed, changed + timedelta(minutes=2), changed + timedelta(days=9)):
        with clock.held(now):
            drafts.append(suggest(path).mapping)
    assert len(set(drafts)) == 1
    assert yaml.safe_load(drafts[0])["constants"] == {"received_at": "2026-03-02"}
    with clock.held(changed - timedelta(days=1)):
        assert yaml.safe_load(suggest(path).mapping)["constants"] == {"received_at": "2026-03-01"}
