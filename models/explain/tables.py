"""The contribution tables: their arrays, reading explanations from them, and their file. See `table_builder.py`."""

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import OutdatedTablesError, SchemaMismatchError
from models.explain import kernels, pair_kernels
from models.explain.blocks import TreeBlocks, build_blocks
from models.explain.quadrature import Quadrature, quadrature

FORMAT = 3
"""Version of the file layout. Formats 1 and 2 stored the contributions of every pattern of a path."""
MOST_POINTS = 512
"""Most points of the quadrature: twice as many different features on one path."""
FEATURE, LEFT, RIGHT, ABOVE, MISSING_LEFT, SIDE = range(6)
"""Columns of `LeafTables.split`."""
FIRST, ON_THE_RIGHT, ON_THE_LEFT = range(3)
"""Values of `SIDE`: the first split on its feature on the way down, or right or left of the one before."""
FEW_ROWS = 4
"""Up to so many rows are explained one by one, eight trees at once; more are explained eight rows at once."""


@dataclass(frozen=True, eq=False)
class LeafTables:
    """The compiled form of T trees with S splits and L leaves on F features.

    Each tree's splits come top down, first those with a split below them (inner), then the others. Within a tree a
    *slot* is a split, counted from the tree's first, or a leaf, counted after the tree's last split. A tree that is one
    leaf is stored as a split between two such leaves.
    """

    format: NDArray[np.int64]
    """(1,): `FORMAT`."""
    features: NDArray[np.int64]
    """(1,): F."""
    points: NDArray[np.int64]
    """(1,): points of the quadrature, at least half as many as different features on any path."""
    base: NDArray[np.float32]
    """(1,): the margin before any tree."""
    expected: NDArray[np.float64]
    """(1,): the mean margin by cover, from which contributions are counted."""
    first: NDArray[np.uint32]
    """(T+1,): first split of each tree."""
    inner: NDArray[np.uint32]
    """(T,): how many of its splits are inner."""
    first_leaf: NDArray[np.uint32]
    """(T+1,): first leaf of each tree."""
    split: NDArray[np.uint32]
    """(S, 6): feature, slots of the left and right child, slot of the split before it on the same feature on the way
    down (0 without one), whether missing goes left, and on which side of the one before it is."""
    threshold: NDArray[np.float32]
    """(S,): any value, infinities included. XGBoost splits "present or missing" at minus infinity."""
    share: NDArray[np.float32]
    """(S,): the part of the split's cover that went left."""
    earlier: NDArray[np.float32]
    """(S,): product of the cover shares on the way down at splits on the same feature; 1 without one."""
    leaf: NDArray[np.float32]
    """(L,): values of the leaves."""

    @property
    def nbytes(self) -> int:
        """Bytes of all stored arrays."""
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
        if len(rows) <= FEW_ROWS:
            for i, row in enumerate(rows):
                margins[i] = self.blocks.explain(row, contributions[i])
            return margins, contributions
        if threads <= 1 or len(rows) < 2 * threads * kernels.BLOCK:
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
            self.first,
            self.first_leaf,
            self.split,
            self.threshold,
            self.leaf,
            margins,
        )
        return margins

    @cached_property
    def slots(self) -> int:
        """The most slots of one tree."""
        return int((np.diff(self.first).astype(np.int64) + np.diff(self.first_leaf)).max())

    @cached_property
    def depth(self) -> int:
        """The most splits on one way down a tree."""
        return int(pair_kernels.tree_depth(self.first, self.split))

    @cached_property
    def quadrature(self) -> Quadrature:
        """The points at which contributions are integrated."""
        return quadrature(int(self.points[0]), self.earlier)

    @cached_property
    def reach(self) -> NDArray[np.float32]:
        """(S, 2): a and b, where a + b·o is 1 if the row took the side of the split before it on the same feature
        (o: 1 if it went left there) and 0 if it did not; 1 and 0 without such a split."""
        side = self.split[:, SIDE]
        return np.stack([side != ON_THE_LEFT, (side == ON_THE_LEFT) * 1.0 - (side == ON_THE_RIGHT)], axis=1).astype(
            np.float32
        )

    @cached_property
    def blocks(self) -> TreeBlocks:
        """The trees eight by eight, for one row."""
        return build_blocks(self)

    @cached_property
    def _knots(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return self.quadrature.for_kernels()

    @cached_property
    def _missing_left(self) -> NDArray[np.float32]:
        return self.split[:, MISSING_LEFT].astype(np.float32)

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
            (0,) * int(self.points[0]),
            rows,
            self.base[0],
            self.first,
            self.inner,
            self.first_leaf,
            self.split,
            self.threshold,
            self._missing_left,
            self.share,
            self.reach,
            *self._knots,
            self.leaf,
            self.slots,
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
    """Check that the compiled loops end and cannot read outside an array. Raises `ValueError`."""
    kinds = {
        "format": np.int64, "features": np.int64, "points": np.int64, "base": np.float32, "expected": np.float64,
        "first": np.uint32, "inner": np.uint32, "first_leaf": np.uint32, "split": np.uint32, "threshold": np.float32,
        "share": np.float32, "earlier": np.float32, "leaf": np.float32,
    }  # fmt: skip
    if any(getattr(t, name).dtype != kind for name, kind in kinds.items()):
        raise ValueError("an array of the tables has an unexpected type")
    trees, splits = len(t.first) - 1, len(t.threshold)
    shapes = {
        "format": (1,), "features": (1,), "points": (1,), "base": (1,), "expected": (1,), "first": (trees + 1,),
        "inner": (trees,), "first_leaf": (trees + 1,), "split": (splits, 6), "threshold": (splits,), "share": (splits,),
        "earlier": (splits,), "leaf": (len(t.leaf),),
    }  # fmt: skip
    if trees < 1 or any(getattr(t, name).shape != shape for name, shape in shapes.items()):
        raise ValueError("an array of the tables has an unexpected shape")
    if t.features[0] != features:
        raise ValueError(f"the tables are for {t.features[0]} features, the model has {features}")
    for starts, end in ((t.first, splits), (t.first_leaf, len(t.leaf))):
        if starts[0] != 0 or starts[-1] != end or (starts[1:] <= starts[:-1]).any():
            raise ValueError("the trees of the tables overlap")
    if not _is_valid(t, features):
        raise ValueError("an index of the tables is out of bounds")
    if not all(np.isfinite(array).all() for array in (t.leaf, t.expected, t.base)) or np.isnan(t.threshold).any():
        raise ValueError("the tables contain NaN or infinity")


def _is_valid(t: LeafTables, features: int) -> bool:
    """Whether every child comes after its parent and exists, and every share is one."""
    count = np.diff(t.first)
    own = np.arange(len(t.threshold), dtype=np.int64) - np.repeat(t.first[:-1].astype(np.int64), count)
    splits = np.repeat(count.astype(np.int64), count)
    slots = splits + np.repeat(np.diff(t.first_leaf).astype(np.int64), count)
    is_inner = own < np.repeat(t.inner.astype(np.int64), count)
    children = t.split[:, LEFT : RIGHT + 1].astype(np.int64)
    side, above = t.split[:, SIDE], t.split[:, ABOVE].astype(np.int64)
    return bool(
        1 <= t.points[0] <= MOST_POINTS
        and (t.inner < count).all()
        and (t.split[:, FEATURE] < features).all()
        and (children > own[:, None]).all()
        and (children < slots[:, None]).all()
        and (is_inner[:, None] | (children >= splits[:, None])).all()
        and (t.split[:, MISSING_LEFT] <= 1).all()
        and (side <= ON_THE_LEFT).all()
        and np.where(side == FIRST, above == 0, above < own).all()
        and ((t.share >= 0) & (t.share <= 1)).all()
        and ((t.earlier >= 0) & (t.earlier <= 1)).all()
        and (t.earlier[side == FIRST] == 1).all()
    )
