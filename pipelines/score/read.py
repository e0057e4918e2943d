"""A file of claims into the claims frame: by our own column names, or by a mapping of others'."""

import csv
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from claims.money import MAX_CENTS, format_cents
from features.declare import CLAIMS
from features.offline import MAX_DAYS_AHEAD
from pipelines.ingest import Dates, Money, NoClaimsError, ingest_csv, load_mapping, open_table
from pipelines.ingest import Mapping as FileMapping
from pipelines.score.errors import InputError

PARQUET = (".parquet", ".pq")
_COLUMNS = {"amount": "amount_cents", "benefit_limit": "benefit_limit_cents", "diagnosis_count": "diagnoses"}
"""Field of a mapping → column of the claims frame, where their names differ."""
_FORMATS = (
    "%Y-%m-%d",
    *(f"%Y-%m-%d{gap}%H:%M:%S{fraction}%z" for gap in ("T", " ") for fraction in ("", ".%f")),
)


@dataclass(frozen=True, slots=True)
class ReadClaims:
    """Claims that can be scored, and how many rows could not be read."""

    claims: pa.Table
    rejected: int
    rejects: Path | None
    """Line and reason of each rejected row."""
    reasons: Mapping[str, int]
    """Reason → rejected rows, the most frequent first."""
    attributes: pa.Table | None = None
    """The attributes of the claims, in their order; None: the mapping declares none."""

    def keep_rejects(self, target: Path) -> Path | None:
        """Copy the reject file to where it stays; None when no row was rejected: then an earlier run's goes."""
        if not self.rejected or self.rejects is None:
            target.unlink(missing_ok=True)
            return None
        shutil.copyfile(self.rejects, target)
        return target


def read_claims(file: Path, mapping: Path | None, work: Path) -> ReadClaims:
    """Read `file` as `ginja data ingest csv` does; `work` is a folder of this run's own.

    Without a mapping, a Parquet file is a claims frame: one that holds a row that is not a claim is refused as a whole.
    Raises `InputError`, `IngestError`.
    """
    using = load_mapping(mapping) if mapping else _our_own(file)
    frame = mapping is None and file.suffix.lower() in PARQUET
    if frame:
        _check_zones(file)
    try:
        outcome = ingest_csv(file, using, work / "ingested", days_ahead=MAX_DAYS_AHEAD)
    except NoClaimsError as error:
        raise _first_of(file, error.reject_file) if frame else error from None
    if frame and outcome.rejected:
        raise _first_of(file, outcome.reject_file)
    claims = pq.read_table(work / "ingested" / "claims.parquet").select(CLAIMS.names).cast(CLAIMS)
    if frame:
        claims = _as_in(file, claims)
    stored = work / "ingested" / "attributes.parquet"
    attributes = pq.read_table(stored).drop_columns(["claim_id"]) if using.features and stored.exists() else None
    return ReadClaims(claims, outcome.rejected, outcome.reject_file, outcome.reasons, attributes)


def _our_own(file: Path) -> FileMapping:
    """The mapping of a file with the column names of the claims frame, read as `ginja data ingest csv` reads it."""
    header = open_table(file).header
    missing = [name for name in ("claim_id", "received_at", "amount_cents") if name not in header]
    if missing:
        raise InputError(
            f"{file} has no column {missing[0]}: use --mapping; `ginja data ingest csv {file} --suggest` drafts one"
        )
    fields = {column: field for field, column in _COLUMNS.items()}
    columns = {fields.get(name, name): name for name in CLAIMS.names if name in header}
    return FileMapping(name="claims", columns=columns, money=Money(unit="cents"), dates=Dates(formats=_FORMATS))


def _check_zones(file: Path) -> None:
    """Raise `InputError` for a time without a zone."""
    for field in pq.read_schema(file):
        if field.name == "received_at" and pa.types.is_timestamp(field.type) and field.type.tz is None:
            raise InputError(f"received_at of {file} has no time zone; give it one, UTC for choice")


_LIMITS = (
    ("an amount of zero", "must be above zero"),
    ("a negative amount", "must be above zero"),
    ("over the largest amount", f"must be at most {MAX_CENTS} ({format_cents(MAX_CENTS)})"),
    ("before 1970", "must not be before 1970-01-01"),
    ("before 1990", "must not be before 1990-01-01"),
    ("in the future", f"must be at most {MAX_DAYS_AHEAD} days from now"),
    ("no value", "must have a value"),
    ("a claim that was already read", "is there twice; each claim is one row"),
)
"""Start of an ingestion's reason, and what it says of a column of the claims frame."""


def _first_of(file: Path, rejects: Path) -> InputError:
    """The error for the first rejected row of a claims frame, which names its claim."""
    with rejects.open(newline="", encoding="utf-8") as listed:
        rows = list(csv.DictReader(listed))
    first = rows[0]
    claim = pq.read_table(file, columns=["claim_id"])["claim_id"][int(first["line"]) - 2].as_py()
    stated = [limit for reason, limit in _LIMITS if first["reason"].startswith(reason)]
    column = _COLUMNS.get(first["field"], first["field"])
    others = f" ({len(rows) - 1} other claims too)" if len(rows) > 1 else ""
    limit = stated[0] if stated else f"cannot be read: {first['reason']}"
    return InputError(f"claim {str(claim)[:80]}: {column} {limit}{others}; correct or remove it")


def _as_in(file: Path, claims: pa.Table) -> pa.Table:
    """The claims in the order of their file."""
    order = pc.index_in(claims["claim_id"], pq.read_table(file, columns=["claim_id"])["claim_id"].cast(pa.string()))
    return claims.take(pc.sort_indices(order))
