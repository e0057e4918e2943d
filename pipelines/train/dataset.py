"""The data sets a model can be trained on: by name, or a file and its mapping.

`simulated`        `data/` of the home: what `ginja simulate` wrote, and what the platform runs on
`provider-fraud`   the public set, read from the data folder into `datasets/provider-fraud/` when first asked for
a file             read by its mapping into `datasets/<mapping's name>/`
a folder           of an ingestion: `claims.parquet`, `labels.parquet`, `dataset.json`
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.store import DATASET
from pipelines.train.errors import DatasetError, MissingLabelsError

SIMULATED, PROVIDER_FRAUD = "simulated", "provider-fraud"
MOST_REJECTED = 0.5
"""Share of a file's rows that cannot be read beyond which its mapping is taken for wrong."""
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Source:
    """A data set, found: its frames, and where features are built for it."""

    name: str
    home: Path
    """The home whose `features/` holds this data set's: the platform's own for `simulated`."""
    claims: pa.Table
    labels: pa.Table
    label_of: Literal["claim", "provider"]
    dated_labels: bool
    """Whether it is known when each label became known."""
    sha256: str
    """Of the claims, labels and weights files."""
    about: dict[str, Any]
    missing: tuple[str, ...]
    """Columns of the claims frame that the source does not have."""
    weights: pa.Table | None = None
    """`claim_id`, `weight` of labels that do not count once: found by lot they count for more, 0 is not believed."""

    @property
    def origin(self) -> str:
        """What the claims are, the same for a later and longer batch from the same place, read in the same way."""
        seeded = self.about.get("seed") is not None
        marks = ("source", "file", "seed", "claims", "end") if seeded else ("source", "file", "mapping")
        return " ".join(str(self.about[mark]) for mark in marks if mark in self.about)


def _silent(done: int, of: int) -> None:
    """No progress is shown."""


def open_named(name: str, home: Path, data_dir: Path, *, progress: Progress = _silent) -> Source:
    """A data set by name or folder. Raises `DatasetError` where it is not there, `MissingLabelsError` unlabelled."""
    if name == SIMULATED:
        return open_folder(home / "data", name=SIMULATED, feature_home=home, hint="run `ginja simulate`")
    if name == PROVIDER_FRAUD:
        folder = home / "datasets" / PROVIDER_FRAUD
        if not (folder / DATASET).exists():
            from pipelines.ingest import IngestError, ingest_provider_fraud

            try:
                ingest_provider_fraud(data_dir / "provider_fraud", folder, progress=progress)
            except IngestError as error:
                raise DatasetError(str(error)) from error
        return open_folder(folder, name=PROVIDER_FRAUD)
    for folder in (Path(name), home / "datasets" / name):
        if (folder / DATASET).exists():
            return open_folder(folder, name=folder.name)
    raise DatasetError(
        f"no data set {name!r}; known are {SIMULATED}, {PROVIDER_FRAUD}, and folders under {home / 'datasets'}. "
        "For a file of your own: --data FILE --mapping MAPPING.yaml"
    )


def open_file(file: Path, mapping: Path, home: Path, *, progress: Progress = _silent) -> Source:
    """Read a claims file by its mapping, then open it. Raises `DatasetError`, `MissingLabelsError`."""
    from pipelines.ingest import IngestError, ingest_csv, load_mapping

    try:
        found = load_mapping(mapping)
        folder = home / "datasets" / found.name
        read = ingest_csv(file, found, folder, progress=progress)
    except IngestError as error:
        raise DatasetError(str(error)) from error
    if read.rejected > MOST_REJECTED * read.rows:
        reasons = ", ".join(f"{reason} ({count:,})" for reason, count in list(read.reasons.items())[:3])
        raise DatasetError(
            f"{read.rejected:,} of the {read.rows:,} rows of {file} were rejected: {reasons}; the rest would "
            f"teach exceptions. Mend the mapping by {read.reject_file}; if the rest is meant, --dataset {found.name}"
        )
    return open_folder(folder, name=found.name)


def open_folder(folder: Path, *, name: str, feature_home: Path | None = None, hint: str = "ingest it anew") -> Source:
    """The frames of a folder. Raises `DatasetError`, `MissingLabelsError`."""
    claims, labels, weights = (folder / f"{part}.parquet" for part in ("claims", "labels", "weights"))
    if not claims.exists() or not (folder / DATASET).exists():
        raise DatasetError(f"{folder} holds no finished data set; {hint}")
    if not labels.exists() or pq.read_metadata(labels).num_rows == 0:
        raise MissingLabelsError(
            f"{folder} has no labels: map the column that says which claims were fraud (`label`), with the texts that "
            "mean fraud and clean"
        )
    about: dict[str, Any] = json.loads((folder / DATASET).read_text())
    frame = pq.read_table(claims)
    # A file that the page does not name is left over from other data.
    weighed = "weights" in about.get("frames", {})
    from pipelines.ingest.summary import missing_columns

    return Source(
        name=name,
        home=feature_home or folder,
        claims=frame,
        labels=pq.read_table(labels),
        label_of="provider" if about.get("label_of") == "provider" else "claim",
        dated_labels=about.get("label_times", "given") != "none",
        sha256=digest(claims, labels, *([weights] if weighed else [])),
        about=about,
        missing=tuple(missing_columns(frame)),
        weights=pq.read_table(weights) if weighed else None,
    )


def digest(*files: Path) -> str:
    """SHA-256, in hex, over the bytes of files in their order."""
    total = hashlib.sha256()
    for file in files:
        with file.open("rb") as f:
            total.update(hashlib.file_digest(f, "sha256").digest())
    return total.hexdigest()
