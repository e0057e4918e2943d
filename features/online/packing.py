"""Keys and values of the online store: plain byte strings, encoded and decoded in one place.

    ginja:<generation>:<view>:<length>:<key part><length>:<key part>…  →  <event time µs><value><value>…
    ginja:watermark                                                    →  how fresh it is (`watermark.py`)

Key parts are any text: each is preceded by its length in bytes, so no two keys are equal. Values are little-endian
int64, in the order of `View.fields`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from struct import Struct

import numpy as np
from numpy.typing import NDArray

from features.declare import VIEWS, View

PROJECT = "ginja"


def key_prefix(project: str, generation: int, view: str) -> bytes:
    """The prefix of every key of a view. A rebuild writes a new generation beside the one that is read."""
    return f"{project}:{generation}:{view}:".encode()


def encode_key(parts: Iterable[str]) -> bytes:
    """A key of an aggregation group: each part in UTF-8, preceded by its length in bytes."""
    return b"".join([encode_part(part) for part in parts])


def encode_part(part: str) -> bytes:
    """One part of a key in UTF-8, preceded by its length in bytes."""
    encoded = part.encode()
    return b"%d:%b" % (len(encoded), encoded)


class Packer:
    """One view's rows as bytes: `(event time µs, row)`."""

    def __init__(self, view: View) -> None:
        self._struct = Struct(f"<{1 + view.width}q")
        self._view = view
        self.size = self._struct.size
        self.unpack: Callable[[bytes], tuple[int, ...]] = self._struct.unpack
        """Event time, then the row; raises `struct.error` where the bytes do not have this view's width."""

    def unpack_many(
        self, stored: Sequence[bytes | None]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
        """Rows (N, 1 + width): event time, then the row; which are rows, and which are absent (`None`).

        Zeros for what is absent, and for bytes that do not have this view's width, which are neither.
        """
        is_row = np.array([one is not None and len(one) == self.size for one in stored], dtype=np.bool_)
        rows = [one for one in stored if one is not None and len(one) == self.size]
        table = np.zeros((len(stored), 1 + self._view.width), dtype=np.int64)
        table[is_row] = np.frombuffer(b"".join(rows), dtype="<i8").reshape(-1, table.shape[1])
        return table, is_row, np.array([one is None for one in stored], dtype=np.bool_)

    def pack(self, event_us: int, row: Sequence[int]) -> bytes:
        """One row as bytes."""
        return self._struct.pack(event_us, *row)

    def pack_many(self, event_us: NDArray[np.int64] | int, columns: Sequence[NDArray[np.int64]]) -> Iterator[bytes]:
        """Rows as bytes, from int64 columns (of an array field `[N, size]`) in the order of the view's fields."""
        rows = len(columns[0])
        matrix = np.empty((rows, 1 + self._view.width), dtype="<i8")
        matrix[:, 0] = event_us
        for field, column in zip(self._view.fields, columns, strict=True):
            matrix[:, 1 + field.offset : 1 + field.offset + field.size] = column.reshape(rows, field.size)
        whole = matrix.tobytes()
        return (whole[place : place + self.size] for place in range(0, len(whole), self.size))


PACKERS: dict[str, Packer] = {view.name: Packer(view) for view in VIEWS}
