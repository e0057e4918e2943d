"""Today's rows out of Postgres, for the keys a batch of events touched: read anew each time, never counted up.

A row read anew is right whatever was delivered twice, late or out of order, and whoever was killed in between. What
`features/offline/today.py` says of a whole history for the offline side, this says of one day and some keys, in SQL
that the indexes of `claims` serve; the tests hold the two against each other.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from core.clock import DAY_US
from features.declare import (
    AGGREGATION_GROUPS,
    EVER,
    PLANS,
    YEAR_TO_DATE,
    Aggregation,
    AggregationGroup,
    Count,
    Days,
    Distinct,
    First,
    FirstSeen,
    Key,
    KeyedRows,
    Last,
    LastValue,
    Sum,
    View,
    today_field,
)
from features.update.database import Connection, key_params, match_keys, requested_keys

_EPOCH = date(1970, 1, 1)

NUMBERS: dict[str, str] = {
    "log_e4": "round(ln(c.amount_cents::float8) * 10000)::bigint",
    "log_e4_squared": "(round(ln(c.amount_cents::float8) * 10000)::bigint ^ 2)::bigint",
    "weekend": "(extract(isodow FROM c.service_from) >= 6)::int::bigint",
}
"""Derived column → Postgres expression; `features.declare.DERIVED_SQL` is its counterpart in DuckDB."""

GROUPS_WITH_TODAY: tuple[AggregationGroup, ...] = tuple(entity for entity in AGGREGATION_GROUPS if entity.today)


def _instant(param: str) -> str:
    return f"('epoch'::timestamptz + %({param})s * interval '1 microsecond')"


def _micros(expression: str) -> str:
    return f"(extract(epoch FROM {expression}) * 1000000)::bigint"


def _number(column: str) -> str:
    return f"coalesce({NUMBERS.get(column, f'c.{column}::bigint')}, 0)"


class TodayQuery:
    """One entity's statement, and how its answer becomes rows."""

    def __init__(self, entity: AggregationGroup, view: View) -> None:
        self.entity = entity
        self._view = view
        by_field: dict[str, Aggregation] = {}
        for aggregation in entity.aggregations:
            name = today_field(aggregation)
            if name is not None:
                by_field.setdefault(name, aggregation)
        self.partners: dict[str, dict[str, Days]] = {}
        """Partner column → field of the today view → its window."""
        numbers: dict[str, None] = {}
        values = []
        for field in view.fields[1:]:
            found: Aggregation | None = by_field.get(field.name)
            match found:
                case Distinct(column=column, days=days):
                    self.partners.setdefault(column, {})[field.name] = days
                    values.append(f"coalesce(max(p_{column}.{field.name}), 0)")
                case FirstSeen(column=column):
                    self.partners.setdefault(column, {})[field.name] = EVER
                    values.append(f"coalesce(max(p_{column}.{field.name}), 0)")
                case _ if field.name == "received":
                    values.append("count(*)")
                case Count():
                    values.append("count(*) FILTER (WHERE stands)")
                case Sum(column=column):
                    numbers[column] = None
                    values.append(f"coalesce(sum(n_{column}) FILTER (WHERE stands), 0)::bigint")
                case Last():
                    values.append("max(us)")
                case First():
                    values.append("min(us)")
                case LastValue(column=column):
                    numbers[column] = None
                    values.append(f"(array_agg(n_{column} ORDER BY us DESC, claim_id DESC))[1]")
                case _:
                    raise ValueError(f"{view.name}.{field.name} cannot be read from the database")
        self.sql = self._statement(list(numbers), values)
        named = f"SELECT t.*, unnest(%(partners)s::text[]) AS partner FROM {requested_keys(entity)} AS t"
        self.met_sql = {c: self._met_before(c, self._partners_of_today(c)) for c in self.partners}
        """Partner column → the statement that tells each of today's partners and the last meeting before today."""
        self.met_named_sql = {c: self._met_before(c, named) for c in self.partners}
        """The same of the partners in the parameter `partners`."""
        self.lean_sql = self._statement(list(numbers), values, count_partners=False)
        """As `sql`, with nought for what counts partners."""

    def _met_before(self, column: str, partners: str) -> str:
        """SQL: when each key of `partners(k0 …, partner)` last met that partner before today."""
        return f"""
            SELECT t.*, {_micros("met.before")} FROM ({partners}) AS t CROSS JOIN LATERAL (
                SELECT max(c.received_at) AS before FROM claim_facts AS c
                WHERE {match_keys(self.entity, "c", "t")} AND c.{column} = t.partner
                  AND c.received_at < {_instant("start")}) AS met"""

    def _partners_of_today(self, column: str) -> str:
        keys = ", ".join(f"t.k{place}" for place in range(len(self.entity.keys)))
        return f"""
            SELECT DISTINCT {keys}, c.{column} AS partner
            FROM {requested_keys(self.entity)} AS t JOIN claim_facts AS c ON {match_keys(self.entity, "c", "t")}
            WHERE c.received_at >= {_instant("start")} AND c.received_at < {_instant("before")}
              AND c.{column} IS NOT NULL"""

    def _statement(self, numbers: Sequence[str], values: Sequence[str], *, count_partners: bool = True) -> str:
        keys = ", ".join(f"k{place}" for place in range(len(self.entity.keys)))
        of_touched = ", ".join(f"t.k{place}" for place in range(len(self.entity.keys)))
        of_today = ", ".join(f"today.k{place}" for place in range(len(self.entity.keys)))
        columns = "".join(f", {_number(column)} AS n_{column}" for column in numbers)
        columns += "".join(f", c.{column} AS partner_{column}" for column in self.partners)
        void = "CASE WHEN c.voided_at IS NOT NULL THEN greatest(c.voided_at, c.received_at) END"
        ctes = [
            f"""today AS MATERIALIZED (
            SELECT {of_touched}, c.claim_id COLLATE "C" AS claim_id,
                   {_micros("c.received_at")} AS us,
                   CASE WHEN {void} < {_instant("before")} THEN {_micros(void)} END AS void_us,
                   NOT coalesce({void} < {_instant("before")}, FALSE) AS stands{columns}
            FROM {requested_keys(self.entity)} AS t JOIN claim_facts AS c ON {match_keys(self.entity, "c", "t")}
            WHERE c.received_at >= {_instant("start")} AND c.received_at < {_instant("before")})"""
        ]
        joins = ""
        for column, fields in self.partners.items():
            if not count_partners:
                nought = ", ".join(f"0 AS {name}" for name in fields)
                joins += f" CROSS JOIN (SELECT {nought}) AS p_{column}"
                continue
            counts = ", ".join(f"count(*) FILTER (WHERE {self._new(days)}) AS {name}" for name, days in fields.items())
            ctes.append(f"""p_{column} AS (
            SELECT {keys}, {counts}
            FROM (SELECT DISTINCT {keys}, partner_{column} FROM today WHERE partner_{column} IS NOT NULL) AS t
            CROSS JOIN LATERAL (
                SELECT max(c.received_at) AS before FROM claim_facts AS c
                WHERE {match_keys(self.entity, "c", "t")} AND c.{column} = t.partner_{column}
                  AND c.received_at < {_instant("start")}) AS met
            GROUP BY {keys})""")
            joins += f" LEFT JOIN p_{column} USING ({keys})"
        return f"""WITH {", ".join(ctes)}
            SELECT {of_today}, max(greatest(us, void_us)), {", ".join(values)} FROM today{joins} GROUP BY {of_today}"""

    def _new(self, days: Days) -> str:
        if days == EVER:
            return "before IS NULL"
        return f"(before IS NULL OR before < {_instant(self.since(days))})"

    @staticmethod
    def since(days: Days) -> str:
        """The parameter that holds where a window, which must end, begins."""
        return "ytd" if days == YEAR_TO_DATE else f"since_{days}"

    def params(self, keys: Sequence[Key], day: int, before_us: int) -> dict[str, Any]:
        """The statement's parameters for the part of `day` before an instant."""
        since = {f"since_{days}": (day - days) * DAY_US for days in self._days() if days > 0}
        new_year = (_EPOCH + timedelta(days=day)).replace(month=1, day=1).toordinal() - _EPOCH.toordinal()
        edges = {"start": day * DAY_US, "before": before_us, "ytd": new_year * DAY_US}
        return key_params(self.entity, keys) | since | edges

    def _days(self) -> Iterable[Days]:
        return {days for fields in self.partners.values() for days in fields.values()}

    def rows(self, answer: Iterable[tuple[Any, ...]], day: int) -> KeyedRows:
        """The answer as rows."""
        width = len(self.entity.keys)
        return {row[:width]: (row[width], (day, *row[width + 1 :])) for row in answer}


def _queries() -> dict[str, TodayQuery]:
    queries = {}
    for entity in GROUPS_WITH_TODAY:
        view = PLANS[entity.name].today
        if view is not None:
            queries[entity.name] = TodayQuery(entity, view)
    return queries


QUERIES: dict[str, TodayQuery] = _queries()


def today_rows_of(
    connection: Connection, keys: Mapping[str, Sequence[Key]], *, day: int, before_us: int | None = None
) -> dict[str, KeyedRows]:
    """Entity name → the today rows of these keys on `day`, as of strictly before an instant of it (default: its end).

    A key without a claim that day has no row. The statements are one snapshot if the connection's transaction is.
    """
    before = (day + 1) * DAY_US if before_us is None else before_us
    asked = [(QUERIES[name], of_entity) for name, of_entity in keys.items() if of_entity and name in QUERIES]
    found: dict[str, KeyedRows] = {}
    with connection.pipeline():
        cursors = [
            (query, connection.cursor().execute(query.sql, query.params(of_entity, day, before)))
            for query, of_entity in asked
        ]
        for query, cursor in cursors:
            found[query.entity.name] = query.rows(cursor, day)
    return found
