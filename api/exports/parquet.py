"""Exported claims as a Parquet file, which is written while it is sent.

A file has its directory at the end, so that one whose transfer was interrupted cannot be read: a large export is read
as files of `limit` claims, and the metadata of each names the claim after which the next one begins.
"""

import asyncio
import importlib
import io
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Final

from api.exports.rows import columns
from api.intake import ClaimOut

if TYPE_CHECKING:
    import pyarrow as pa

ROW_GROUP: Final = 10_000
"""Claims that are compressed together; a reader's memory, and that of the export, depend on it."""
LAST_CLAIM: Final = "ginja.last_claim_id"
"""Metadata of a file: its last claim, `after` of the next file. A file without claims has none."""

_AMOUNTS: Final = ("claim_amount", "approved_amount")
_INSTANTS: Final = ("received_at", "voided_at")
_DAYS: Final = ("service_from", "service_to")


async def parquet_file(pages: AsyncIterable[Sequence[ClaimOut]], *, sees_scores: bool) -> AsyncIterator[bytes]:
    """The bytes of a file with the claims of some pages, a row group at a time.

    Columns are those of the CSV export: amounts are decimals of two places, instants are in UTC.
    """
    # The library takes half a second to load, which live claims do not wait for.
    await asyncio.to_thread(importlib.import_module, "pyarrow.parquet")
    file = _ParquetFile(columns(sees_scores=sees_scores))
    async for page in pages:
        file.add(page)
        if file.rows >= ROW_GROUP:
            yield await asyncio.to_thread(file.row_group)
    yield await asyncio.to_thread(file.end)


class _ParquetFile:
    """A file of which only the rows of a group and the bytes that were not sent yet are held."""

    def __init__(self, names: Sequence[str]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._schema = pa.schema([pa.field(name, _column_type(name)) for name in names])
        self._bytes = _Unsent()
        self._writer: pq.ParquetWriter = pq.ParquetWriter(pa.PythonFile(self._bytes, mode="w"), self._schema)
        self._last: str | None = None
        self._columns: dict[str, list[object]] = {name: [] for name in names}
        self.rows = 0
        """Rows that are in no group yet."""

    def add(self, claims: Sequence[ClaimOut]) -> None:
        """Add rows. Claims themselves, with their reasons and payments, would take ten times the memory."""
        for name, values in self._columns.items():
            values += [_value(claim, name) for claim in claims]
        self.rows += len(claims)
        self._last = claims[-1].claim_id if claims else self._last

    def row_group(self) -> bytes:
        """The bytes of a group of the rows that were added."""
        import pyarrow as pa

        if self.rows:
            arrays = [pa.array(self._columns[one.name], one.type) for one in self._schema]
            self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema), row_group_size=self.rows)
            self._columns = {name: [] for name in self._columns}
            self.rows = 0
        return self._bytes.take()

    def end(self) -> bytes:
        """The bytes of the last row group and of the directory."""
        rest = self.row_group()
        if self._last is not None:
            self._writer.add_key_value_metadata({LAST_CLAIM: self._last})
        self._writer.close()
        return rest + self._bytes.take()


class _Unsent(io.RawIOBase):
    """A file that is only written to, and from whose beginning bytes are taken."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: "memoryview | bytes", /) -> int:  # type: ignore[override]  # a buffer of any type
        """Add bytes."""
        self._bytes += data
        return len(data)

    def take(self) -> bytes:
        """The bytes since the last call."""
        taken = bytes(self._bytes)
        self._bytes.clear()
        return taken


def _column_type(name: str) -> "pa.DataType":
    import pyarrow as pa

    if name in _AMOUNTS:
        return pa.decimal128(14, 2)
    if name in _INSTANTS:
        return pa.timestamp("us", "UTC")
    if name in _DAYS:
        return pa.date32()
    return {"fraud_flag": pa.bool_(), "score": pa.float64()}.get(name, pa.string())


def _value(claim: ClaimOut, name: str) -> object:
    value = getattr(claim, name)
    if name in _AMOUNTS:
        return Decimal(f"{value:.2f}")
    return value.value if isinstance(value, Enum) else value
