"""Today rows out of Postgres for the keys that a batch of events affects: recomputed each time, never incremented.

A recomputed row is right whatever was delivered twice, late or out of order, and whichever process was killed in
between. The SQL computes for one day and some keys what `features/offline/today.py` computes for a whole history, from
the same aggregations, in a form that the indexes of `claims` serve; the tests compare the two.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from core.clock import DAY_US
from features.declare import (
    AGGREGATION_GROUPS,
    PLANS,
    RECEIVED,
    AggregationGroup,
    Key,
    KeyedRow,
    KeyedRows,
    TodaySql,
    View,
)
from features.ledger import EVER, YEAR_TO_DATE, Days
from features.update.database import Connection, Parameters, key_params, match_keys, requested_keys

_EPOCH = date(1970, 1, 1)

NUMBERS: dict[str, str] = {
    "log_e4": "round(ln(c.amount_cents::float8) * 10000)::bigint",
    "log_e4_squared": "(round(ln(c.amount_cents::float8) * 10000)::bigint ^ 2)::bigint",
    "weekend": "(extract(isodow FROM c.service_from) >= 6)::int::bigint",
}
"""Derived column → Postgres expression; `features.declare.DERIVED_SQL` is its counterpart in DuckDB."""

GROUPS_WITH_TODAY: tuple[AggregationGroup, ...] = tuple(group for group in AGGREGATION_GROUPS if group.today)


def _instant(param: str) -> str:
    return f"('epoch'::timestamptz + %({param})s * interval '1 microsecond')"


def _micros(expression: str) -> str:
    return f"(extract(epoch FROM {expression}) * 1000000)::bigint"


def _number(column: str) -> str:
    return f"coalesce({NUMBERS.get(column, f'c.{column}::bigint')}, 0)"


class TodayQuery:
    """The statement that computes a group's today rows, and how its result becomes rows."""

    def __init__(self, group: AggregationGroup, view: View) -> None:
        self.group = group
        by_field: dict[str | None, TodaySql] = {RECEIVED: TodaySql("count(*)")}
        for aggregation in group.aggregations:
            if aggregation.today_field not in (None, *by_field):
                by_field[aggregation.today_field] = aggregation.today_sql()
        self.partners: dict[str, dict[str, Days]] = {}
        """Partner column → field of the today view → its window."""
        numbers: dict[str, None] = {}
        self._places = {field.name: field.offset for field in view.fields}
        self._folds: list[Callable[[int, int], int]] = []
        values = []
        for field in view.fields[1:]:
            sql = by_field[field.name]
            values.append(sql.value)
            self._folds.append(sql.fold)
            if sql.number is not None:
                numbers[sql.number] = None
            if sql.partner is not None:
                column, days = sql.partner
                self.partners.setdefault(column, {})[field.name] = days
        self.sql = self._statement(list(numbers), values)
        named = f"SELECT t.*, unnest(%(partners)s::text[]) AS partner FROM {requested_keys(group)} AS t"
        self.last_met_sql = {c: self._last_met(c, self._partners_of_today(c)) for c in self.partners}
        """Partner column → the statement for each of today's partners and the last claim with it before today."""
        self.last_met_named_sql = {c: self._last_met(c, named) for c in self.partners}
        """The same for the partners in the parameter `partners`."""
        self.sql_without_partners = self._statement(list(numbers), values, count_partners=False)
        """As `sql`, of the claims from `since` to before `until`, with zero for what counts partners."""

    def _last_met(self, column: str, partners: str) -> str:
        """SQL: when each key of `partners(k0 …, partner)` last had a claim with that partner before today."""
        return f"""
            SELECT t.*, {_micros("met.before")} FROM ({partners}) AS t CROSS JOIN LATERAL (
                SELECT max(c.received_at) AS before FROM claim_facts AS c
                WHERE {match_keys(self.group, "c", "t")} AND c.{column} = t.partner
                  AND c.received_at < {_instant("start")}) AS met"""

    def _partners_of_today(self, column: str) -> str:
        keys = ", ".join(f"t.k{place}" for place in range(len(self.group.keys)))
        return f"""
            SELECT DISTINCT {keys}, c.{column} AS partner
            FROM {requested_keys(self.group)} AS t JOIN claim_facts AS c ON {match_keys(self.group, "c", "t")}
            WHERE c.received_at >= {_instant("start")} AND c.received_at < {_instant("before")}
              AND c.{column} IS NOT NULL"""

    def _statement(self, numbers: Sequence[str], values: Sequence[str], *, count_partners: bool = True) -> str:
        of_today = ", ".join(f"today.k{place}" for place in range(len(self.group.keys)))
        ctes, joins = [self._today_cte(numbers, *(("start", "before") if count_partners else ("since", "until")))], ""
        for column, fields in self.partners.items():
            if count_partners:
                cte, join = self._partner_cte(column, fields)
                ctes.append(cte)
                joins += join
            else:
                zeros = ", ".join(f"0 AS {name}" for name in fields)
                joins += f" CROSS JOIN (SELECT {zeros}) AS p_{column}"
        return f"""WITH {", ".join(ctes)}
            SELECT {of_today}, max(greatest(us, void_us)), {", ".join(values)} FROM today{joins} GROUP BY {of_today}"""

    def _today_cte(self, numbers: Sequence[str], since: str, until: str) -> str:
        """The relation `today`: the requested keys' claims between two instants, and which are voided `before`."""
        requested = ", ".join(f"t.k{place}" for place in range(len(self.group.keys)))
        columns = "".join(f", {_number(column)} AS n_{column}" for column in numbers)
        columns += "".join(f", c.{column} AS partner_{column}" for column in self.partners)
        void = "CASE WHEN c.voided_at IS NOT NULL THEN greatest(c.voided_at, c.received_at) END"
        return f"""today AS MATERIALIZED (
            SELECT {requested}, c.claim_id COLLATE "C" AS claim_id,
                   {_micros("c.received_at")} AS us,
                   CASE WHEN {void} < {_instant("before")} THEN {_micros(void)} END AS void_us,
                   NOT coalesce({void} < {_instant("before")}, FALSE) AS is_valid{columns}
            FROM {requested_keys(self.group)} AS t JOIN claim_facts AS c ON {match_keys(self.group, "c", "t")}
            WHERE c.received_at >= {_instant(since)} AND c.received_at < {_instant(until)})"""

    def _partner_cte(self, column: str, fields: Mapping[str, Days]) -> tuple[str, str]:
        """The relation `p_<column>`: per key and field, today's partners that are new to the window; and its join."""
        keys = ", ".join(f"k{place}" for place in range(len(self.group.keys)))
        counts = ", ".join(f"count(*) FILTER (WHERE {self._new(days)}) AS {name}" for name, days in fields.items())
        cte = f"""p_{column} AS (
            SELECT {keys}, {counts}
            FROM (SELECT DISTINCT {keys}, partner_{column} FROM today WHERE partner_{column} IS NOT NULL) AS t
            CROSS JOIN LATERAL (
                SELECT max(c.received_at) AS before FROM claim_facts AS c
                WHERE {match_keys(self.group, "c", "t")} AND c.{column} = t.partner_{column}
                  AND c.received_at < {_instant("start")}) AS met
            GROUP BY {keys})"""
        return cte, f" LEFT JOIN p_{column} USING ({keys})"

    def _new(self, days: Days) -> str:
        if days == EVER:
            return "before IS NULL"
        return f"(before IS NULL OR before < {_instant(self.window_param(days))})"

    @staticmethod
    def window_param(days: Days) -> str:
        """The parameter that holds the beginning of a window other than `EVER`."""
        return "ytd" if days == YEAR_TO_DATE else f"since_{days}"

    def params(
        self, keys: Sequence[Key], day: int, before_us: int, *, since_us: int | None = None, until_us: int | None = None
    ) -> Parameters:
        """The parameters of the statements for the part of `day` before an instant; voids until then count.

        `sql_without_partners` reads the claims from `since_us` to before `until_us`; the whole part by default.
        """
        since = {f"since_{days}": (day - days) * DAY_US for days in self._windows() if days > 0}
        new_year = (_EPOCH + timedelta(days=day)).replace(month=1, day=1).toordinal() - _EPOCH.toordinal()
        edges = {"start": day * DAY_US, "before": before_us, "ytd": new_year * DAY_US}
        edges["since"] = edges["start"] if since_us is None else since_us
        edges["until"] = before_us if until_us is None else until_us
        return {**key_params(self.group, keys), **since, **edges}

    def window_start_us(self, days: Days, day: int) -> int:
        """The beginning of a window on `day`, microseconds since the epoch."""
        start = 0 if days == EVER else self.params([], day, 0)[self.window_param(days)]
        assert isinstance(start, int)
        return start

    def _windows(self) -> set[Days]:
        return {days for fields in self.partners.values() for days in fields.values()}

    def place(self, field: str) -> int:
        """The place of a field in a row."""
        return self._places[field]

    def folded(self, earlier: KeyedRow, later: KeyedRow) -> KeyedRow:
        """The row over the claims of two adjoining periods, out of both; 0 for what counts partners."""
        (us, (day, *values)), (later_us, (_, *later_values)) = earlier, later
        both = (fold(*pair) for fold, *pair in zip(self._folds, values, later_values, strict=True))
        return max(us, later_us), (day, *both)

    def rows(self, result: Iterable[tuple[Any, ...]], day: int) -> KeyedRows:
        """The result of the statement as rows."""
        width = len(self.group.keys)
        return {row[:width]: (row[width], (day, *row[width + 1 :])) for row in result}


def _queries() -> dict[str, TodayQuery]:
    queries = {}
    for group in GROUPS_WITH_TODAY:
        view = PLANS[group.name].today
        if view is not None:
            queries[group.name] = TodayQuery(group, view)
    return queries


QUERIES: dict[str, TodayQuery] = _queries()


def today_rows_of(
    connection: Connection, keys: Mapping[str, Sequence[Key]], *, day: int, before_us: int | None = None
) -> dict[str, KeyedRows]:
    """Group name → the today rows of these keys on `day`, as of strictly before an instant of it (default: its end).

    A key without a claim that day has no row. The statements read one snapshot if the connection's transaction does.
    """
    before = (day + 1) * DAY_US if before_us is None else before_us
    requested = [(QUERIES[name], of_group) for name, of_group in keys.items() if of_group and name in QUERIES]
    found: dict[str, KeyedRows] = {}
    with connection.pipeline():
        cursors = [
            (query, connection.cursor().execute(query.sql, query.params(of_group, day, before)))
            for query, of_group in requested
        ]
        for query, cursor in cursors:
            found[query.group.name] = query.rows(cursor, day)
    return found
