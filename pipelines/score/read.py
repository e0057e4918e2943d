"""A file of claims into the claims frame: by our own column names, or by a mapping of others'."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from claims.money import MAX_CENTS, format_cents
from core import clock
from core.clock import DAY_US
from features.declare import CLAIMS
from features.offline import MAX_DAYS_AHEAD
from pipelines.ingest import Dates, Mapping, Money, check_parquet, ingest_csv, load_mapping, open_table
from pipelines.score.errors import InputError

PARQUET = (".parquet", ".pq")
_COUNTED = ("diagnoses",)
"""A mapping counts these from columns of its own; a count as such it cannot read."""
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
    """Read `file`; `work` is a folder of this run's own. Raises `InputError`, or `IngestError` with a mapping."""
    if mapping is not None or file.suffix.lower() not in PARQUET:
        outcome = ingest_csv(file, load_mapping(mapping) if mapping else _our_own(file), work / "ingested")
        claims = pq.read_table(work / "ingested" / "claims.parquet")
        stored = work / "ingested" / "attributes.parquet"
        attributes = pq.read_table(stored).drop_columns(["claim_id"]) if stored.exists() else None
        return ReadClaims(claims.select(CLAIMS.names).cast(CLAIMS), outcome.rejected, outcome.reject_file, attributes)
    try:
        with pq.ParquetFile(file) as parquet:
            check_parquet(file, parquet)
            found = parquet.read()
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{file} cannot be read as Parquet ({str(error).splitlines()[0]})") from error
    return _framed(file, found)


def _our_own(file: Path) -> Mapping:
    """The mapping of a file with the column names of the claims frame, read as `ginja data ingest csv` reads it."""
    header = open_table(file).header
    missing = [name for name in ("claim_id", "received_at", "amount_cents") if name not in header]
    if missing:
        raise InputError(
            f"{file} has no column {missing[0]}: use --mapping; `ginja data ingest csv {file} --suggest` drafts one"
        )
    renamed = {"amount_cents": "amount", "benefit_limit_cents": "benefit_limit"}
    columns = {renamed.get(name, name): name for name in CLAIMS.names if name in header and name not in _COUNTED}
    return Mapping(name="claims", columns=columns, money=Money(unit="cents"), dates=Dates(formats=_FORMATS))


def _check_limits(claims: pa.Table) -> None:
    """Raise `InputError` naming the first claim beyond a limit that the API and ingestion have, too."""
    amounts, received = claims["amount_cents"], pc.cast(claims["received_at"], pa.int64())
    latest = clock.micros(clock.now()) + MAX_DAYS_AHEAD * DAY_US
    limits = (
        (pc.less_equal(amounts, 0), "amount_cents must be above zero"),
        (pc.greater(amounts, MAX_CENTS), f"amount_cents must be at most {MAX_CENTS} ({format_cents(MAX_CENTS)})"),
        (pc.less(received, 0), "received_at must not be before 1970-01-01"),
        (pc.greater(received, latest), f"received_at must be at most {MAX_DAYS_AHEAD} days from now"),
    )
    for beyond, limit in limits:
        wrong = claims["claim_id"].filter(beyond)
        if len(wrong):
            others = f" ({len(wrong) - 1} other claims too)" if len(wrong) > 1 else ""
            raise InputError(f"claim {wrong[0].as_py()[:80]}: {limit}{others}; correct or remove it")


def _framed(file: Path, found: pa.Table) -> ReadClaims:
    """The frame's columns in its order; a column that is absent and may be null is."""
    columns = []
    for field in CLAIMS:
        if field.name in found.column_names:
            column = found[field.name]
        elif field.nullable:
            column = pa.nulls(len(found), field.type)
        else:
            raise InputError(f"{file} has no column {field.name}; it has {', '.join(found.column_names)}")
        if pa.types.is_timestamp(field.type) and pa.types.is_timestamp(column.type) and column.type.tz is None:
            raise InputError(f"{field.name} of {file} has no time zone; give it one, UTC for choice")
        try:
            columns.append(column.cast(field.type))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise InputError(f"{field.name} of {file} is {column.type}, not {field.type}: {error}") from error
        if not field.nullable and column.null_count:
            raise InputError(f"{field.name} of {file} is null in {column.null_count} rows")
    claims = pa.table(columns, schema=CLAIMS)
    _check_limits(claims)
    ids = claims["claim_id"]
    if len(ids.unique()) != len(ids):
        raise InputError(f"{file} has a claim_id twice; each claim is one row")
    return ReadClaims(claims, 0, None)
