"""The contribution tables: their arrays, reading explanations from them, and their file. See `table_builder.py`."""

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import OutdatedTablesError, SchemaMismatchError
from models.explain import kernels

FORMAT = 2
"""Version of the file layout. Format 1 had no `present` and marked an absent split by a threshold of minus infinity."""
MOST_BITS = 24
"""Most bits in a pattern."""
FEATURE, DEFAULT, SHIFT, MASK, WIDTH, NAMES = 0, 3, 6, 9, 10, 11
"""Columns of `LeafTables.anchor`; the first three begin a column for each of the anchor's splits."""


@dataclass(frozen=True, slots=True, eq=False)
class LeafTables:
    """The compiled form of a booster of T trees, U upper splits, A anchors and F features."""

    format: NDArray[np.int64]
    """(1,): `FORMAT`."""
    features: NDArray[np.int64]
    """(1,): F."""
    base: NDArray[np.float32]
    """(1,): the margin before any tree."""
    expected: NDArray[np.float64]
    """(1,): the mean margin by cover, from which contributions are counted."""
    slots: NDArray[np.int64]
    """(1,): the most upper splits and anchors of one tree."""
    uppers: NDArray[np.uint64]
    """(T+1,): first upper split of each tree."""
    anchors: NDArray[np.uint64]
    """(T+1,): first anchor of each tree."""
    upper: NDArray[np.uint32]
    """(U, 5): feature, bit, left slot, right slot, whether missing goes left. Slots: upper splits, then anchors."""
    upper_threshold: NDArray[np.float32]
    anchor: NDArray[np.uint32]
    """(A, 12): features, default sides and bit positions of the three splits, path mask, width, place in `member`."""
    anchor_threshold: NDArray[np.float32]
    """(A, 3): any value, infinities included. XGBoost splits "present or missing" at minus infinity."""
    present: NDArray[np.uint8]
    """(A, 3): 1 where the anchor has the split, 0 where it has not.

    An absent split is stored as feature 0, threshold minus infinity, missing to the right, bit position 0. No value
    goes left of it, so its bit is always 0 and the compiled loops do not read this array.
    """
    offset: NDArray[np.uint64]
    """(A,): where each anchor's table begins."""
    leaf: NDArray[np.float32]
    """(A, 4): values of the leaves, left to right."""
    member: NDArray[np.uint32]
    """Features of each anchor's table columns."""
    table: NDArray[np.float32]

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return sum(getattr(self, f.name).nbytes for f in fields(self))

    @property
    def base_margin(self) -> float:
        """With the contributions of a row it sums to the row's margin."""
        return float(self.expected[0])

    def explain(self, row: NDArray[np.float32]) -> tuple[float, NDArray[np.float64]]:
        """Margin and contributions (F,) of one vector (F,)."""
        margins, contributions = self.explain_many(row.reshape(1, -1))
        return float(margins[0]), contributions[0]

    def explain_many(
        self, rows: NDArray[np.float32], *, threads: int = 1
    ) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Margins (N,) and contributions (N, F) of vectors (N, F), 32-bit floats, NaN where missing."""
        rows = self._checked(rows)
        contributions = np.empty(rows.shape, dtype=np.float64)
        margins = np.empty(len(rows), dtype=np.float32)
        if threads <= 1 or len(rows) < 2 * threads:
            self._explain_into(rows, contributions, margins)
            return margins, contributions
        cuts = np.linspace(0, len(rows), threads + 1, dtype=int)
        with ThreadPoolExecutor(threads) as pool:
            for done in [
                pool.submit(self._explain_into, rows[i:j], contributions[i:j], margins[i:j]) for i, j in pairwise(cuts)
            ]:
                done.result()
        return margins, contributions

    def margins(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Margins (N,) only, much faster than `explain_many` and bit-identical to it."""
        rows = self._checked(rows)
        margins = np.empty(len(rows), dtype=np.float32)
        kernels.margin_rows(
            rows,
            self.base[0],
            self.uppers,
            self.anchors,
            self.upper,
            self.upper_threshold,
            self.anchor,
            self.anchor_threshold,
            self.leaf,
            margins,
        )
        return margins

    def _checked(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        if rows.ndim != 2 or rows.shape[1] != self.features[0] or rows.dtype != np.float32:
            raise SchemaMismatchError(
                f"expected float32 vectors of {self.features[0]} features, got {rows.dtype} of shape {rows.shape}"
            )
        return np.ascontiguousarray(rows)

    def _explain_into(
        self, rows: NDArray[np.float32], contributions: NDArray[np.float64], margins: NDArray[np.float32]
    ) -> None:
        kernels.explain_rows(
            rows,
            self.base[0],
            self.uppers,
            self.anchors,
            self.upper,
            self.upper_threshold,
            self.anchor,
            self.anchor_threshold,
            self.offset,
            self.leaf,
            self.member,
            self.table,
            int(self.slots[0]),
            contributions,
            margins,
        )


def tables_to_bytes(tables: LeafTables) -> bytes:
    """The tables as an uncompressed `.npz`; the same tables give the same bytes."""
    out = io.BytesIO()
    np.savez(out, **{f.name: getattr(tables, f.name) for f in fields(tables)})
    return out.getvalue()


def read_tables(raw: bytes, *, features: int) -> LeafTables:
    """Read tables from the bytes of `tables_to_bytes` and check every index.

    Raises `OutdatedTablesError` for another format, `ValueError` if the arrays are inconsistent.
    """
    names = {f.name for f in fields(LeafTables)}
    with np.load(io.BytesIO(raw), allow_pickle=False) as file:
        found = _format_of(file)
        if found != FORMAT:
            raise OutdatedTablesError(f"the tables have format {found}; this version reads format {FORMAT}")
        if set(file.files) != names:
            raise ValueError("not a file of contribution tables")
        tables = LeafTables(**{name: np.ascontiguousarray(file[name]) for name in file.files})
    _check(tables, features)
    return tables


def _format_of(file: Any) -> int:
    """The format of an opened table file. Format 1 did not state its number."""
    if "format" not in file.files:
        if {"anchor", "anchor_threshold", "table"} <= set(file.files):
            return 1
        raise ValueError("not a file of contribution tables")
    stated = file["format"]
    if stated.shape != (1,) or stated.dtype != np.int64:
        raise ValueError("the tables have no valid format number")
    return int(stated[0])


def _check(t: LeafTables, features: int) -> None:
    """Check that the compiled loops cannot read outside an array. Raises `ValueError`."""
    kinds = {
        "format": np.int64, "features": np.int64, "base": np.float32, "expected": np.float64, "slots": np.int64,
        "uppers": np.uint64, "anchors": np.uint64, "upper": np.uint32, "upper_threshold": np.float32,
        "anchor": np.uint32, "anchor_threshold": np.float32, "present": np.uint8, "offset": np.uint64,
        "leaf": np.float32, "member": np.uint32, "table": np.float32,
    }  # fmt: skip
    if any(getattr(t, name).dtype != kind for name, kind in kinds.items()):
        raise ValueError("an array of the tables has an unexpected type")
    trees, u, a = len(t.uppers) - 1, len(t.upper_threshold), len(t.offset)
    shapes = {
        "format": (1,), "features": (1,), "base": (1,), "expected": (1,), "slots": (1,), "uppers": (trees + 1,),
        "anchors": (trees + 1,), "upper": (u, 5), "upper_threshold": (u,), "anchor": (a, 12),
        "anchor_threshold": (a, 3), "present": (a, 3), "offset": (a,), "leaf": (a, 4), "member": (len(t.member),),
        "table": (len(t.table),),
    }  # fmt: skip
    if trees < 1 or a < 1 or any(getattr(t, name).shape != shape for name, shape in shapes.items()):
        raise ValueError("an array of the tables has an unexpected shape")
    if t.features[0] != features:
        raise ValueError(f"the tables are for {t.features[0]} features, the model has {features}")
    for starts, end in ((t.uppers, u), (t.anchors, a)):
        if starts[0] != 0 or starts[-1] != end or (starts[1:] < starts[:-1]).any():
            raise ValueError("the trees of the tables overlap")
    per_tree = np.diff(t.uppers) + np.diff(t.anchors)
    slots = np.repeat(per_tree, np.diff(t.uppers).astype(np.int64))
    width, names = t.anchor[:, WIDTH].astype(np.uint64), t.anchor[:, NAMES].astype(np.uint64)
    shifts, mask = t.anchor[:, SHIFT:MASK].astype(np.uint64), t.anchor[:, MASK].astype(np.uint64)
    present = t.present.astype(bool)
    bits = np.bitwise_or.reduce(np.where(present, np.uint64(1) << np.minimum(shifts, MOST_BITS), np.uint64(0)), axis=1)
    last = (mask | bits) + np.uint64(1)
    absent = ~present
    neutral = (t.anchor_threshold == -np.inf) & (t.anchor[:, :MASK].reshape(a, 3, 3) == 0).all(axis=1)
    valid = (
        (t.anchors[1:] > t.anchors[:-1]).all()
        and t.slots[0] == per_tree.max()
        and (t.upper[:, 0] < features).all()
        and (t.upper[:, 2:4] < slots[:, None]).all()
        and (t.upper[:, 4] < 2).all()
        and (t.anchor[:, FEATURE:DEFAULT] < features).all()
        and (t.present < 2).all()
        and (neutral | present).all()
        and (present[:, :1] | absent[:, 1:]).all()
        and (t.anchor[:, DEFAULT:SHIFT] < 2).all()
        and (shifts <= MOST_BITS).all()
        and (mask < 1 << MOST_BITS).all()
        and (width <= features).all()
        and (names + width <= len(t.member)).all()
        and (t.member < features).all()
        and (t.offset <= len(t.table)).all()
        and (t.offset + last * width <= len(t.table)).all()
    )
    if not valid:
        raise ValueError("an index of the tables is out of bounds")
    if not all(np.isfinite(array).all() for array in (t.table, t.leaf, t.expected, t.base)):
        raise ValueError("the tables contain NaN or infinity")
