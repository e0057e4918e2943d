"""One claims file by its mapping → Parquet frames and a reject file."""

import hashlib
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import cast

from claims.attributes import feature_name
from core import clock
from core.scratch import scratch_folder
from pipelines.ingest.build import BuiltFrames, build
from pipelines.ingest.errors import MappingError, NoClaimsError, SourceError
from pipelines.ingest.formats import DateField
from pipelines.ingest.mapping import Mapping
from pipelines.ingest.read import StagedRows, stage
from pipelines.ingest.records import open_table
from pipelines.ingest.references import derive
from pipelines.ingest.reject_labels import LabelCount, associated
from pipelines.ingest.rejects import Rejects
from pipelines.ingest.summary import IngestSummary, missing_columns
from pipelines.store import DatasetDocument, write_frames

REJECTS = "rejects.csv"


Check = Callable[[IngestSummary], None]


def silent(_done: int, _of: int) -> None:
    """Report no progress."""


def ingest_csv(
    path: Path,
    mapping: Mapping,
    folder: Path,
    *,
    progress: Callable[[int, int], None] = silent,
    days_ahead: int = 0,
    check: Check | None = None,
) -> IngestSummary:
    """Read a claims file into `folder`: frames as Parquet, `rejects.csv`, `dataset.json`.

    Dates may be up to `days_ahead` days from now. `check` may refuse the result before it is written, by raising.
    Calls `progress(bytes read, total bytes)`. Raises `MappingError`, `SourceError`, `OSError`; rows never raise. Where
    it raises, a former data set of the folder is as it was.
    """
    started = time.perf_counter()
    table = open_table(path, mapping.csv.delimiter, mapping.csv.encoding)
    with (
        scratch_folder("ginja-ingest-") as work,
        Rejects(folder / REJECTS) as rejects,
    ):
        latest = clock.now() + timedelta(days=days_ahead)
        staging = work / "staging.parquet"
        staged = stage(table, mapping, staging, rejects, lambda done: progress(done, table.size), latest)
        _check_dates(staged, mapping)
        frames = build(staging, mapping, rejects, work)
    progress(table.size, table.size)
    about: DatasetDocument = {
        "source": "csv",
        "file": path.name,
        "label_of": frames.label_of,
        "icd": mapping.icd,
        "mapping": _digest(mapping),
        "mapping_document": mapping.model_dump(mode="json", exclude_defaults=True, by_alias=True),
        "label_times": _label_times(mapping),
    }
    if mapping.source_url is not None:
        about["source_url"] = mapping.source_url
    if mapping.label_known_after_days is not None:
        about["label_known_after_days"] = mapping.label_known_after_days
    about["columns"] = _columns(mapping)
    if not mapping.dated:
        about["dated"] = False
    if mapping.attributes:
        about["attributes"] = {name: one.model_dump(mode="json") for name, one in mapping.attributes.items()}
    if table.encoding == "cp1252" and mapping.csv.encoding is None:
        frames.notes.append("the file is not UTF-8; it was read as Windows-1252 (csv.encoding in the mapping)")
    return finish(frames, mapping.name, folder, rejects, staged, table.empty_lines[0], about, started, check=check)


def _label_times(mapping: Mapping) -> str:
    if mapping.label_known_after_days is not None:
        return "assumed"
    return "given" if "label_known_at" in mapping.columns else "none"


def _check_dates(staged: StagedRows, mapping: Mapping) -> None:
    """Raise `MappingError` where two formats of a field read different days."""
    for name, rows in staged.ambiguous.items():
        forms = " or ".join(mapping.dates_of(cast("DateField", name)).formats)
        if mapping.dates.ambiguous == "refuse":
            raise MappingError(
                f"{name} is ambiguous: {rows:,} of {staged.rows:,} rows are different days by different formats of "
                f"{forms}; state the format that the file uses, for this field alone under dates.of, or accept the "
                "first with dates.ambiguous: first"
            )


def _columns(mapping: Mapping) -> dict[str, list[str]]:
    """Our field, or the feature of an attribute → the columns of the file that it is read from."""
    own = {feature_name(name): list(mapping.attribute_sources(name)) for name in mapping.features}
    fields = {
        name: list(mapping.sources(name)) for name in (*mapping.columns, *mapping.date_parts, *mapping.expressions)
    }
    return {name: columns for name, columns in (fields | own).items() if columns}


def _digest(mapping: Mapping) -> str:
    """Of how the file is read; a key counts only where it is not the default."""
    return hashlib.sha256(mapping.model_dump_json(exclude_defaults=True).encode()).hexdigest()[:16]


def finish(
    frames: BuiltFrames,
    dataset: str,
    folder: Path,
    rejects: Rejects,
    staged: StagedRows,
    empty_lines: int,
    about: DatasetDocument,
    started: float,
    *,
    check: Check | None = None,
) -> IngestSummary:
    """Write the frames and the summary. Raises `SourceError` where no row became a claim, and what `check` raises."""
    rows = staged.rows
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
        reject_label_rates={
            reason: rejects.labels.get(reason, LabelCount()).rate for reason, _ in rejects.reasons.most_common()
        },
        reject_labels=rejects.labels,
        accepted_labels=frames.accepted,
        normalized=dict(staged.normalized.most_common()),
        set_to_null=dict((staged.set_to_null + Counter(frames.set_to_null)).most_common()),
        ambiguous_dates=dict(staged.ambiguous),
        identical_rows=frames.identical_rows,
        missing_columns=missing_columns(frames.claims),
        notes=frames.notes,
        seconds=round(time.perf_counter() - started, 2),
    )
    summary.notes.extend(_further_notes(summary))
    if check is not None:
        try:
            check(replace(summary, reject_file=rejects.failed))
        except Exception:
            rejects.set_aside()
            raise
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


def _further_notes(summary: IngestSummary) -> list[str]:
    notes = []
    if summary.identical_rows:
        notes.append(f"{summary.identical_rows:,} rows are identical to an earlier row of the file")
    for name, rows in summary.ambiguous_dates.items():
        notes.append(f"{name}: {rows:,} rows are different days by different formats; the first format counted")
    rejected, accepted = summary.rejected_labels, summary.accepted_labels
    if associated(rejected, accepted):
        notes.append(
            f"rejected rows are fraud in {rejected.rate or 0:.1%}, accepted rows in {accepted.rate or 0:.1%}: a model "
            "of the accepted rows would not be representative, and `ginja model train` refuses them"
        )
    return notes
