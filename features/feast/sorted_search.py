"""The point-in-time join by binary search, for a view's file that is sorted: faster than DuckDB's sort.

Our own files are written key by key, each key's rows in order of time, so nothing has to be sorted again. That is
checked, not assumed: where a file is not sorted, is too large, or has other types than the entity rows, the result is
`None` and `asof_join.py` joins by SQL.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import reduce
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

MAX_ROWS = 40_000_000
"""Rows of a view above which its keys and times are not held in memory: about 40 bytes per row."""
_MAX_NUMBER = 2**62
_CHUNK = 1 << 15
"""Entity rows searched at a time: their intermediate results stay in the processor's cache."""
Integers = NDArray[np.int64]


def sorted_join(
    file: Path, frame: pa.Table, *, keys: dict[str, str], time: str, moment: str, fields: Sequence[str], ttl: timedelta
) -> pa.Table | None:
    """`fields` of the last row strictly before each row of `frame`, in its order, null where there is none.

    `keys`: key column of the file → of the frame; `time` and `moment`: time columns of the file and of the frame.
    `None`: the file cannot be joined by search.
    """
    described = pq.read_schema(file)
    kinds = [described.field(ours).type for ours in keys] + [
        frame.schema.field(theirs).type for theirs in keys.values()
    ]
    if not all(pa.types.is_string(kind) for kind in kinds):
        return None
    if pq.read_metadata(file).num_rows > MAX_ROWS:
        return None
    held = pq.read_table(file, columns=[*keys, time])
    if held[time].null_count:
        return None
    of_file, times = held.select(list(keys)), _micros(held[time])
    starts = _starts(of_file)
    backwards = np.flatnonzero(times[1:] < times[:-1]) + 1
    if not np.isin(backwards, starts, assume_unique=True).all():
        return None
    runs = _runs(of_file.take(pa.array(starts)), frame.select(list(keys.values())))
    if runs is None:
        return None
    moments = _micros(frame[moment])
    found = _last_before(times, np.append(starts, len(times)), runs, moments)
    if ttl and len(times):
        found[moments - times[found] > ttl // timedelta(microseconds=1)] = -1
    del held, of_file, times
    places = pa.array(found, mask=found < 0)

    def taken(name: str) -> pa.ChunkedArray:
        return pq.read_table(file, columns=[name], use_threads=False)[name].take(places)

    # One column per thread, so that no more columns are in memory than there are processors.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return pa.table(dict(zip(fields, pool.map(taken, fields), strict=True)))


def _starts(keys: pa.Table) -> Integers:
    """Where the rows of a new key begin; a row with a null in its key is a key of its own."""
    if not len(keys):
        return np.zeros(0, dtype=np.int64)
    columns = [column.combine_chunks() for column in keys.columns]
    changes = [pc.fill_null(pc.not_equal(column[1:], column[:-1]), True) for column in columns]
    changed = reduce(np.logical_or, [change.to_numpy(zero_copy_only=False) for change in changes])
    return np.flatnonzero(np.append(True, changed))


def _runs(ours: pa.Table, theirs: pa.Table) -> Integers | None:
    """For each of their keys the row with it in ours, -1 where there is none or a part of it is null.

    `None`: a key of ours occurs twice, or there are more possible keys than numbers.
    """
    if ours.num_columns == 1:
        known, requested = ours.column(0), theirs.column(0)
    else:
        numbered = _numbered(ours, theirs)
        if numbered is None:
            return None
        known, requested = numbered
    if pc.count_distinct(known, mode="only_valid").as_py() != len(known) - known.null_count:
        return None
    found = pc.index_in(requested, value_set=known, skip_nulls=True)
    runs: Integers = pc.fill_null(found, -1).to_numpy().astype(np.int64)
    return runs


def _numbered(ours: pa.Table, theirs: pa.Table) -> tuple[pa.Array, pa.Array] | None:
    """One number per key of several parts, the same in both tables; null where a part is null or not in ours."""
    numbers = [np.zeros(len(table), dtype=np.int64) for table in (ours, theirs)]
    has_null = [np.zeros(len(table), dtype=np.bool_) for table in (ours, theirs)]
    possible = 1
    for parts in zip(ours.columns, theirs.columns, strict=True):
        values = pc.unique(parts[0])
        possible *= max(len(values), 1)
        if possible > _MAX_NUMBER:
            return None
        for number, mask, part in zip(numbers, has_null, parts, strict=True):
            place = pc.index_in(part, value_set=values, skip_nulls=True)
            number *= len(values)
            number += pc.fill_null(place, 0).to_numpy()
            mask |= place.is_null().to_numpy()
    known, requested = (pa.array(number, mask=mask) for number, mask in zip(numbers, has_null, strict=True))
    return known, requested


def _last_before(times: Integers, bounds: Integers, runs: Integers, moments: Integers) -> Integers:
    """Position of the last row of each run with an earlier time; -1 where there is none.

    `bounds` (runs + 1): where each run begins, and the end.
    """
    found = np.full(len(runs), -1, dtype=np.int64)
    rounds = int(np.max(np.diff(bounds), initial=0)).bit_length()
    for at in range(0, len(runs) if rounds else 0, _CHUNK):
        run, moment = runs[at : at + _CHUNK], moments[at : at + _CHUNK]
        first, high = bounds[run], bounds[run + 1]
        low = first
        for _ in range(rounds):
            middle = (low + high) >> 1
            open_ = low < high
            earlier = open_ & (times[np.minimum(middle, len(times) - 1)] < moment)
            low = np.where(earlier, middle + 1, low)
            high = np.where(open_ & ~earlier, middle, high)
        found[at : at + _CHUNK] = np.where((run >= 0) & (low > first), low - 1, -1)
    return found


def _micros(column: pa.ChunkedArray) -> Integers:
    """Times as microseconds since the epoch; fractions are cut off, and null comes before all times."""
    whole = column.cast(pa.timestamp("us", tz="UTC"), safe=False).cast(pa.int64())
    values: Integers = pc.fill_null(whole, np.iinfo(np.int64).min).to_numpy()
    return values
