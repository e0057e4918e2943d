"""The report of an ingestion: what was normalized, set to null, ambiguous or identical, and the labels of rejects."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipelines.datasets import RejectedRowsError, open_file, open_or_ingest
from pipelines.ingest import IngestSummary, LabelCount, Mapping, MappingError, associated
from tests.pipelines.claims_files import GOOD, HEADER, PLAIN, claims, ingest, mapping, rejects, simple


def test_normalized_identifiers_are_counted_by_field_and_change(tmp_path: Path) -> None:
    rows = [
        "A,2025-01-01,1234567893,E11.9,5",
        "B,2025-01-02,1234567893.0,e119,5",
        "C,2025-01-03,1234567893.0,e11.9,5",
        "D,2025-01-04,1.23E+09,E11.9,5",
    ]
    outcome = ingest(tmp_path, ["id,day,npi,dx,amount", *rows], simple())
    assert outcome.normalized == {
        "provider_id: .0 removed": 2,
        "diagnosis_code: dot removed": 2,
        "diagnosis_code: upper case": 2,
    }
    assert json.loads((outcome.folder / "dataset.json").read_text())["normalized"] == outcome.normalized


def test_a_provider_column_of_npis_rejects_what_is_none(tmp_path: Path) -> None:
    rows = ["A,2025-01-01,1234567893,D,5", "B,2025-01-01,1234567890,D,5", "C,2025-01-01,123456789,D,5"]
    using = simple(identifiers={"provider_id": "npi"})
    outcome = ingest(tmp_path, ["id,day,npi,dx,amount", *rows], using)
    assert [claim["provider_id"] for claim in claims(outcome)] == ["1234567893"]
    assert {reason[:10] for *_, reason in rejects(outcome)} == {"not an NPI"}


def test_ids_that_differ_only_in_case_or_leading_zeros_stay_apart_and_are_noted(tmp_path: Path) -> None:
    ids = ["00123", "123", "h7", "H7", "9", "0"]
    rows = [f"A{n},2025-01-01,{npi},D,5" for n, npi in enumerate(ids)]
    outcome = ingest(tmp_path, ["id,day,npi,dx,amount", *rows], simple())
    assert [claim["provider_id"] for claim in claims(outcome)] == ids
    assert "provider_id: 2 ids differ from another one only in case or leading zeros; they stay apart" in outcome.notes


def test_identical_lines_are_noted_with_their_count(tmp_path: Path) -> None:
    columns = {"received_at": "day", "amount": "amount"}
    using = Mapping.model_validate({"name": "lines", "columns": columns})
    rows = ["2025-01-01,5,x", "2025-01-01,5,x", "2025-01-01,5,y", "2025-01-01,5,x"]
    outcome = ingest(tmp_path, ["day,amount,note", *rows], using)
    assert (outcome.identical_rows, outcome.claims) == (2, 4)
    assert "2 rows are identical to an earlier row of the file" in outcome.notes


BOTH = {"formats": ["%d/%m/%Y", "%m/%d/%Y"]}


def test_a_column_that_two_formats_read_differently_is_refused_with_the_count(tmp_path: Path) -> None:
    rows = [GOOD.format("A1"), "A2,03/04/2024,H1,P1,5,N", "A3,04/04/2024,H1,P1,5,N", "A4,05/04/2024,H1,P1,5,N"]
    with pytest.raises(MappingError, match=r"received_at is ambiguous: 2 of 4 rows .* %d/%m/%Y or %m/%d/%Y"):
        ingest(tmp_path, [HEADER, *rows], mapping(dates=BOTH))
    outcome = ingest(tmp_path, [HEADER, *rows], mapping(dates=BOTH | {"ambiguous": "first"}))
    assert outcome.ambiguous_dates == {"received_at": 2}
    assert [str(claim["service_to"]) for claim in claims(outcome)][:2] == ["2024-04-03", "2024-04-04"]
    decided = mapping(dates=BOTH | {"of": {"received_at": ["%m/%d/%Y"]}})
    assert ingest(tmp_path, [HEADER, *rows], decided).rejected == 1


def test_formats_that_cannot_be_confused_are_not_ambiguous(tmp_path: Path) -> None:
    forms = ["%d/%m/%Y", "%d/%m/%y", "%Y-%m-%d", "%d/%m/%Y %H:%M", "%Y%m%d", "%d%m%Y"]
    rows = ["A1,03/04/2024,H1,P1,5,N", "A2,03/04/24,H1,P1,5,N", "A3,20240304,H1,P1,5,N", "A4,2024-04-03,H1,P1,5,N"]
    outcome = ingest(tmp_path, [HEADER, *rows], mapping(dates={"formats": forms, "timezone": "UTC"}))
    assert (outcome.claims, outcome.ambiguous_dates) == (4, {})


PEOPLE: dict[str, Any] = {
    "name": "people",
    "columns": {"claim_id": "id", "received_at": "day", "service_to": "end", "birth_date": "born", "amount": "amount"},
}
BORN = [
    "A,2025-02-01,2025-01-31,1980-05-01,5",
    "B,2025-02-01,2025-01-31,unknown,5",
    "C,2025-02-01,2025-03-31,2025-02-01,5",
]


def people(tmp_path: Path, **changes: Any) -> IngestSummary:
    return ingest(tmp_path, ["id,day,end,born,amount", *BORN], Mapping.model_validate(PEOPLE | changes))


def test_an_invalid_value_rejects_its_row_unless_the_mapping_sets_it_to_null(tmp_path: Path) -> None:
    assert [claim["claim_id"] for claim in claims(people(tmp_path))] == ["A"]
    outcome = people(tmp_path, on_bad={"birth_date": None, "service_to": "null"})
    found = {claim["claim_id"]: (claim["age_years"], claim["service_to"]) for claim in claims(outcome)}
    assert found == {"A": (44, date(2025, 1, 31)), "B": (None, date(2025, 1, 31)), "C": (0, date(2025, 2, 1))}
    assert outcome.rejected == 0
    assert sorted(outcome.set_to_null) == ["birth_date: not a date of the form " + " or ".join(
        Mapping.model_validate(PEOPLE).dates.formats), "service_to: after receipt"]  # fmt: skip


def test_a_flag_is_an_attribute_that_says_that_a_value_was_invalid(tmp_path: Path) -> None:
    outcome = people(tmp_path, on_bad={"birth_date": "flag", "service_to": "flag"})
    assert pq.read_table(outcome.folder / "attributes.parquet").to_pylist() == [
        {"claim_id": "A", "birth_date_invalid": False, "service_to_invalid": False},
        {"claim_id": "B", "birth_date_invalid": True, "service_to_invalid": False},
        {"claim_id": "C", "birth_date_invalid": False, "service_to_invalid": True},
    ]


def test_a_feature_can_have_a_flag_of_its_own(tmp_path: Path) -> None:
    features = {"visits": {"type": "number", "meaning": "Visits", "column": "visits"}}
    using = simple(features=features, on_bad={"visits": "flag"})
    rows = ["A,2025-01-01,H,D,5,3", "B,2025-01-02,H,D,5,many", "C,2025-01-03,H,D,5,"]
    outcome = ingest(tmp_path, ["id,day,npi,dx,amount,visits", *rows], using)
    found = pq.read_table(outcome.folder / "attributes.parquet").to_pylist()
    assert [(row["visits"], row["visits_invalid"]) for row in found] == [(3.0, False), (None, True), (None, False)]
    assert list(outcome.set_to_null) == ["visits: not a number such as 1250.5"]


@pytest.mark.parametrize("on_bad", [{"amount": "null"}, {"claim_id": "flag"}, {"label": "flag"}, {"age_years": "null"}])
def test_a_field_that_a_claim_requires_or_does_not_have_cannot_be_set_to_null(on_bad: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="on_bad"):
        mapping(on_bad=on_bad)


def labelled(bad: int, bad_fraud: int, good: int, good_fraud: int) -> list[str]:
    """Rows of which `bad` have no readable amount; of either kind some are fraud."""
    rows = [f"B{n},01/02/2025,H{n % 7},P1,nothing,{'Y' if n < bad_fraud else 'N'}" for n in range(bad)]
    rows += [f"G{n},01/02/2025,H{n % 7},P1,5,{'Y' if n < good_fraud else 'N'}" for n in range(good)]
    return [HEADER, *rows]


def test_the_label_rate_of_each_reason_is_reported(tmp_path: Path) -> None:
    outcome = ingest(tmp_path, [*labelled(4, 3, 10, 1), "X,01/02/2025,H1,P1,0,N", "Y,01/02/2025,H1,P1,5"])
    assert outcome.reject_label_rates == {
        "amount: not an amount such as 1250.00": 0.75,
        "amount: an amount of zero": 0.0,
        "1 values where the header has 6".replace("1", "5"): None,
    }
    assert outcome.accepted_labels == LabelCount(10, 1)
    assert outcome.rejected_labels == LabelCount(5, 3)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
def test_the_association_is_symmetric_in_the_label(bad: int, bad_fraud: int, good: int, good_fraud: int) -> None:
    rejected, accepted = LabelCount(bad + bad_fraud, bad_fraud), LabelCount(good + good_fraud, good_fraud)
    mirrored = LabelCount(bad + bad_fraud, bad), LabelCount(good + good_fraud, good)
    assert associated(rejected, accepted) == associated(*mirrored)


@pytest.mark.parametrize(
    ("rejected", "accepted", "expected"),
    [
        (LabelCount(20, 15), LabelCount(200, 6), True),
        (LabelCount(19, 15), LabelCount(200, 6), False),
        (LabelCount(200, 6), LabelCount(2_000, 60), False),
        (LabelCount(300, 0), LabelCount(2_000, 300), True),
        (LabelCount(300, 200), LabelCount(0, 0), False),
    ],
)
def test_rejects_are_associated_with_the_label_from_twenty_rows_on(rejected, accepted, expected: bool) -> None:
    assert associated(rejected, accepted) is expected


def file_and_mapping(tmp_path: Path, lines: list[str]) -> tuple[Path, Path]:
    (tmp_path / "c.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "m.yaml").write_text(json.dumps(PLAIN))
    return tmp_path / "c.csv", tmp_path / "m.yaml"


def test_a_file_whose_rejects_are_mostly_fraud_is_refused_for_training_unless_accepted(tmp_path: Path) -> None:
    home = tmp_path / "home"
    first = open_file(*file_and_mapping(tmp_path, labelled(0, 0, 50, 2)), home)
    biased = file_and_mapping(tmp_path, labelled(40, 30, 60, 2))
    with pytest.raises(RejectedRowsError, match=r"fraud in 75.0% of 40, accepted rows in 3.3% of 60: amount: not an"):
        open_file(*biased, home)
    assert open_or_ingest("plain", home, home).sha256 == first.sha256
    accepted = open_file(*biased, home, accept_rejects=True)
    assert len(accepted.claims) == 60
    with pytest.raises(RejectedRowsError, match="--accept-rejects"):
        open_or_ingest("plain", home, home)
    assert open_or_ingest("plain", home, home, accept_rejects=True).sha256 == accepted.sha256


def test_a_data_set_of_which_most_rows_were_rejected_is_refused_as_its_file_is(tmp_path: Path) -> None:
    path, using = file_and_mapping(tmp_path, labelled(12, 1, 10, 1))
    with pytest.raises(RejectedRowsError, match="12 of the 22 rows"):
        open_file(path, using, tmp_path / "home")
    open_file(path, using, tmp_path / "home", accept_rejects=True)
    with pytest.raises(RejectedRowsError, match="12 of the 22 rows"):
        open_or_ingest("plain", tmp_path / "home", tmp_path)
