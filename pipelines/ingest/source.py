"""One claims file by its mapping → Parquet frames and a reject file."""

import hashlib
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from core import clock
from core.scratch import scratch_folder
from pipelines.ingest.build import BuiltFrames, build
from pipelines.ingest.errors import NoClaimsError, SourceError
from pipelines.ingest.mapping import Mapping
from pipelines.ingest.read import stage
from pipelines.ingest.records import open_table
from pipelines.ingest.references import derive
from pipelines.ingest.rejects import Rejects
from pipelines.ingest.summary import IngestSummary, missing_columns
from pipelines.store import DatasetDocument, write_frames

REJECTS = "rejects.csv"
_LATER_KEYS = ("features", "identifiers")


def silent(_done: int, _of: int) -> None:
    """Report no progress."""


def ingest_csv(
    path: Path,
    mapping: Mapping,
    folder: Path,
    *,
    progress: Callable[[int, int], None] = silent,
    days_ahead: int = 0,
) -> IngestSummary:
    """Read a claims file into `folder`: frames as Parquet, `rejects.csv`, `dataset.json`.

    Dates may be up to `days_ahead` days from now. Calls `progress(bytes read, total bytes)`. Raises `MappingError`,
    `SourceError`, `OSError`; rows never raise. Where it raises, a former data set of the folder is as it was.
    """
    started = time.perf_counter()
    table = open_table(path, mapping.csv.delimiter, mapping.csv.encoding)
    with (
        scratch_folder("ginja-ingest-") as work,
        Rejects(folder / REJECTS) as rejects,
    ):
        latest = clock.now() + timedelta(days=days_ahead)
        staging = work / "staging.parquet"
        rows = stage(table, mapping, staging, rejects, lambda done: progress(done, table.size), latest)
        frames = build(staging, mapping, rejects, work)
    progress(table.size, table.size)
    about: DatasetDocument = {
        "source": "csv",
        "file": path.name,
        "label_of": frames.label_of,
        "icd": mapping.icd,
        "mapping": _digest(mapping),
        "label_times": "given" if "label_known_at" in mapping.columns else "none",
    }
    if mapping.features:
        about["attributes"] = {
            name: column.attribute.model_dump(mode="json") for name, column in mapping.features.items()
        }
    if table.encoding == "cp1252" and mapping.csv.encoding is None:
        frames.notes.append("the file is not UTF-8; it was read as Windows-1252 (csv.encoding in the mapping)")
    return finish(frames, mapping.name, folder, rejects, rows, table.empty_lines[0], about, started)


def _digest(mapping: Mapping) -> str:
    """Of how the file is read; a key that was added later counts only where it is stated."""
    later = {
        name
        for name in _LATER_KEYS
        if getattr(mapping, name) == Mapping.model_fields[name].get_default(call_default_factory=True)
    }
    stated = mapping.model_dump_json(exclude=later)
    return hashlib.sha256(stated.encode()).hexdigest()[:16]


def finish(
    frames: BuiltFrames,
    dataset: str,
    folder: Path,
    rejects: Rejects,
    rows: int,
    empty_lines: int,
    about: DatasetDocument,
    started: float,
) -> IngestSummary:
    """Write the frames and the summary. Raises `SourceError` where no row became a claim."""
    if not len(frames.claims):
        if not rows:
            rejects.discard()
            raise SourceError("the file has a header and no rows; export it again with its claims")
        listed = rejects.set_aside()
        raise NoClaimsError(f"no row of {rows:,} became a claim: {rejects.worst()}; see {listed}", listed)
    summary = IngestSummary(
        dataset=dataset,
        folder=folder,
        rows=rows,
        claims=len(frames.claims),
        labelled=len(frames.labels),
        fraud=int(sum(frames.labels.column("is_fraud").to_numpy())),
        rejected=rejects.rows,
        empty_lines=empty_lines,
        reject_file=rejects.path,
        reasons=dict(rejects.reasons.most_common()),
        missing_columns=missing_columns(frames.claims),
        notes=frames.notes,
        seconds=round(time.perf_counter() - started, 2),
    )
    written = {"claims": frames.claims, "labels": frames.labels, **derive(frames.claims)}
    if frames.claim_lines is not None:
        written["claim_lines"] = frames.claim_lines
    if frames.attributes is not None:
        written["attributes"] = frames.attributes
    written.update(frames.extra)
    try:
        write_frames(written, folder, {**about, **summary.document()})
        rejects.publish()
    except BaseException:
        rejects.discard()
        raise
    return summary
