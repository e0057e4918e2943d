"""The provider-fraud set as downloaded, as tables of one DuckDB connection.

`claims`: one row an inpatient claim of either part, with its beneficiary's facts; `visits`: providers and their
members, outpatient claims of the unlabelled part included; `providers`: the labelled providers that have an inpatient
claim, in order.
"""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import NDArray

from core.scratch import scratch_folder
from pipelines.duck import connect
from pipelines.provider_level.errors import ProviderLevelError

_FILES = {
    "labels": "Train-*.csv",
    "inpatient": "Train_Inpatientdata-*.csv.zip",
    "beneficiaries": "Train_Beneficiarydata-*.csv.zip",
    "other_inpatient": "Test_Inpatientdata-*.csv.zip",
    "other_outpatient": "Test_Outpatientdata-*.csv.zip",
    "other_beneficiaries": "Test_Beneficiarydata-*.csv.zip",
}
CHRONIC = (
    "Alzheimer", "Heartfailure", "KidneyDisease", "Cancer", "ObstrPulmonary", "Depression", "Diabetes",
    "IschemicHeart", "Osteoporasis", "rheumatoidarthritis", "stroke",
)  # fmt: skip
"""The conditions, as the set spells them."""

_CLAIMS = """
CREATE TABLE claims AS
WITH people AS (
    SELECT DISTINCT ON (BeneID) * FROM (
        SELECT * FROM beneficiaries UNION ALL BY NAME SELECT * FROM other_beneficiaries) ORDER BY BeneID
), stays AS (
    SELECT *, TRUE AS labelled FROM inpatient UNION ALL BY NAME SELECT *, FALSE AS labelled FROM other_inpatient
)
SELECT
    labelled, s.Provider AS provider, s.BeneID AS member, s.ClaimID AS claim,
    CAST(s.InscClaimAmtReimbursed AS DOUBLE) AS amount, CAST(s.DeductibleAmtPaid AS DOUBLE) AS deductible,
    CAST(s.ClaimStartDt AS DATE) AS starts, CAST(s.ClaimEndDt AS DATE) AS ends,
    CAST(s.DischargeDt AS DATE) - CAST(s.AdmissionDt AS DATE) + 1 AS stay,
    s.AttendingPhysician AS attending, s.OperatingPhysician AS operating, s.OtherPhysician AS other,
    s.DiagnosisGroupCode AS drg, s.ClmAdmitDiagnosisCode AS admitted_for, s.ClmDiagnosisCode_1 AS diagnosis,
    s.ClmDiagnosisCode_2 AS second_diagnosis, coalesce(s.ClmProcedureCode_1, 'none') AS procedure,
    array_to_string(list_sort([{diagnoses}]), '|') AS diagnoses_text, {diagnosis_count} AS diagnoses,
    {procedure_count} AS procedures, p.State || '-' || p.County AS county, p.State AS state,
    date_diff('day', CAST(p.DOB AS DATE), CAST(s.ClaimStartDt AS DATE)) / 365.25 AS age,
    (p.DOD IS NOT NULL)::INT AS died, (p.Gender = '1')::INT AS male, (p.Race = '1')::INT AS white,
    (p.RenalDiseaseIndicator = 'Y')::INT AS renal, {chronic},
    CAST(p.IPAnnualReimbursementAmt AS DOUBLE) AS inpatient_year,
    CAST(p.IPAnnualDeductibleAmt AS DOUBLE) AS inpatient_deductible_year,
    CAST(p.OPAnnualReimbursementAmt AS DOUBLE) AS outpatient_year,
    CAST(p.OPAnnualDeductibleAmt AS DOUBLE) AS outpatient_deductible_year,
    CAST(p.NoOfMonths_PartACov AS DOUBLE) AS months_a, CAST(p.NoOfMonths_PartBCov AS DOUBLE) AS months_b
FROM stays s LEFT JOIN people p USING (BeneID) ORDER BY claim
"""
_RELATIVE = """
CREATE TABLE priced AS
SELECT *, {sick} AS conditions,
    amount / ((sum(amount) OVER by_drg + 5 * avg(amount) OVER ()) / (count(*) OVER by_drg + 5)) AS amount_to_drg,
    amount / nullif(avg(amount) OVER (PARTITION BY admitted_for), 0) AS amount_to_admission,
    amount / nullif(avg(amount) OVER (PARTITION BY procedure), 0) AS amount_to_procedure,
    stay / avg(stay) OVER by_drg AS stay_to_drg, ln(1 + amount) AS log_amount,
    count(*) OVER (PARTITION BY provider, diagnosis, second_diagnosis) > 1 AS same_diagnoses,
    count(*) OVER (PARTITION BY provider, member, drg) > 1 AS same_member_drg,
    count(*) OVER (PARTITION BY provider, diagnoses_text) > 1 AS same_picture
FROM claims WINDOW by_drg AS (PARTITION BY drg)
"""


@dataclass(frozen=True, slots=True)
class ProviderSet:
    """The set, read."""

    connection: duckdb.DuckDBPyConnection
    providers: list[str]
    """Labelled providers with an inpatient claim, in order of name; every array here follows it."""
    fraud: NDArray[np.bool_]


def read(folder: Path) -> ProviderSet:
    """Read the files of `folder`. Raises `ProviderLevelError` naming a missing file."""
    connection = connect(threads=2)
    with scratch_folder("ginja-provider-") as scratch:
        for name, pattern in _FILES.items():
            path = _plain(folder, pattern, scratch)
            connection.execute(
                f"CREATE TABLE {name} AS SELECT * FROM read_csv(?, header = true, all_varchar = true, "
                "nullstr = ['NA', ''])",
                [str(path)],
            )
    codes = [f"s.ClmDiagnosisCode_{i}" for i in range(1, 11)]
    procedures = [f"s.ClmProcedureCode_{i}" for i in range(1, 7)]
    connection.execute(
        _CLAIMS.format(
            diagnoses=", ".join(codes),
            diagnosis_count=" + ".join(f"({code} IS NOT NULL)::INT" for code in codes),
            procedure_count=" + ".join(f"({code} IS NOT NULL)::INT" for code in procedures),
            chronic=", ".join(f"(p.ChronicCond_{name} = '1')::INT AS {name.lower()}" for name in CHRONIC),
        )
    )
    connection.execute(_RELATIVE.format(sick=" + ".join(name.lower() for name in CHRONIC)))
    connection.execute(
        "CREATE TABLE visits AS SELECT DISTINCT provider, member FROM claims UNION "
        "SELECT DISTINCT Provider, BeneID FROM other_outpatient"
    )
    rows = connection.execute(
        "SELECT l.Provider, l.PotentialFraud = 'Yes' FROM labels l "
        "WHERE l.Provider IN (SELECT provider FROM claims WHERE labelled) ORDER BY 1"
    ).fetchall()
    return ProviderSet(connection, [row[0] for row in rows], np.array([row[1] for row in rows], dtype=bool))


def _plain(folder: Path, pattern: str, scratch: Path) -> Path:
    found = sorted(folder.glob(pattern))
    if not found:
        raise ProviderLevelError(
            f"{folder} has no {pattern}; point GINJA_DATA_DIR at the folder that holds provider_fraud/"
        )
    if found[0].suffix != ".zip":
        return found[0]
    try:
        with zipfile.ZipFile(found[0]) as archive:
            members = [name for name in archive.namelist() if name.endswith(".csv")]
            if len(members) != 1:
                raise ProviderLevelError(f"{found[0]} must hold one CSV file, but holds {len(members)}")
            return Path(archive.extract(members[0], scratch))
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:  # damaged, with a password, another method
        raise ProviderLevelError(f"{found[0]} cannot be unpacked ({error}); fetch it again") from error
