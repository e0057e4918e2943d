"""The draft mapping says of every column what it is used for, or why it is not; it reads the file it was made from."""

import csv
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from cli.main import main
from pipelines.ingest import IngestSummary, Suggestion, ingest_csv, load_mapping, suggest
from pipelines.ingest.suggest_texts import date_formats, is_date

ROWS = 120


def day(n: int) -> date:
    return date(2024, 1, 1) + timedelta(days=(n * 37) % 360)


def write(path: Path, columns: dict[str, list[object]]) -> Path:
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(columns)
        out.writerows(zip(*columns.values(), strict=True))
    return path


def drafted(tmp_path: Path, columns: dict[str, list[object]]) -> tuple[Suggestion, IngestSummary]:
    """The draft for a file, and what it reads of it."""
    path = write(tmp_path / "claims.csv", columns)
    draft = suggest(path)
    (tmp_path / "draft.yaml").write_text(draft.mapping)
    return draft, ingest_csv(path, load_mapping(tmp_path / "draft.yaml"), tmp_path / "out")


def each(function) -> list[object]:
    return [function(n) for n in range(ROWS)]


MOTOR = {
    "months_as_customer": each(lambda n: n % 50),
    "policy_number": each(lambda n: 100_000 + 7 * n),
    "policy_bind_date": each(lambda n: day(n).replace(year=2010)),
    "insured_sex": each(lambda n: "FEMALE" if n % 3 else "MALE"),
    "insured_zip": each(lambda n: 430_000 + 13 * n),
    "incident_date": each(day),
    "police_report_available": each(lambda n: ("YES", "NO", "?")[n % 3]),
    "witness": each(lambda n: "Yes" if n % 2 else "No"),
    "vehicle_value": each(lambda n: f"{n * 1_037 % 90_000},50"),
    "currency": each(lambda n: "USD"),
    "claim_status": each(lambda n: "open" if n % 2 else "closed"),
    "claims_adviser_note": each(lambda n: f"call number {n} about the car"),
    "total_claim_amount": each(lambda n: 100 + n),
    "FraudFound_P": each(lambda n: int(n % 10 == 0)),
    "fraud_scenario": each(lambda n: 1 + n % 3 if n % 10 == 0 else 0),
    "leak": each(lambda n: "B" if n % 10 == 0 else "A" if n % 2 else "C"),
}


def test_every_column_is_mapped_or_a_feature_or_left_out_with_a_reason(tmp_path: Path) -> None:
    draft, outcome = drafted(tmp_path, MOTOR)
    assert set(draft.columns_used) | set(draft.columns_left_out) == set(MOTOR)
    assert not set(draft.columns_used) & set(draft.columns_left_out)
    read = yaml.safe_load(draft.mapping)
    assert read["columns"] == {
        "label": "FraudFound_P",
        "service_from": "incident_date",
        "sex": "insured_sex",
        "amount": "total_claim_amount",
        "claim_id": "policy_number",
    }
    assert {name: entry["type"] for name, entry in read["features"].items()} == {
        "months_as_customer": "number",
        "policy_bind_date": "date",
        "police_report_available": "category",
        "witness": "boolean",
        "vehicle_value": "number",
    }
    assert "# sex is not proposed as a feature of its own" in draft.mapping
    reasons = {column: why.split(":")[0][:40] for column, why in draft.columns_left_out.items()}
    assert reasons == {
        "insured_zip": "an identifier with as many values as row",
        "currency": "constant",
        "claim_status": "its name is that of something known only",
        "claims_adviser_note": "as many values as rows",
        "fraud_scenario": "its name is that of something known only",
        "leak": "its values are those of the label",
    }
    assert (outcome.claims, outcome.fraud, outcome.rejected) == (ROWS, 12, 0)


def test_each_entry_of_a_draft_has_its_reason_as_a_comment(tmp_path: Path) -> None:
    lines = suggest(write(tmp_path / "claims.csv", MOTOR)).mapping.splitlines()
    begin = lines.index("columns:") + 1
    assert all("  # " in line for line in lines[begin : begin + 5])
    begin = lines.index("features:") + 1
    assert all("  # " in line for line in lines[begin : begin + 5])
    assert sum(line.startswith("# Left out: ") for line in lines) == 6


@pytest.mark.parametrize(
    "name", ["FraudFound_P", "confirmed_fraud", "TX_FRAUD", "Is Fraud?", "fraud_reported", "isFraud"]
)
def test_a_label_is_found_by_its_name(tmp_path: Path, name: str) -> None:
    columns = {"date": each(day), "amount": each(lambda n: n + 1), "FRAUD_SCENARIO": each(lambda n: n % 4)}
    draft, outcome = drafted(tmp_path, columns | {name: each(lambda n: int(n % 9 == 0))})
    assert draft.columns_used[name] == "label"
    assert outcome.fraud == 14


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("incident_date", "service_from"),
        ("DATE OF ENCOUNTER", "service_from"),
        ("TX_DATETIME", "received_at"),
        ("Eingang", "received_at"),
    ],
)
def test_a_date_is_found_by_its_name_or_its_values(tmp_path: Path, name: str, field: str) -> None:
    draft, outcome = drafted(tmp_path, {"amount": each(lambda n: n + 1), name: each(day)})
    assert draft.columns_used[name] == field
    assert outcome.claims == ROWS


@pytest.mark.parametrize(
    ("name", "field", "values"),
    [
        ("insured_sex", "sex", ["FEMALE", "MALE"]),
        ("TERMINAL_ID", "provider_id", [7, 9, 11]),
        ("CUSTOMER_ID", "member_id", [7, 9, 11]),
        ("insured_age", "age_years", [7, 9, 11]),
    ],
)
def test_a_key_or_person_column_is_found_by_its_name(
    tmp_path: Path, name: str, field: str, values: list[object]
) -> None:
    columns = {"date": each(day), "amount": each(lambda n: n + 1), name: each(lambda n: values[n % len(values)])}
    assert drafted(tmp_path, columns)[0].columns_used[name] == field


@pytest.mark.parametrize(
    ("name", "values", "used"),
    [
        ("Claimed", 90, "amount"),
        ("Policy", 21, "member_id"),
        ("Policy", 20, "policy"),
        ("Insured", 30, "member_id"),
        ("AddressChange", 12, "address_change"),
        ("AddressChange", 13, None),
        ("Address", 3, None),
        ("insured_name", 3, None),
        ("price_to_procedure_mean", 5, "price_to_procedure_mean_2"),
    ],
)
def test_a_column_is_used_by_its_name_and_the_number_of_its_values(
    tmp_path: Path, name: str, values: int, used: str | None
) -> None:
    texts = each(lambda n: f"{'' if name == 'Claimed' else 'v'}{n % values + 100}")
    amount = {} if name == "Claimed" else {"amount": each(lambda n: n + 1)}
    label = {"fraud": each(lambda n: int(n % 7 == 0))}
    draft, outcome = drafted(tmp_path, {"date": each(day), name: texts} | amount | label)
    assert draft.columns_used.get(name) == used
    assert outcome.claims == ROWS


@pytest.mark.parametrize(
    ("name", "used"),
    [
        ("claim_status", False),
        ("status", False),
        ("MaritalStatus", True),
        ("employment_status", True),
        ("payment", False),
        ("payment_method", True),
        ("paid_class", False),
        ("deductible_paid_class", True),
        ("past_denials", True),
        ("investigation_result", False),
        ("merchant_name", True),
        ("product_name", True),
        ("customer_name", False),
        ("name", False),
        ("Gender", False),
        ("race", False),
    ],
)
def test_what_a_name_says_of_a_category_is_what_the_field_means_by_it(tmp_path: Path, name: str, *, used: bool) -> None:
    columns = {"date": each(day), "amount": each(lambda n: n + 1), name: each(lambda n: f"kind {n % 3}")}
    draft, _ = drafted(tmp_path, columns)
    assert (name in draft.columns_used) == used


@pytest.mark.parametrize(
    ("name", "different", "used"),
    [
        ("merchant", 300, "provider_id"),
        ("city", 300, "city"),
        ("city", 3_000, None),
        ("zip", 300, "zip"),
        ("DiagnosisCode_2", 300, "diagnosis_code_2"),
        ("batch_no", 300, "batch_no"),
        ("batch_no", 3_000, None),
        ("cc_num", 300, "member_id"),
    ],
)
def test_a_column_of_many_values_is_a_category_or_key_where_they_repeat(
    tmp_path: Path, name: str, different: int, used: str | None
) -> None:
    rows = range(1_500)
    columns: dict[str, list[object]] = {
        "date": [day(n) for n in rows],
        "amount": [n + 1 for n in rows],
        name: [f"{n * 7 % different + 10_000}" for n in rows],
    }
    assert suggest(write(tmp_path / "claims.csv", columns)).columns_used.get(name) == used


def test_a_column_that_varies_only_far_down_the_file_is_no_constant(tmp_path: Path) -> None:
    rows = range(6_000)
    columns: dict[str, list[object]] = {
        "date": [day(n) for n in rows],
        "amount": [n + 1 for n in rows],
        "tariff": [2020 + n // 2_000 for n in rows],
    }
    assert suggest(write(tmp_path / "claims.csv", columns)).columns_used["tariff"] == "tariff"


def test_a_key_that_few_rows_have_is_completed_by_further_columns(tmp_path: Path) -> None:
    columns = {
        "date": each(day),
        "amount": each(lambda n: n + 1),
        "billing_npi": each(lambda n: "1245319599" if n % 10 == 0 else ""),
        "facility_npi": each(lambda n: ""),
        "rendering_npi": each(lambda n: "1234567893"),
    }
    draft, outcome = drafted(tmp_path, columns)
    read = yaml.safe_load(draft.mapping)
    assert read["columns"]["provider_id"] == ["billing_npi", "rendering_npi"]
    assert read["identifiers"] == {"provider_id": "npi"}
    assert draft.columns_used["rendering_npi"] == "provider_id"
    assert "provider_id" not in outcome.missing_columns


def test_a_field_that_too_few_rows_have_to_train_with_is_a_feature_instead(tmp_path: Path) -> None:
    columns = {
        "date": each(day),
        "amount": each(lambda n: n + 1),
        "ClmProcedureCode_1": each(lambda n: n % 5 if n % 2 else ""),
    }
    draft, outcome = drafted(tmp_path, columns)
    assert draft.columns_used["ClmProcedureCode_1"] == "clm_procedure_code_1"
    assert "procedure_code" in outcome.missing_columns


def test_a_part_of_a_date_is_not_left_out(tmp_path: Path) -> None:
    columns = {"Year": each(lambda n: 1994), "Month": each(lambda n: n % 12 + 1), "amount": each(lambda n: n + 1)}
    draft = suggest(write(tmp_path / "claims.csv", columns))
    assert draft.columns_used["Year"] == "received_at"
    assert "Year" not in draft.columns_left_out


def test_kinds_of_fraud_are_a_label_where_one_means_none(tmp_path: Path) -> None:
    kinds = ["No Fraud", "Phantom Billing", "No Fraud", "Ghost Enrollee"]
    columns = {"DATE OF ENCOUNTER": each(day), "Amount Billed": each(lambda n: n + 1)}
    draft, outcome = drafted(tmp_path, columns | {"FRAUD_TYPE": each(lambda n: kinds[n % 4])})
    assert yaml.safe_load(draft.mapping)["label"] == {
        "fraud": ["Ghost Enrollee", "Phantom Billing"],
        "clean": ["No Fraud"],
    }
    assert outcome.fraud == ROWS // 2


def test_invalid_values_of_a_feature_or_an_optional_date_become_flags(tmp_path: Path) -> None:
    columns = {
        "claim date": each(day),
        "amount": each(lambda n: n + 1),
        "visits": each(lambda n: "many" if n == 50 else n % 9),
        "DOB": each(lambda n: "unknown" if n % 20 == 0 else "1980-05-01"),
        "fraud": each(lambda n: n % 2),
    }
    draft, outcome = drafted(tmp_path, columns)
    assert yaml.safe_load(draft.mapping)["on_bad"] == {"visits": "flag", "birth_date": "flag"}
    assert (outcome.claims, sum(outcome.set_to_null.values())) == (ROWS, 7)


def test_codes_that_are_all_of_one_kind_are_typed(tmp_path: Path) -> None:
    columns = {
        "date": each(day),
        "amount": each(lambda n: n + 1),
        "NPI": each(lambda n: ("1234567893", "1245319599.0")[n % 2]),
        "CPT": each(lambda n: ("99213", "J1100", "100")[n % 3]),
    }
    draft, outcome = drafted(tmp_path, columns)
    assert yaml.safe_load(draft.mapping)["identifiers"] == {"provider_id": "npi", "procedure_code": "hcpcs"}
    assert outcome.rejected == 0


@given(st.sampled_from(("%d/%m/%Y", "%m/%d/%Y")), st.lists(st.dates(date(2000, 1, 1), date(2025, 1, 1)), min_size=1))
def test_detected_formats_read_every_date_of_a_column(form: str, days: list[date]) -> None:
    texts = [one.strftime(form) for one in days]
    assert is_date(texts)
    formats = date_formats(texts)
    for text in texts:
        assert any(_reads(text, one) for one in formats)


def _reads(text: str, form: str) -> bool:
    try:
        datetime.strptime(text, form).replace(tzinfo=UTC)
    except ValueError:
        return False
    return True


def test_mixed_orders_of_day_and_month_are_to_do(tmp_path: Path) -> None:
    days = ["31/12/2023", "12/30/2023", "01/02/2024"]
    path = write(tmp_path / "c.csv", {"claim date": each(lambda n: days[n % 3]), "amount": each(lambda n: n + 1)})
    draft = suggest(path)
    assert yaml.safe_load(draft.mapping)["dates"]["formats"] == ["%d/%m/%Y", "%m/%d/%Y"]
    assert any("day-first and month-first dates are mixed" in note for note in draft.to_do)


def test_the_command_prints_the_columns_left_out_as_json(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        main, ["data", "ingest", "csv", str(write(tmp_path / "claims.csv", MOTOR)), "--suggest", "--json"]
    )
    found = json.loads(done.stdout)
    assert found["columns_used"]["FraudFound_P"] == "label"
    assert "currency" in found["columns_left_out"]
    assert yaml.safe_load(found["mapping"])["name"] == "claims"


@pytest.mark.parametrize("of_provider", [True, False])
def test_no_outcome_of_other_claims_is_proposed_where_the_label_is_the_providers(
    tmp_path: Path, *, of_provider: bool
) -> None:
    columns = {
        "date": each(day),
        "amount": each(lambda n: n + 1),
        "provider_id": each(lambda n: f"H{n % 20}"),
        "fraud": each(lambda n: int((n % 20 if of_provider else n // 20) % 2)),
    }
    read = yaml.safe_load(suggest(write(tmp_path / "claims.csv", columns)).mapping)
    assert ("label_known_after_days" in read) != of_provider
    assert ("fraud_rate" in read["windows"]["provider"]) != of_provider


@pytest.mark.parametrize("form", ["%Y-%m-%d %H:%M:%S", "%d/%m/%Y"])
def test_a_number_that_rises_with_the_date_is_left_out(tmp_path: Path, form: str) -> None:
    start, order = datetime(2024, 1, 1), [n * 37 % ROWS for n in range(ROWS)]
    columns: dict[str, list[object]] = {
        "date": [(start + timedelta(days=n)).strftime(form) for n in order],
        "amount": [n % 50 + 1 for n in order],
        "seconds_since_start": [n * 86_400 for n in order],
        "week": [n // 7 for n in order],
        "mileage": [n % 40 for n in order],
    }
    draft = suggest(write(tmp_path / "claims.csv", columns))
    assert draft.columns_used.keys() == {"date", "amount", "mileage"}
    assert draft.columns_left_out["week"].startswith("rises with the date")


@pytest.mark.parametrize(("every", "assumed"), [(3, True), (10, False)])
def test_no_delay_of_outcomes_is_assumed_where_frauds_are_few(tmp_path: Path, every: int, *, assumed: bool) -> None:
    columns = {
        "date": each(day),
        "amount": each(lambda n: n + 1),
        "provider_id": each(lambda n: f"H{n % 20}"),
        "fraud": each(lambda n: int(n % every == 0)),
    }
    read = yaml.safe_load(suggest(write(tmp_path / "claims.csv", columns)).mapping)
    assert ("label_known_after_days" in read) == assumed
    assert ("fraud_rate" in read["windows"]["provider"]) == assumed
