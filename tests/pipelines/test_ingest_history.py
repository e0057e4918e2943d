"""Files of decided claims become the frames of any claims file; reversals take back what they reverse."""

import csv
import gzip
import json
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipelines.ingest import IngestSummary, MappingError, NoClaimsError, SourceError, ingest_history
from tests.formats.history_files import explanation, file_of_sets, remittance, remitted, reversal
from tests.formats.test_x12_remittance import advice, example, reversed_
from tests.formats.x12_files import claim, file_of

CORRECTED = ("SVC*HC:99213*100*70", "CAS*CO*45*30")


class History:
    """A folder of files, and the data set that was made of them."""

    def __init__(self, folder: Path) -> None:
        self._files, self._out = folder / "files", folder / "out"
        self._files.mkdir()

    def add(self, name: str, content: bytes | dict[str, Any] | list[dict[str, Any]]) -> "History":
        if isinstance(content, dict):
            content = json.dumps(content).encode()
        elif isinstance(content, list):
            content = b"\n".join(json.dumps(one).encode() for one in content)
        (self._files / name).write_bytes(content)
        return self

    def ingest(self, name: str = "history") -> IngestSummary:
        return ingest_history(sorted(self._files.iterdir()), name, self._out)

    def frame(self, name: str) -> list[dict[str, Any]]:
        return pq.read_table(self._out / f"{name}.parquet").to_pylist()

    def claims(self, *columns: str) -> dict[str, tuple[Any, ...]]:
        """Claim → columns; times as days."""
        return {
            row["claim_id"]: tuple(day(row[column]) if column.endswith("_at") else row[column] for column in columns)
            for row in self.frame("claims")
        }

    def statuses(self) -> dict[str, str]:
        return {row["claim_id"]: row["status"] for row in self.frame("outcomes")}

    def rejects(self, name: str = "rejects.csv") -> list[dict[str, str]]:
        with (self._out / name).open(newline="") as file:
            return list(csv.DictReader(file))


def day(moment: Any) -> date | None:
    return None if moment is None else moment.date()


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path)


def original(**changes: Any) -> bytes:
    return file_of_sets(remittance(remitted(**changes), paid_on="20260120"))


def taken_back(*more: list[str], **changes: Any) -> bytes:
    return file_of_sets(remittance(reversal(**changes), *more, paid_on="20260301"))


def test_claims_of_both_formats_get_one_row_each(history: History):
    history.add("a.835", original()).add("b.json", explanation())
    found = history.ingest()
    assert (found.rows, found.claims, found.rejected) == (2, 2, 0)
    assert history.claims("amount_cents", "member_id", "provider_id", "lines", "received_at", "diagnosis_code") == {
        "ICN-1": (120_00, "M123", "1234567893", 1, date(2026, 1, 7), None),
        "EOB-1": (120_00, "M123", "1234567893", 2, date(2026, 1, 7), "E119"),
    }
    assert history.statuses() == {"ICN-1": "paid", "EOB-1": "paid"}
    assert {row["paid_cents"] for row in history.frame("outcomes")} == {80_00}
    adjusted = [(row["claim_id"], row["line"], row["group_code"], row["carc"], row["amount_cents"])
                for row in history.frame("adjustments")]  # fmt: skip
    assert adjusted == [
        ("ICN-1", 1, "CO", "45", 30_00),
        ("ICN-1", 1, "PR", "1", 5_00),
        ("ICN-1", 1, "PR", "2", 5_00),
    ]
    assert [(row["claim_id"], row["procedure_code"]) for row in history.frame("claim_lines")] == [
        ("EOB-1", "99213"),
        ("EOB-1", "85025"),
        ("ICN-1", "99213"),
    ]


@pytest.mark.parametrize("names", [("a.835", "b.835"), ("b.835", "a.835")])
def test_a_reversal_withdraws_its_claim_from_its_payment_on_wherever_it_is_read(history: History, names):
    history.add(names[0], original()).add(names[1], taken_back())
    found = history.ingest()
    assert (found.rows, found.claims, found.rejected) == (2, 1, 0)
    assert history.claims("amount_cents", "received_at", "voided_at") == {
        "ICN-1": (120_00, date(2026, 1, 7), date(2026, 3, 1))
    }
    assert history.statuses() == {"ICN-1": "reversed"}


def test_a_corrected_claim_is_received_when_it_was_decided_and_names_what_it_corrects(history: History):
    corrected = remitted(charge="100", paid="70", lines=CORRECTED)
    history.add("a.835", original()).add("b.835", taken_back(corrected))
    history.ingest()
    assert history.claims("amount_cents", "received_at", "voided_at", "replaces") == {
        "ICN-1": (120_00, date(2026, 1, 7), date(2026, 3, 1), None),
        "ICN-1.2": (100_00, date(2026, 3, 1), None, "ICN-1"),
    }
    assert history.statuses() == {"ICN-1": "reversed", "ICN-1.2": "paid"}


def test_a_correction_can_be_reversed_too(history: History):
    corrected = remitted(charge="100", paid="70", lines=CORRECTED)
    history.add("a.835", original()).add("b.835", taken_back(corrected))
    history.add("c.835", file_of_sets(remittance(reversal(charge="-100"), paid_on="20260401")))
    history.ingest()
    assert history.claims("voided_at") == {"ICN-1": (date(2026, 3, 1),), "ICN-1.2": (date(2026, 4, 1),)}


def test_a_reversal_with_another_number_of_the_payer_is_matched_by_the_providers(history: History):
    history.add("a.835", original()).add("b.835", taken_back(control="ICN-9"))
    history.ingest()
    assert history.statuses() == {"ICN-1": "reversed"}


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (taken_back(number="PCN-9", control="ICN-9"), "reverses a claim that is not in the files"),
        (taken_back(charge="-119"), "reverses another charge than the claim had"),
    ],
)
def test_a_reversal_without_its_claim_is_refused_and_the_claim_stays(history: History, file, reason):
    history.add("a.835", original()).add("b.835", file)
    found = history.ingest()
    assert (found.claims, found.rejected) == (1, 1)
    assert history.statuses() == {"ICN-1": "paid"}
    (row,) = history.rejects()
    assert (row["file"], row["code"], row["reason"]) == ("b.835", "unmatched_reversal", reason)


def test_a_second_reversal_of_a_claim_is_refused(history: History):
    history.add("a.835", original()).add("b.835", taken_back()).add("c.835", taken_back())
    history.ingest()
    assert [row["code"] for row in history.rejects()] == ["unmatched_reversal"]


def test_a_claim_that_is_sent_twice_counts_once(history: History):
    history.add("a.835", original()).add("b.835", original())
    found = history.ingest()
    assert (found.claims, len(history.frame("claim_lines")), len(history.frame("adjustments"))) == (1, 1, 3)
    (row,) = history.rejects()
    assert (row["file"], row["claim"], row["where"], row["code"]) == (
        "b.835",
        "PCN-1",
        "CLP, segment 10",
        "repeated_claim",
    )
    assert row["remedy"]


def test_an_explanation_withdraws_the_one_that_it_corrects(history: History):
    prior = {"relationship": {"coding": [{"code": "prior"}]}, "reference": {"value": "EOB-1"}}
    later = [{"sequence": 1, "category": {"coding": [{"code": "clmrecvddate"}]}, "timingDate": "2026-02-01"}]
    history.add("a.ndjson", [explanation(), explanation("EOB-2", related=[prior], supportingInfo=later)])
    history.ingest()
    assert history.claims("voided_at", "replaces") == {
        "EOB-1": (date(2026, 2, 1), None),
        "EOB-2": (None, "EOB-1"),
    }
    assert history.statuses() == {"EOB-1": "reversed", "EOB-2": "paid"}


def test_a_cancelled_explanation_is_withdrawn(history: History):
    history.add("a.json", explanation(status="cancelled", meta={"lastUpdated": "2026-02-03T00:00:00Z"}))
    history.ingest()
    assert history.claims("voided_at") == {"EOB-1": (date(2026, 2, 3),)}
    assert history.statuses() == {"EOB-1": "reversed"}


def test_a_bundle_is_read_by_entry_and_other_resources_are_counted(history: History):
    entries = [{"resource": {"resourceType": "Patient"}}, {"resource": explanation()}, {"resource": explanation("B")}]
    entries[2]["resource"]["total"] = "x"
    history.add("a.json", {"resourceType": "Bundle", "entry": [*entries, {"fullUrl": "urn:x"}]})
    found = history.ingest()
    assert (found.claims, found.rejected) == (1, 2)
    assert [(row["where"], row["code"]) for row in history.rejects()] == [
        ("Bundle.entry[2].resource.total", "invalid_element"),
        ("Bundle.entry[3].resource", "missing_element"),
    ]
    assert "1 resources that are no explanations were left out: Patient 1" in found.notes


def test_lines_and_files_that_cannot_be_read_are_listed_and_the_others_taken(history: History):
    good = json.dumps(explanation()).encode()
    history.add("a.ndjson", b"{not json\n" + good + b'\n[1]\n{"a":1,"a":2}\n\n')
    history.add("b.txt", b"claim,amount\n1,2\n").add("c.json", {"resourceType": "Claim"}).add("d.837", file_of(claim()))
    history.add("e.835.gz", gzip.compress(original())[:-9]).add("f.835", b"ISA*00*short~")
    found = history.ingest()
    assert "EOB-1" in history.statuses()
    assert found.rows == found.claims + found.rejected
    assert [(row["file"], row["where"].partition(",")[0], row["code"]) for row in history.rejects()] == [
        ("a.ndjson", "line 1", "malformed_json"),
        ("a.ndjson", "line 3", "malformed_json"),
        ("a.ndjson", "line 4: body", "invalid_json"),
        ("b.txt", "file", "unknown_format"),
        ("c.json", "resourceType", "unsupported_type"),
        ("d.837", "ST01", "unsupported_type"),
        ("e.835.gz", "file", "unreadable_file"),
        ("f.835", "ISA", "not_x12"),
    ]


def test_compressed_files_are_read(history: History):
    history.add("a.835.gz", gzip.compress(original()))
    history.add("b.ndjson.gz", gzip.compress(json.dumps(explanation()).encode() + b"\n"))
    assert history.ingest().claims == 2


def test_what_the_claims_frame_cannot_hold_is_refused_with_the_place_of_the_claim(history: History):
    history.add("a.json", explanation(billablePeriod={"start": "2026-01-05", "end": "2026-01-09"}))
    history.add("b.835", original())
    found = history.ingest()
    (row,) = history.rejects()
    assert (row["claim"], row["where"], row["code"], row["field"]) == (
        "EOB-1",
        "ExplanationOfBenefit",
        "invalid_service_to",
        "service_to",
    )
    assert [claim["claim_id"] for claim in history.frame("claim_lines")] == ["ICN-1"]
    assert found.reasons == {"service_to: after receipt": 1}


def test_payments_that_adjustments_do_not_explain_are_noted(history: History):
    history.add("a.835", original(paid="79"))
    assert any("1 claims were paid another amount" in note for note in history.ingest().notes)


def test_a_file_without_end_is_noted(history: History):
    history.add("a.835", original().replace(b"IEA*1*000000001~", b""))
    assert any("the interchange has no IEA segment" in note for note in history.ingest().notes)


def test_without_a_claim_the_former_data_set_stays(history: History):
    history.add("a.835", original()).ingest()
    history.add("a.835", b"x")
    with pytest.raises(NoClaimsError, match="no row of 1 became a claim"):
        history.ingest()
    assert history.statuses() == {"ICN-1": "paid"}
    assert [row["code"] for row in history.rejects("rejects.failed.csv")] == ["unknown_format"]


def test_files_without_any_claim_are_refused(history: History):
    history.add("a.json", {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient"}}]})
    with pytest.raises(SourceError, match="no decided claims"):
        history.ingest()


def test_a_name_that_cannot_name_a_data_set_is_refused(history: History):
    history.add("a.835", original())
    with pytest.raises(MappingError, match="cannot name a data set"):
        history.ingest("A B")


@pytest.mark.parametrize("sign", list("=+-@"))
def test_a_claim_number_that_a_spreadsheet_would_run_begins_with_an_apostrophe(history: History, sign: str):
    history.add("a.835", original() + original(number=f"{sign}SUM(A1)", control="ICN-2", charge="1e3"))
    history.ingest()
    (row,) = history.rejects()
    assert row["claim"] == f"'{sign}SUM(A1)"


def test_a_reversal_of_our_own_remittance_withdraws_the_claim_that_it_reverses(history: History):
    paid = example("paid", plan=None)
    history.add("a.835", advice([paid]).encode()).add("b.835", advice([reversed_(paid)]).encode())
    found = history.ingest()
    assert (found.claims, found.rejected) == (1, 0)
    assert history.statuses() == {paid.claim_id: "reversed"}
