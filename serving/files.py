"""Score a file of claims: vectors as of receipt, margins, probabilities and reasons; resumable.

Features come from the offline store, joined through Feast as in training. Claims are scored in parts; each finished
part is a Parquet file beside the output, so that an interrupted run can resume.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from claims.attributes import PREFIX, feature_name
from features.feast import historical_features
from features.vector import ClaimInputs, build_many, inputs_of_each
from models.scorer import Scorer
from serving.errors import ServingError

PART_CLAIMS = 50_000
_ROUND = 2_000
"""Claims between two progress reports."""

_REASON = pa.struct(
    [
        pa.field("code", pa.string()),
        pa.field("kind", pa.string()),
        pa.field("text", pa.string()),
        pa.field("direction", pa.string()),
        pa.field("push", pa.float64()),
        pa.field("odds", pa.float64()),
        pa.field("carrier", pa.list_(pa.string())),
        pa.field("carrier_share", pa.float64()),
    ]
)
_REASON_FIELDS = tuple(field.name for field in _REASON)
SCORED = pa.schema(
    [
        pa.field("claim_id", pa.string()),
        pa.field("probability", pa.float64()),
        pa.field("margin", pa.float32()),
        pa.field("flagged", pa.bool_()),
        pa.field("reasons", pa.list_(_REASON)),
        pa.field("model_version", pa.string()),
    ]
)
"""Schema of the output: one row per claim, in input order."""

Progress = Callable[[int], None]
"""Called with the number of claims finished since the last call."""


class ForeignParts(ServingError):
    """The parts beside the output belong to other claims or another model."""


@dataclass(frozen=True, slots=True)
class ScoredFile:
    """Result of a run."""

    claims: int
    flagged: int
    resumed: int
    """Claims scored by an earlier, interrupted run."""


def score_table(
    scorer: Scorer,
    table: pa.Table,
    attributes: pa.Table | None = None,
    *,
    threads: int = 2,
    progress: Progress = lambda done: None,
) -> pa.Table:
    """Score claims with their states side by side (`features.feast.historical_features`); `SCORED`, in order.

    `attributes` are those of the same claims. Raises `AttributeTypeError`.
    """
    pieces = [SCORED.empty_table()]
    for start in range(0, len(table), _ROUND):
        claims = table.slice(start, _ROUND)
        own = None if attributes is None else attributes.slice(start, _ROUND)
        rows = scorer.schema.rows(build_many(claims), claims, own)
        margins, contributions, base = scorer.explain(rows, threads=threads)
        probabilities = scorer.artefact.calibrator.probabilities(margins)
        reasons = [
            [{name: getattr(reason, name) for name in _REASON_FIELDS} for reason in explanation.reasons]
            for explanation in scorer.reasoner.explain_many(_inputs(scorer, claims, own), rows, contributions, base)
        ]
        columns = [
            claims["claim_id"].combine_chunks(),
            pa.array(probabilities, pa.float64()),
            pa.array(margins, pa.float32()),
            pa.array(probabilities >= scorer.artefact.threshold),
            pa.array(reasons, pa.list_(_REASON)),
            pa.array([scorer.version] * len(claims), pa.string()),
        ]
        pieces.append(pa.Table.from_arrays(columns, schema=SCORED))
        progress(len(claims))
    return pa.concat_tables(pieces)


def score_file(
    scorer: Scorer,
    claims: pa.Table,
    features_home: Path,
    out: Path,
    *,
    attributes: pa.Table | None = None,
    part_claims: int = PART_CLAIMS,
    progress: Progress = lambda done: None,
) -> ScoredFile:
    """Score a claims frame into the Parquet file `out`, from the offline features under `features_home`.

    `attributes` are those of the claims, in their order. Raises `AttributeTypeError`, and `ForeignParts` when the parts
    beside `out` belong to another run.
    """
    parts = parts_folder(out)
    _claim_parts(parts, scorer, claims if attributes is None else _beside(claims, attributes), part_claims)
    resumed = 0
    for number, start in enumerate(range(0, len(claims), part_claims)):
        slice_ = claims.slice(start, part_claims)
        part = parts / f"{number:06}.parquet"
        if part.exists():
            resumed += len(slice_)
            progress(len(slice_))
            continue
        scored, own = [], None if attributes is None else attributes.slice(start, part_claims)
        for batch in historical_features(features_home, slice_):
            scored.append(score_table(scorer, batch, own, progress=progress))
            own = None if own is None else own.slice(len(batch))
        _write_whole(part, iter(scored))
    _write_whole(out, (pq.read_table(part, schema=SCORED) for part in sorted(parts.glob("*.parquet"))))
    shutil.rmtree(parts)
    flags = pq.read_table(out, columns=["flagged"])["flagged"].to_numpy()
    return ScoredFile(len(flags), int(flags.sum()), resumed)


def _inputs(scorer: Scorer, claims: pa.Table, attributes: pa.Table | None) -> Iterator[ClaimInputs]:
    """The inputs of each claim; attributes that it does not state are missing."""
    if not scorer.schema.encoders:
        return inputs_of_each(claims)
    return _with_missing(inputs_of_each(claims), scorer.schema.unknown_of(claims, attributes))


def _with_missing(inputs: Iterable[ClaimInputs], unknown: Sequence[Sequence[str]]) -> Iterator[ClaimInputs]:
    for x, more in zip(inputs, unknown, strict=True):
        x.missing = [*x.missing, *more]
        yield x


def _beside(claims: pa.Table, attributes: pa.Table) -> pa.Table:
    """Claims with their attributes, each under the name of its feature."""
    for name in attributes.column_names:
        claims = claims.append_column(feature_name(name), attributes[name])
    return claims


def parts_folder(out: Path) -> Path:
    """Folder of the finished parts of `out` until all are done."""
    return out.with_name(f"{out.name}.parts")


def _claim_parts(parts: Path, scorer: Scorer, claims: pa.Table, part_claims: int) -> None:
    """Create the folder for this run, or reuse it if it belongs to the same claims and model."""
    ids = hashlib.sha256()
    own = [name for name in claims.column_names if name.startswith(PREFIX)]
    for column in ("claim_id", "amount_cents", "received_at", *own):
        for value in claims[column].cast(pa.string()).to_pylist():
            ids.update(str(value).encode() + b"\n")
    run = {"claims": len(claims), "sha256": ids.hexdigest(), "model": scorer.manifest_sha256, "part": part_claims}
    note = parts / "run.json"
    if note.exists():
        if json.loads(note.read_text()) != run:
            raise ForeignParts(f"{parts} holds parts of another run; finish that run or remove the folder")
        return
    parts.mkdir(parents=True, exist_ok=True)
    draft = note.with_suffix(".draft")
    draft.write_text(json.dumps(run))
    draft.replace(note)


def _write_whole(path: Path, tables: Iterator[pa.Table]) -> None:
    """Write tables to one file, atomically."""
    partial = path.with_name(f".{path.name}.partial")
    with pq.ParquetWriter(partial, SCORED, compression="zstd") as writer:
        for table in tables:
            writer.write_table(table)
    partial.replace(path)
