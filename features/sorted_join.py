"""The same point-in-time join where a view's file lies sorted: by binary search, at half the cost of DuckDB's sort.

Our own files are written key by key, each key's rows in the order of time, so nothing has to be sorted again. What the
file is like is seen, not believed: where it is not sorted, too large, or typed otherwise than the entity rows, there is
no answer here, and `features.asof` joins by SQL.
"""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

MOST_ROWS = 40_000_000
"""Rows of a view above which its keys and times are not held in memory: some 40 bytes a row."""
_MOST_CODES = 2**62
Integers = NDArray[np.int64]


def sorted_join(
    file: Path, frame: pa.Table, *, keys: dict[str, str], time: str, moment: str, fields: Sequence[str], ttl: timedelta
) -> pa.Table | None:
    """`fields` of the last row strictly before each row of `frame`, in its order, null where there is none.

    `keys`: key column of the file → of the frame; `time` and `moment`: columns of time of the file and of the frame.
    `None`: the file is not one this can join.
    """
    described = pq.read_schema(file)
    kinds = [described.field(ours).type for ours in keys] + [
        frame.schema.field(theirs).type for theirs in keys.values()
    ]
    if not all(pa.types.is_string(kind) for kind in kinds):
        return None
    if pq.read_metadata(file).num_rows > MOST_ROWS:
        return None
    held = pq.read_table(file, columns=[*keys, time], read_dictionary=list(keys))
    coded = _codes(held.select(list(keys)), frame.select(list(keys.values())))
    if coded is None:
        return None
    of_rows, asked = coded
    times = _micros(held[time])
    starts = np.flatnonzero(np.diff(of_rows, prepend=-2))
    if not _is_sorted(of_rows, times, starts):
        return None
    found = _last_before(of_rows, times, starts, asked, _micros(frame[moment]))
    if ttl:
        old = _micros(frame[moment]) - times[found] > ttl // timedelta(microseconds=1) if len(times) else found < 0
        found[old] = -1
    places = pa.array(found, mask=found < 0)
    # A column at a time, so that no more than one of them is held whole.
    return pa.table({name: pq.read_table(file, columns=[name])[name].take(places) for name in fields})


def _codes(ours: pa.Table, theirs: pa.Table) -> tuple[Integers, Integers] | None:
    """One number a key, the same in both tables; -1 where a part of the key is null or not in ours.

    `None`: there are more possible keys than numbers.
    """
    of_rows, asked, possible = np.zeros(len(ours), dtype=np.int64), np.zeros(len(theirs), dtype=np.int64), 1
    for column, wanted in zip(ours.columns, theirs.columns, strict=True):
        encoded = column.unify_dictionaries().combine_chunks()
        values = encoded.dictionary
        possible *= max(len(values), 1)
        if possible > _MOST_CODES:
            return None
        for codes, part in (
            (of_rows, encoded.indices),
            (asked, pc.index_in(wanted, value_set=values, skip_nulls=True)),
        ):
            number = pc.fill_null(part, -1).to_numpy(zero_copy_only=False).astype(np.int64)
            codes[:] = np.where((codes < 0) | (number < 0), -1, codes * len(values) + number)
    return of_rows, asked


def _is_sorted(of_rows: Integers, times: Integers, starts: Integers) -> bool:
    """Whether each key's rows lie together, in the order of time; rows without a key do not matter."""
    keyed = of_rows[starts][of_rows[starts] >= 0]
    backwards = (np.diff(times) < 0) & (np.diff(of_rows) == 0) & (of_rows[1:] >= 0)
    return len(np.unique(keyed)) == len(keyed) and not backwards.any()


def _last_before(of_rows: Integers, times: Integers, starts: Integers, asked: Integers, moments: Integers) -> Integers:
    """Place of the last row with the asked key and an earlier time; -1 where there is none."""
    if not len(starts):
        return np.full(len(asked), -1, dtype=np.int64)
    order = np.argsort(of_rows[starts])
    sorted_keys = of_rows[starts][order]
    near = np.minimum(np.searchsorted(sorted_keys, asked), len(order) - 1)
    known = (sorted_keys[near] == asked) & (asked >= 0)
    first = starts[order[near]]
    ends = np.append(starts[1:], len(of_rows))
    low, high = first.copy(), ends[order[near]]
    for _ in range(int(np.max(ends - starts)).bit_length()):
        middle = (low + high) >> 1
        open_ = low < high
        earlier = open_ & (times[np.minimum(middle, len(times) - 1)] < moments)
        low = np.where(earlier, middle + 1, low)
        high = np.where(open_ & ~earlier, middle, high)
    return np.where(known & (low > first), low - 1, -1)


def _micros(column: pa.ChunkedArray) -> Integers:
    """Times as microseconds since the epoch."""
    whole = column.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
    values: Integers = whole.to_numpy()
    return values
