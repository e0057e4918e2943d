"""Files of decided claims → Parquet frames and a reject file, by the mapping of any claims file.

Besides the frames of a claims file there are `outcomes` (what was paid, and when it was decided) and `adjustments` (why
less was paid than billed). They tell what became of a claim, so no feature of that claim may be read from them.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa

from claims.money import format_cents
from core.scratch import scratch_folder
from formats.history import HistoryProblem
from pipelines.duck import connect
from pipelines.ingest.build import BuiltFrames, build
from pipelines.ingest.errors import MappingError, SourceError
from pipelines.ingest.fields import literal
from pipelines.ingest.history.files import HistoryFiles
from pipelines.ingest.history.refusals import HistoryRejects
from pipelines.ingest.history.reversals import ResolvedHistory, resolve
from pipelines.ingest.history.spool import HistorySpool, SpooledClaim
from pipelines.ingest.mapping import Mapping
from pipelines.ingest.read import stage
from pipelines.ingest.records import Record, SourceTable
from pipelines.ingest.source import REJECTS, finish
from pipelines.ingest.summary import IngestSummary
from pipelines.reference import CLAIM_LINES
from pipelines.store import DatasetDocument

SOURCE: Final = "history"
_COLUMNS: Final = (
    *("claim_id", "received_at", "service_from", "service_to", "member_id", "provider_id", "procedure_code"),
    *("diagnosis_code", "diagnosis_count", "place_of_service", "amount", "units", "lines", "voided_at", "replaces"),
)
_FREQUENCY: Final = "frequency"
_VOID, _REPLACE = "8", "7"
OUTCOMES: Final = pa.schema(
    [
        pa.field("claim_id", pa.string(), nullable=False),
        pa.field("status", pa.string(), nullable=False),
        pa.field("paid_cents", pa.int64()),
        pa.field("decided_on", pa.date32()),
    ]
)
"""`status` is paid, denied or reversed."""
ADJUSTMENTS: Final = pa.schema(
    [
        pa.field("claim_id", pa.string(), nullable=False),
        pa.field("line", pa.int32()),
        pa.field("group_code", pa.string()),
        pa.field("carc", pa.string(), nullable=False),
        pa.field("amount_cents", pa.int64()),
    ]
)
"""`line` is null for an adjustment of the claim."""


def ingest_history(
    paths: Sequence[Path], name: str, folder: Path, *, progress: Callable[[int, int], None] = lambda _done, _of: None
) -> IngestSummary:
    """Read files of decided claims into `folder`: frames as Parquet, `rejects.csv`, `dataset.json`.

    Calls `progress(files read, files)`. Raises `SourceError` where no claim could be read, `MappingError` for an
    unusable `name`, `OSError`. Where it raises, a former data set of the folder is as it was.
    """
    started = time.perf_counter()
    mapping = _mapping(name)
    with scratch_folder("ginja-ingest-") as work:
        spool = HistorySpool(work)
        files = HistoryFiles(list(paths))
        for at, record in files.records():
            progress(at, len(paths))
            if isinstance(record, HistoryProblem):
                spool.refuse(at, record)
            else:
                spool.add(at, record)
        spool.close()
        if not spool.places:
            raise SourceError("the files have no decided claims; export 835, or ExplanationOfBenefit as JSON")
        resolved = resolve(spool)
        staging = work / "staging.parquet"
        with HistoryRejects(folder / REJECTS, spool, [path.name for path in paths]) as rejects:
            staged = stage(_table(spool, resolved), mapping, staging, rejects, lambda _done: None)
            frames = build(staging, mapping, rejects, work)
            _add_frames(frames, spool, rejects, staging)
        progress(len(paths), len(paths))
        frames.notes += _notes(files, spool)
        about: DatasetDocument = {
            "source": SOURCE,
            "file": paths[0].name if len(paths) == 1 else f"{len(paths)} files",
            "label_of": frames.label_of,
            "icd": None,
            "label_times": "none",
        }
        return finish(frames, name, folder, rejects, staged, 0, about, started)


def _mapping(name: str) -> Mapping:
    document = {
        "name": name,
        "columns": {column: column for column in _COLUMNS},
        "frequency_code": {"column": _FREQUENCY},
        "dates": {"formats": ["%Y-%m-%d"]},
        "missing": [""],
    }
    try:
        return Mapping.model_validate(document)
    except ValueError:
        raise MappingError(
            f"{name[:60]!r} cannot name a data set; use up to 41 lower-case letters, digits, - and _"
        ) from None


def _table(spool: HistorySpool, resolved: ResolvedHistory) -> SourceTable:
    """The rows of the spool as records of a claims file."""
    rows = len(spool.places)
    return SourceTable([*_COLUMNS, _FREQUENCY], "", "utf-8", _records(spool, resolved), lambda: rows, rows, [0])


def _records(spool: HistorySpool, resolved: ResolvedHistory) -> Iterator[Record]:
    claims = spool.claims()
    for row in range(1, len(spool.places) + 1):
        problem = spool.problems.get(row)
        if problem is not None:
            yield Record(row, [], problem.reason)
            continue
        claim = next(claims)
        if row in resolved.unmatched:
            reason = resolved.unmatched[row]
            remedy = "add the file with the claim that it takes back"
            spool.problems[row] = HistoryProblem("", "", "unmatched_reversal", reason, remedy)
            yield Record(row, [], reason)
        else:
            yield Record(row, _values(claim, resolved))


def _values(claim: SpooledClaim, resolved: ResolvedHistory) -> list[str]:
    """The texts of a row, in the order of the columns."""
    claim_id, replaces, received = claim.claim_id, claim.replaces, claim.received_on
    frequency = _REPLACE if replaces else ""
    version = resolved.versions.get(claim.row)
    if claim.reverses:
        replaces, received, frequency = resolved.reverses[claim.row], claim.decided_on, _VOID
    elif version is not None:
        claim_id, replaces, received, frequency = version.claim_id, version.replaces, claim.decided_on, _REPLACE
    received = received or claim.service_to
    voided = "" if claim.reverses else claim.voided_on or resolved.replaced_on.get(claim_id, "")
    return [
        *(claim_id, received, claim.service_from, claim.service_to, claim.member_id, claim.provider_id),
        *(claim.procedure_code, claim.diagnosis_code, claim.diagnoses, claim.place_of_service),
        *(format_cents(claim.billed_cents), claim.units, claim.lines, max(voided, received) if voided else ""),
        *(replaces, frequency),
    ]


def _add_frames(frames: BuiltFrames, spool: HistorySpool, rejects: HistoryRejects, staging: Path) -> None:
    """Lines, outcomes and adjustments of the claims that were taken."""
    with connect() as connection:
        connection.register("claims", frames.claims)
        connection.register("refused", pa.table({"row": pa.array(sorted(rejects.refused_rows), pa.int64())}))
        connection.execute(
            f"""CREATE TABLE taken AS
                SELECT "row", claim_id, voided_at IS NOT NULL AS withdrawn
                FROM (SELECT "row", claim_id FROM read_parquet({literal(str(staging))})
                      WHERE correction IS DISTINCT FROM 'void')
                JOIN (SELECT claim_id, voided_at FROM claims) USING (claim_id)
                ANTI JOIN refused USING ("row")"""
        )
        queries = {
            "lines": "SELECT claim_id, line, procedure_code, units, amount_cents, service_date",
            "outcomes": """SELECT claim_id, CASE WHEN withdrawn THEN 'reversed' ELSE status END AS status, paid_cents,
                decided_on""",
            "adjustments": "SELECT claim_id, line, group_code, carc, amount_cents",
        }
        schemas = {"lines": CLAIM_LINES, "outcomes": OUTCOMES, "adjustments": ADJUSTMENTS}
        read = {
            key: connection.sql(
                f"""{query} FROM read_parquet({literal(str(spool.path(key)))}) JOIN taken USING ("row")
                    ORDER BY ALL"""
            )
            .to_arrow_table()
            .cast(schemas[key])
            for key, query in queries.items()
        }
        frames.claim_lines = read.pop("lines")
        frames.extra = read


def _notes(files: HistoryFiles, spool: HistorySpool) -> list[str]:
    notes = list(files.notes)
    if files.skipped:
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in files.skipped.most_common(8))
        notes.append(f"{files.skipped.total():,} resources that are no explanations were left out: {kinds}")
    if spool.unbalanced:
        notes.append(
            f"{spool.unbalanced:,} claims were paid another amount than their charge less their adjustments; "
            "the amount paid was taken as stated"
        )
    return notes
