"""Look up the price references of lines, and the number of claims of providers."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from claims.plausibility import ReferenceScope
from pipelines.policies.columns import Codes, Flags, Floats, ScopeColumns, TextColumn, floats, integers


def rows_of(values: Sequence[str] | pa.ChunkedArray, column: pa.ChunkedArray) -> Codes:
    """The row of each value in a column; -1: none."""
    asked = values if isinstance(values, pa.ChunkedArray) else pa.array(values, pa.string())
    return integers(pc.index_in(asked, value_set=column.combine_chunks()), missing=-1)


def _texts(values: Sequence[str]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(list(values), pa.string())])


class ScopeLookup:
    """The references of `reference_statistics_sql`, by procedure, role of the line, and entity."""

    def __init__(self, statistics: pa.Table, codes: TextColumn, principal: Flags) -> None:
        """`codes` are the procedures of the lines; `principal` says which lines have that of the highest amount."""
        self._statistics, self._codes, self._principal = statistics, codes, principal

    def of(self, scope: ReferenceScope, entity: TextColumn | None, claim: Codes) -> ScopeColumns:
        """The references of one scope; `entity` is that of each claim, None: all claims."""
        rows = self._statistics.filter(pc.equal(self._statistics["scope"], scope.value))
        entities = [""] if entity is None else entity.values
        width = len(entities) + 1
        at, code = (
            rows_of(rows["entity"], _texts(entities)),
            rows_of(rows["procedure_code"], _texts(self._codes.values)),
        )
        role = floats(pc.cast(rows["principal"], pa.int8())).astype(np.int64)
        key = np.where((at >= 0) & (code >= 0), (code * 2 + role) * width + at, -1)
        asked = np.zeros(len(claim), np.int64) if entity is None else entity.codes[claim]
        sought = np.where(asked >= 0, (self._codes.codes * 2 + self._principal) * width + asked, -2)
        order = np.append(np.argsort(key), len(key))
        ordered = np.append(key, np.iinfo(np.int64).max)[order]
        place = np.searchsorted(ordered, sought)
        index = np.where(ordered[place] == sought, order[place], -1)

        def column(name: str, missing: float) -> Floats:
            found: Floats = np.append(floats(rows[name]), missing)[index]
            return found

        median, spread, high = (column(name, np.nan) for name in ("median_cents", "log_spread", "high_units"))
        return ScopeColumns(column("claims", 0), median, spread, high)


def provider_claims(statistics: pa.Table, provider: TextColumn) -> Floats:
    """Accepted claims of each claim's provider in the year of the statistics."""
    rows = statistics.filter(pc.equal(statistics["scope"], ReferenceScope.HISTORY.value))
    by_provider = np.append(floats(rows["claims"]), 0)[rows_of(provider.values, rows["entity"])]
    found: Floats = np.append(by_provider, 0)[provider.codes]
    return found
