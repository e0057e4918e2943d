"""The public "Healthcare Provider Fraud Detection Analysis" set, as downloaded: zipped CSV files in a folder.

The label belongs to the provider and has no date, so every claim of a labelled provider carries it and it counts as
known only after the last claim. Splits must keep a provider on one side (`label_of: provider` in `dataset.json`).
"""

import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from core.scratch import scratch_folder
from pipelines import reference
from pipelines.duck import connect
from pipelines.ingest.build import build
from pipelines.ingest.errors import SourceError
from pipelines.ingest.mapping_file import load_mapping
from pipelines.ingest.read import StagedRows, stage
from pipelines.ingest.records import open_table
from pipelines.ingest.rejects import Rejects
from pipelines.ingest.source import REJECTS, finish, silent
from pipelines.ingest.summary import IngestSummary
from pipelines.store import DatasetDocument

MAPPINGS = Path(__file__).parent / "mappings"
DATASET = "provider-fraud"

_LABELS, _BENEFICIARIES, _INPATIENT = "Train-*.csv*", "Train_Beneficiarydata-*.csv*", "Train_Inpatientdata-*.csv*"
_OUTPATIENT = "Train_Outpatientdata-*.csv*"
_UNLABELLED = (
    ("Test_Inpatientdata-*.csv*", "provider-fraud"),
    ("Test_Outpatientdata-*.csv*", "provider-fraud-outpatient"),
)

_PHYSICIANS = pa.schema(
    [
        pa.field("claim_id", pa.string(), nullable=False),
        pa.field("attending_physician", pa.string()),
        pa.field("operating_physician", pa.string()),
        pa.field("other_physician", pa.string()),
        pa.field("admitting_diagnosis_code", pa.string()),
        pa.field("first_procedure_code", pa.string()),
    ]
)
"""An additional frame: physicians, and codes for which the claims frame has no column."""

_PROVIDER_LABELS = pa.schema(
    [pa.field("provider_id", pa.string(), nullable=False), pa.field("is_fraud", pa.bool_(), nullable=False)]
)

# Gender is that of DE-SynPUF: 1 male, 2 female. A provider is where most of its patients live.
_ENRICHED = """
COPY (
    WITH home AS (
        SELECT provider_id, mode(b.State) AS region FROM rows JOIN beneficiaries b ON b.BeneID = rows.member_id
        GROUP BY provider_id
    )
    SELECT {columns} FROM rows
    LEFT JOIN beneficiaries b ON b.BeneID = rows.member_id
    LEFT JOIN home USING (provider_id)
    LEFT JOIN provider_labels l USING (provider_id)
    ORDER BY "row"
) TO '{target}' (FORMAT parquet)
"""


def _find(folder: Path, pattern: str) -> Path | None:
    found = sorted(folder.glob(pattern))
    return found[0] if found else None


def _require(folder: Path, pattern: str) -> Path:
    found = _find(folder, pattern)
    if found is None:
        raise SourceError(f"{folder} has no {pattern}; point at the unpacked download of the provider-fraud set")
    return found


def _columns(path: Path, names: list[str], rejects: Rejects | None) -> pa.Table:
    """Some columns of a small file as text, `NA` and nothing as null."""
    table = open_table(path)
    absent = [name for name in names if name not in table.header]
    if absent:
        raise SourceError(f"{path.name} has no column {absent[0]!r}")
    places, rows = [table.header.index(name) for name in names], []
    for record in table.records:
        if record.problem is None:
            rows.append([record.values[place] for place in places])
        elif rejects is not None:
            rejects.add(record.line, path.name, None, record.problem)
    columns = list(zip(*rows, strict=True)) if rows else [() for _ in names]
    cleaned = [[None if value in ("", "NA") else value for value in column] for column in columns]
    return pa.table({name: pa.array(column, pa.string()) for name, column in zip(names, cleaned, strict=True)})


def _provider_labels(path: Path, rejects: Rejects) -> pa.Table:
    found = _columns(path, ["Provider", "PotentialFraud"], rejects).to_pylist()
    good = []
    for line, row in enumerate(found, start=2):
        if row["Provider"] is None or row["PotentialFraud"] not in ("Yes", "No"):
            rejects.add(line, "PotentialFraud", row["PotentialFraud"], "not Yes or No")
        else:
            good.append({"provider_id": row["Provider"], "is_fraud": row["PotentialFraud"] == "Yes"})
    return pa.Table.from_pylist(good, schema=_PROVIDER_LABELS)


def ingest_provider_fraud(
    source: Path, folder: Path, *, unlabelled: bool = False, progress: Callable[[int, int], None] = silent
) -> IngestSummary:
    """Read the set from the folder `source` into `folder`; with `unlabelled`, its test part too, without labels.

    Beside the usual frames there are `provider_labels` (every labelled provider, also those without a claim here) and
    `physicians`. Raises `SourceError` where a file is absent.
    """
    started = time.perf_counter()
    parts = [(_require(source, _INPATIENT), "provider-fraud")]
    if unlabelled:
        parts += [(_require(source, pattern), mapping) for pattern, mapping in _UNLABELLED]
    size, done, counted, empty_lines = sum(path.stat().st_size for path, _ in parts), 0, StagedRows(), 0
    with (
        scratch_folder("ginja-ingest-") as work,
        Rejects(folder / REJECTS) as rejects,
    ):
        people = [_require(source, _BENEFICIARIES)]
        if unlabelled:
            people.append(_require(source, "Test_Beneficiarydata-*.csv*"))
        persons = pa.concat_tables([_columns(path, ["BeneID", "DOB", "Gender", "State"], rejects) for path in people])
        labels = _provider_labels(_require(source, _LABELS), rejects)
        staged, doctors = [], []
        for number, (path, mapping) in enumerate(parts):
            table, before = open_table(path), done
            target = work / f"staging-{number}.parquet"
            part = stage(
                table,
                load_mapping(MAPPINGS / f"{mapping}.yaml"),
                target,
                rejects,
                lambda read, before=before: progress(before + read, size),  # type: ignore[misc]
            )
            counted.rows += part.rows
            counted.normalized += part.normalized
            done, empty_lines = done + table.size, empty_lines + table.empty_lines[0]
            staged.append(target)
            doctors.append(_physicians(path))
        enriched = work / "staging.parquet"
        _enrich(staged, persons, labels, enriched, work)
        frames = build(enriched, load_mapping(MAPPINGS / "provider-fraud.yaml"), rejects, work)
    progress(size, size)
    frames.extra = {
        "members": _members(persons, frames.claims),
        "provider_labels": labels,
        "physicians": _kept(pa.concat_tables(doctors), frames.claims),
    }
    if _find(source, _OUTPATIENT) is None:
        frames.notes.append(
            "the labelled outpatient file (Train_Outpatientdata) is missing: labels rest on inpatient claims alone"
        )
    silent_providers = len(labels) - len(
        set(labels.column("provider_id").to_pylist()) & set(frames.claims.column("provider_id").to_pylist())
    )
    frames.notes.append(f"{silent_providers} of {len(labels)} labelled providers have no claim here")
    about: DatasetDocument = {"source": DATASET, "label_of": "provider", "label_times": "none", "icd": 9}
    return finish(frames, DATASET, folder, rejects, counted, empty_lines, about, started)


def _physicians(path: Path) -> pa.Table:
    names = ["ClaimID", "AttendingPhysician", "OperatingPhysician", "OtherPhysician"]
    names += ["ClmAdmitDiagnosisCode", "ClmProcedureCode_1"]
    return _columns(path, names, None).rename_columns(_PHYSICIANS.names)  # its bad rows are counted by `stage`


def _enrich(staged: list[Path], persons: pa.Table, labels: pa.Table, target: Path, work: Path) -> None:
    """Add what other files know: birth date, sex and region from the beneficiaries, the label of the provider."""
    replaced = {
        "birth_date": "TRY_CAST(b.DOB AS DATE)",
        "sex": "CASE b.Gender WHEN '1' THEN 'M' WHEN '2' THEN 'F' END",
        "region": "home.region",
        "label": "l.is_fraud",
        "row": 'row_number() OVER (ORDER BY rows.filename, rows."row")',
    }
    columns = ", ".join(f'{replaced.get(name, f"rows.{name}")} AS "{name}"' for name in pq.read_schema(staged[0]).names)
    files = ", ".join(f"'{path}'" for path in staged)
    with connect(threads=2) as connection:
        connection.register("beneficiaries", pa.table(persons).select(["BeneID", "DOB", "Gender", "State"]))
        connection.execute("CREATE TEMP TABLE one AS SELECT DISTINCT ON (BeneID) * FROM beneficiaries")
        connection.unregister("beneficiaries")
        connection.execute("CREATE VIEW beneficiaries AS SELECT * FROM one")
        connection.register("provider_labels", labels)
        connection.execute(f"CREATE VIEW rows AS SELECT * FROM read_parquet([{files}], filename = true)")
        connection.execute(_ENRICHED.format(columns=columns, target=target))


def _members(persons: pa.Table, claims: pa.Table) -> pa.Table:
    with connect() as connection:
        connection.register("persons", persons)
        connection.register("claims", claims.select(["member_id", "service_from"]))
        return (
            connection.sql(
                """SELECT member_id, NULL AS name, any_value(TRY_CAST(DOB AS DATE)) AS birth_date,
                       any_value(CASE Gender WHEN '1' THEN 'M' WHEN '2' THEN 'F' END) AS sex,
                       any_value(State) AS region, NULL AS plan_id, min(service_from) AS enrolled_from,
                       NULL::DATE AS enrolled_to
                   FROM claims LEFT JOIN persons ON BeneID = member_id WHERE member_id IS NOT NULL
                   GROUP BY member_id ORDER BY member_id"""
            )
            .to_arrow_table()
            .cast(reference.MEMBERS)
        )


def _kept(doctors: pa.Table, claims: pa.Table) -> pa.Table:
    with connect() as connection:
        connection.register("doctors", doctors)
        connection.register("claims", claims.select(["claim_id"]))
        return (
            connection.sql("SELECT DISTINCT ON (claim_id) doctors.* FROM doctors SEMI JOIN claims USING (claim_id)"
                               " ORDER BY claim_id")
            .to_arrow_table()
            .cast(_PHYSICIANS)
        )  # fmt: skip
