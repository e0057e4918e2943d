"""Data sets that a model can be trained on: by name, by folder, or a claims file with its mapping.

`simulated`        `data/` of the home: written by `ginja data simulate`, and what the platform itself uses
`provider-fraud`   the public set, ingested from the data folder into `datasets/provider-fraud/` by the first training
a file             ingested by its mapping into `datasets/<the mapping's name>/`
a folder           an ingested data set: `claims.parquet`, `labels.parquet`, `dataset.json`
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from claims.attributes import Attribute
from features.vector import DeclaredAttributes
from pipelines.datasets.errors import DatasetError, MissingLabelsError
from pipelines.datasets.rejected_rows import check_rejects
from pipelines.store import DATASET, DatasetDocument, read_document

SIMULATED, PROVIDER_FRAUD = "simulated", "provider-fraud"
ATTRIBUTES = "attributes.parquet"
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Source:
    """An opened data set: its frames, and where its features are built."""

    name: str
    home: Path
    """The home whose `features/` holds this data set's features: the platform's own for `simulated`."""
    claims: pa.Table
    labels: pa.Table
    label_of: Literal["claim", "provider"]
    dated_labels: bool
    """Whether each label has the time at which it became known."""
    sha256: str
    """Of the claims, labels, weights and attributes files."""
    about: DatasetDocument
    """The content of `dataset.json`."""
    missing: tuple[str, ...]
    """Columns of the claims frame that the source does not have."""
    weights: pa.Table | None = None
    """`claim_id`, `weight` of labels whose weight is not 1: above 1 for a random audit, 0 for a withdrawn label."""
    attributes: DeclaredAttributes | None = None
    """Further columns of the claims, declared in the mapping; None: the mapping has none."""
    folder: Path | None = None
    """Where the frames are; None: in memory only."""
    left_out: str | None = None
    """Digest of the claims of members that were left out; None: there are none."""

    @property
    def uri(self) -> str:
        """Where the claims come from: `source_url` of the mapping, else the URI of the folder of the frames."""
        return self.about.get("source_url") or (self.folder or self.home).resolve().as_uri()

    @property
    def use(self) -> str:
        """The name of the use of its claims: of claims exported from the platform that of the champion then, else its
        own name."""
        return self.about.get("use") or self.name

    @property
    def origin(self) -> str:
        """What identifies the claims: the same for a later, longer batch of the same source read the same way."""
        about: Mapping[str, object] = self.about
        seeded = about.get("seed") is not None
        marks = ("source", "file", "seed", "claims", "end") if seeded else ("source", "file", "mapping")
        without = [] if self.left_out is None else [f"without {self.left_out}"]
        return " ".join([*(str(about[mark]) for mark in marks if mark in about), *without])


def _no_progress(done: int, of: int) -> None:
    """Report nothing."""


def open_named(name: str, home: Path) -> Source:
    """Open a data set by name or folder; nothing is created.

    Claims of members that were erased or object to training, by the lists of the home, are left out.
    Raises `DatasetError` naming the command that
    creates a data set that does not exist, `MissingLabelsError` for one without labels.
    """
    from pipelines.datasets.members import without_erased

    return without_erased(_named(name, home), home)


def _named(name: str, home: Path) -> Source:
    if name == SIMULATED:
        return open_folder(home / "data", name=SIMULATED, feature_home=home, hint="run `ginja data simulate`")
    if name == PROVIDER_FRAUD:
        return open_folder(
            home / "datasets" / PROVIDER_FRAUD,
            name=PROVIDER_FRAUD,
            hint="run `ginja data ingest provider-fraud` or `ginja model train --dataset provider-fraud`",
        )
    for folder in (Path(name), home / "datasets" / name):
        if (folder / DATASET).exists():
            return open_folder(folder, name=folder.name)
    raise DatasetError(
        f"no data set {name!r}; available are {SIMULATED}, {PROVIDER_FRAUD}, and folders under {home / 'datasets'}. "
        "For a file of your own: `ginja model train --data FILE --mapping MAPPING.yaml`"
    )


def open_or_ingest(
    name: str, home: Path, data_dir: Path, *, progress: Progress = _no_progress, accept_rejects: bool = False
) -> Source:
    """Open a data set for training; the public provider-fraud set is ingested from `data_dir` first where needed.

    Raises what `open_named` raises, `DatasetError` where the public files cannot be read, and `RejectedRowsError`
    unless `accept_rejects`.
    """
    folder = home / "datasets" / PROVIDER_FRAUD
    if name == PROVIDER_FRAUD and not (folder / DATASET).exists():
        from pipelines.ingest import IngestError, ingest_provider_fraud

        try:
            ingest_provider_fraud(data_dir / "provider_fraud", folder, progress=progress)
        except IngestError as error:
            raise DatasetError(str(error)) from error
    source = open_named(name, home)
    if not accept_rejects:
        check_rejects(source.about, source.name, str(source.home / source.about.get("reject_file", "")))
    return source


def open_file(
    file: Path, mapping: Path, home: Path, *, progress: Progress = _no_progress, accept_rejects: bool = False
) -> Source:
    """Ingest a claims file by its mapping, then open it; a former data set stays where the file is refused.

    Raises `DatasetError`, `MissingLabelsError`, and `RejectedRowsError` unless `accept_rejects`.
    """
    from pipelines.ingest import IngestError, IngestSummary, ingest_csv, load_mapping

    def check(summary: IngestSummary) -> None:
        check_rejects(summary.document(), str(file), str(summary.reject_file))

    try:
        columns = load_mapping(mapping)
        folder = home / "datasets" / columns.name
        ingest_csv(file, columns, folder, progress=progress, check=None if accept_rejects else check)
    except IngestError as error:
        raise DatasetError(str(error)) from error
    from pipelines.datasets.members import without_erased

    return without_erased(open_folder(folder, name=columns.name), home)


def open_folder(folder: Path, *, name: str, feature_home: Path | None = None, hint: str = "ingest it again") -> Source:
    """Open the frames of a folder. Raises `DatasetError`, `MissingLabelsError`."""
    claims, labels, weights = (folder / f"{part}.parquet" for part in ("claims", "labels", "weights"))
    if not claims.exists() or not (folder / DATASET).exists():
        raise DatasetError(f"{folder} holds no complete data set; {hint}")
    if not labels.exists() or pq.read_metadata(labels).num_rows == 0:
        raise MissingLabelsError(
            f"{folder} has no labels: map the column that says which claims were fraud (`label`), with the texts that "
            "mean fraud and clean"
        )
    about = read_document(folder)
    frame = pq.read_table(claims)
    # A weights file that dataset.json does not list is left over from another data set.
    weighted = "weights" in about.get("frames", {})
    stored = "attributes" in about.get("frames", {})
    files = [claims, labels, *([weights] if weighted else []), *([folder / ATTRIBUTES] if stored else [])]
    from pipelines.ingest import missing_columns

    return Source(
        name=name,
        home=feature_home or folder,
        claims=frame,
        labels=pq.read_table(labels),
        label_of="provider" if about.get("label_of") == "provider" else "claim",
        dated_labels=about.get("label_times", "given") != "none",
        sha256=_digest(*files),
        about=about,
        missing=tuple(missing_columns(frame)),
        weights=pq.read_table(weights) if weighted else None,
        attributes=_attributes(folder, about, frame, pq.read_table(labels)),
        folder=folder,
    )


def _attributes(folder: Path, about: DatasetDocument, claims: pa.Table, labels: pa.Table) -> DeclaredAttributes | None:
    """What `dataset.json` declares, with the stored values and those of windows."""
    declared = {name: Attribute.model_validate(entry) for name, entry in about.get("attributes", {}).items()}
    if not declared:
        return None
    stored = "attributes" in about.get("frames", {})
    values = pq.read_table(folder / ATTRIBUTES) if stored else claims.select(["claim_id"])
    return DeclaredAttributes(declared, values).with_windows(claims, labels)


def _digest(*files: Path) -> str:
    """SHA-256, in hex, over the bytes of files in their order."""
    total = hashlib.sha256()
    for file in files:
        with file.open("rb") as f:
            total.update(hashlib.file_digest(f, "sha256").digest())
    return total.hexdigest()
