"""The public provider-fraud set: its layout in a small copy, and the real one if available."""

import json
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from core.settings import Settings
from pipelines.ingest import SourceError, ingest_csv, ingest_provider_fraud, load_mapping
from pipelines.ingest.provider_fraud import MAPPINGS

DIAGNOSES = ",".join(f'"ClmDiagnosisCode_{n}"' for n in range(1, 11))
INPATIENT = (
    '"BeneID","ClaimID","ClaimStartDt","ClaimEndDt","Provider","InscClaimAmtReimbursed","AttendingPhysician",'
    '"OperatingPhysician","OtherPhysician","AdmissionDt","ClmAdmitDiagnosisCode","DeductibleAmtPaid","DischargeDt",'
    f'"DiagnosisGroupCode",{DIAGNOSES},"ClmProcedureCode_1"\n'
    '"B1","C1",2009-04-12,2009-04-18,"V1",26000,"PHY1",NA,NA,2009-04-12,"7866",1068,2009-04-18,"201","1970","4019",'
    "NA,NA,NA,NA,NA,NA,NA,NA,NA\n"
    '"B1","C2",2009-05-01,2009-05-02,"V2",0,"PHY1",NA,NA,2009-05-01,"7866",NA,2009-05-02,"201","1970",NA,'
    "NA,NA,NA,NA,NA,NA,NA,NA,NA\n"
    '"B2","C3",2009-06-01,2009-06-04,"V1",500,"PHY2",NA,NA,2009-06-01,"7866",NA,2009-06-04,"305","V4501",NA,'
    "NA,NA,NA,NA,NA,NA,NA,NA,4443\n"
)
BENEFICIARIES = '"BeneID","DOB","DOD","Gender","State"\n"B1",1943-01-01,NA,1,39\n"B2",1950-09-01,NA,2,5\n'
LABELS = '"Provider","PotentialFraud"\n"V1","Yes"\n"V2","No"\n"V3","No"\n'


def download(folder: Path) -> Path:
    """The set's files, as its download has them."""
    folder.mkdir()
    (folder / "Train-1.csv").write_text(LABELS)
    for name, text in (("Train_Inpatientdata-1.csv", INPATIENT), ("Train_Beneficiarydata-1.csv", BENEFICIARIES)):
        with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
            archive.writestr(name, text)
    return folder


def test_claims_carry_the_label_of_their_provider_which_no_feature_may_see(tmp_path: Path) -> None:
    outcome = ingest_provider_fraud(download(tmp_path / "in"), tmp_path / "out")
    first, second = pq.read_table(tmp_path / "out" / "claims.parquet").to_pylist()
    assert (first["claim_id"], first["amount_cents"], first["procedure_code"]) == ("C1", 27_068_00, "201")
    assert (first["age_years"], first["sex"], first["diagnoses"]) == (66, "M", 2)
    assert (second["claim_id"], second["diagnosis_code"], second["sex"]) == ("C3", "V4501", "F")
    assert first["received_at"].date() == first["service_to"]
    labels = pq.read_table(tmp_path / "out" / "labels.parquet").to_pylist()
    assert [label["is_fraud"] for label in labels] == [True, True]
    assert all(label["known_at"] > second["received_at"] for label in labels)
    assert json.loads((tmp_path / "out" / "dataset.json").read_text())["label_of"] == "provider"
    assert outcome.reasons == {"amount: an amount of zero": 1}


def test_missing_files_of_the_download_are_reported(tmp_path: Path) -> None:
    outcome = ingest_provider_fraud(download(tmp_path / "in"), tmp_path / "out")
    assert any("outpatient file" in note for note in outcome.notes)
    assert any(note.startswith("2 of 3 labelled providers") for note in outcome.notes)
    assert {"specialty", "units", "benefit_limit_cents"} <= set(outcome.missing_columns)
    assert len(pq.read_table(tmp_path / "out" / "provider_labels.parquet")) == 3


def test_a_folder_without_the_files_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="Train_Inpatientdata"):
        ingest_provider_fraud(tmp_path, tmp_path / "out")


REAL = Settings().data_dir


@pytest.mark.skipif(not (REAL / "provider_fraud").is_dir(), reason=f"{REAL} does not hold the provider-fraud set")
def test_the_real_set_is_read_whole(tmp_path: Path) -> None:
    outcome = ingest_provider_fraud(REAL / "provider_fraud", tmp_path)
    assert (outcome.rows, outcome.claims, outcome.rejected) == (40_474, 40_449, 25)
    assert outcome.reasons == {"amount: an amount of zero": 25}
    providers = pq.read_table(tmp_path / "provider_labels.parquet")
    assert len(providers) == 5_410
    assert sum(providers.column("is_fraud").to_pylist()) == 506


@pytest.mark.skipif(not (REAL / "tuva").is_dir(), reason=f"{REAL} does not hold Tuva's claims")
def test_lines_of_the_real_file_are_grouped_into_claims(tmp_path: Path) -> None:
    file = REAL / "tuva" / "medical_claim_sample.csv"
    outcome = ingest_csv(file, load_mapping(MAPPINGS / "tuva.yaml"), tmp_path)
    lines = len(pq.read_table(tmp_path / "claim_lines.parquet"))
    assert (outcome.rows, outcome.claims, outcome.rejected) == (6_075, 2_882, 351)
    assert lines + outcome.rejected == outcome.rows
