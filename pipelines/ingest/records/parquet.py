"""Records of a Parquet file, as the text that a CSV file of it would hold."""

from collections.abc import Iterator
from datetime import datetime, time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.ingest.errors import SourceError
from pipelines.ingest.records.archives import FREE_BYTES, MAX_RATIO
from pipelines.ingest.records.record import Record, SourceTable

ROWS_A_BYTE = 32
"""Maximum rows per byte of a Parquet file with over a million rows: with more, they cannot all be claims."""

MAX_PARQUET_VALUE = 1_024
"""Characters kept of a Parquet value; no field is longer. A dictionary value may be repeated in millions of rows."""


def is_parquet(path: Path) -> bool:
    """Whether the first bytes are those of Parquet, whatever the file is called."""
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def parquet_table(path: Path) -> SourceTable:
    """A Parquet file as the text a CSV of it would hold. Raises `SourceError`."""
    try:
        file = pq.ParquetFile(path)
        text = [field.name for field in file.schema_arrow if pa.types.is_string(field.type)]
        file = pq.ParquetFile(path, read_dictionary=text)
    except (pa.ArrowInvalid, OSError) as error:
        raise SourceError(f"cannot read {path} as Parquet: {str(error).splitlines()[0]}") from error
    check_parquet(path, file)
    read = [0]
    nested = {field.name: _several(field.type) for field in file.schema_arrow if _is_nested(field.type)}
    flat = [field.name for field in file.schema_arrow if not _is_nested(field.type)]
    if not flat:
        raise SourceError(
            f"{path} has only columns of several values ({', '.join(nested)}); write each value as a column"
        )

    def records() -> Iterator[Record]:
        line = 1
        for batch in file.iter_batches(columns=flat):
            for values in zip(*map(_texts_of, batch.columns), strict=True):
                line += 1
                yield Record(line, list(values))
            read[0] = min(path.stat().st_size, read[0] + batch.nbytes)

    names = [name.strip() for name in flat]
    return SourceTable(names, "Parquet", "Parquet", records(), lambda: read[0], path.stat().st_size, [0], nested)


def _is_nested(kind: pa.DataType) -> bool:
    return bool(pa.types.is_nested(kind.value_type if pa.types.is_dictionary(kind) else kind))


def _several(kind: pa.DataType) -> str:
    """Why a nested column is not read, and what to do."""
    if pa.types.is_struct(kind):
        inner = ", ".join(field.name for field in kind)
        return f"a struct of several values ({inner}) per row; write each as a column of its own"
    if pa.types.is_map(kind):
        return "a map of several values per row; write each key that is needed as a column of its own"
    return "a list of several values per row; write one row per value, or the values that are needed as columns"


def check_parquet(path: Path, file: pq.ParquetFile) -> None:
    """Raise `SourceError` where a Parquet file declares more rows or bytes than its size could hold of claims."""
    size, about = path.stat().st_size, file.metadata
    declared = sum(about.row_group(at).total_byte_size for at in range(about.num_row_groups))
    if about.num_rows > max(1_000_000, ROWS_A_BYTE * size):
        raise SourceError(
            f"{path} declares {about.num_rows:,} rows in {size:,} bytes, which cannot be claims; export it again"
        )
    if declared > max(FREE_BYTES, MAX_RATIO * size):
        raise SourceError(f"{path} decompresses to more than {MAX_RATIO} times its size; export it without compression")


def _texts_of(column: pa.Array) -> Iterator[str]:
    """A column's values as text; those of a dictionary are made once each."""
    if pa.types.is_dictionary(column.type):
        texts = list(_texts_of(column.dictionary))
        return ("" if at is None else texts[at] for at in column.indices.to_pylist())
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    try:
        values = column.to_pylist()
    except (ValueError, OverflowError):  # a time beyond Python's years, or a zone it does not have
        values = column.cast(pa.string()).to_pylist()
    return (_text_of(value)[:MAX_PARQUET_VALUE] for value in values)


def _text_of(value: object) -> str:
    """As a CSV file would hold it, to the microsecond: a day without the midnight of its time, bytes as UTF-8."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        bare = value.tzinfo is None and value.time() == time.min
        return value.date().isoformat() if bare else value.isoformat(sep=" ")
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return str(value)
