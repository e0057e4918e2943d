"""Types of the values that features are computed from: of one claim, or a column of many."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Column: TypeAlias = NDArray[np.float64]
Value: TypeAlias = float | Column
"""A number of one claim, or a float64 column of many claims."""
Condition: TypeAlias = bool | np.bool_ | NDArray[np.bool_]

Row: TypeAlias = Sequence[int]
"""The values of a view for one key, in the order of `View.fields`; an array field takes `size` places."""
Cell: TypeAlias = int | NDArray[np.int64]
Cells: TypeAlias = Sequence[Cell] | NDArray[np.int64]
"""A row of one claim, or the columns of a view for many claims: a sequence, or a matrix (width, claims)."""

Key: TypeAlias = tuple[str, ...]
"""A key of one aggregation group, in the order of `AggregationGroup.keys`."""
KeyedRow: TypeAlias = tuple[int, tuple[int, ...]]
"""Time of the last event in it, microseconds since the epoch; its values, as its view declares them."""

KeyedRows: TypeAlias = dict[Key, KeyedRow]
"""Key → event time in microseconds since the epoch, and the row."""
