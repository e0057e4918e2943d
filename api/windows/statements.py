"""The values of windows for one claim, out of Postgres: equal to the bit to `features/windows.py`.

The entity's last claims are read by an index on its key and the time of receipt. A key of claims (`provider_id`) has
one; an attribute gets one of its own (`indexes.py`) where a model with such windows serves.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import psycopg

from claims.attributes import AttributeValue
from claims.scoring import ClaimFacts
from claims.windows import (
    CLAIM_KEYS,
    CLAIM_TEXTS,
    MAX_CLAIMS,
    MAX_SUMMAND,
    OF_FINDINGS,
    PARTS,
    WindowValue,
    WindowValueKind,
)
from core.clock import DAY_US

_HOUR_US = 3_600_000_000.0
_AT = "%(at)s::timestamptz"


@dataclass(frozen=True, slots=True)
class KeyStatement:
    """The statement for the values over one key."""

    sql: str
    """With the parameters `key` (text) and `at` (time of receipt); one row, a number or null per value."""
    names: tuple[str, ...]
    """The attribute that each column is."""


class WindowQuery:
    """The statements for some values, and how their results become attributes of a claim."""

    def __init__(self, values: Mapping[str, WindowValue]) -> None:
        self.statements: dict[str, KeyStatement] = {}
        """Key → statement."""
        by_key: dict[str, dict[str, WindowValue]] = {}
        for name, value in values.items():
            by_key.setdefault(value.key, {})[name] = value
        for key, some in by_key.items():
            self.statements[key] = KeyStatement(_statement(key, list(some.values())), tuple(some))

    def __bool__(self) -> bool:
        return bool(self.statements)

    def keys_of(self, facts: ClaimFacts) -> dict[str, str]:
        """Key → the entity that a claim names; a key without one is left out."""
        found = {}
        for key in self.statements:
            entity = getattr(facts, key) if key in CLAIM_KEYS else facts.attributes.get(key)
            if isinstance(entity, str):
                found[key] = entity
        return found

    def without_entity(self, facts: ClaimFacts) -> dict[str, AttributeValue]:
        """The values over keys that a claim states to have no value: null, as in training."""
        return {
            name: None
            for key, statement in self.statements.items()
            if key not in CLAIM_KEYS and key in facts.attributes and facts.attributes[key] is None
            for name in statement.names
        }


def with_windows(facts: ClaimFacts, values: Mapping[str, AttributeValue]) -> ClaimFacts:
    """The claim with the values of its windows among its attributes."""
    return facts.model_copy(update={"attributes": {**facts.attributes, **values}}) if values else facts


def text_of(attribute: str) -> str:
    """SQL of a text attribute; null where it is another type."""
    value = f"c.attributes -> '{attribute}'"
    return f"CASE WHEN jsonb_typeof({value}) = 'string' THEN c.attributes ->> '{attribute}' END"


def _number(column: str) -> tuple[str, int]:
    """SQL of a number as an integer, and how many of it are one."""
    if column == "amount":
        return "c.amount_cents", 100
    if column == "units":
        return "c.units::bigint", 1
    parts = f"(c.attributes ->> '{column}')::float8"
    clipped = f"least(greatest({parts}, {-MAX_SUMMAND!r}), {MAX_SUMMAND!r})"
    typed = f"jsonb_typeof(c.attributes -> '{column}') = 'number'"
    return f"CASE WHEN {typed} THEN round({clipped} * {PARTS})::bigint END", PARTS


def _flag(column: str) -> str:
    typed = f"jsonb_typeof(c.attributes -> '{column}') = 'boolean'"
    return f"CASE WHEN {typed} THEN (c.attributes ->> '{column}')::boolean::int END"


def _statement(key: str, values: Sequence[WindowValue]) -> str:
    entity = f"c.{key}" if key in CLAIM_KEYS else text_of(key)
    columns: dict[str, str] = {}
    """SQL of a column → its name in `past`."""
    delays = sorted({value.delay_days for value in values if value.kind in OF_FINDINGS})

    def column(sql: str) -> str:
        return f"past.{columns.setdefault(sql, f'x{len(columns)}')}"

    selected = ", ".join(_value(value, column) for value in values)
    own = "".join(f", {sql} AS {name}" for sql, name in columns.items())
    findings = "".join(
        f"""
        LEFT JOIN LATERAL (
            SELECT l.is_fraud FROM labels AS l
            WHERE l.claim_id = past.claim_id AND l.known_at < {_AT} - {days * DAY_US} * interval '1 microsecond'
            ORDER BY l.known_at DESC LIMIT 1) AS found_{days} ON TRUE"""
        for days in delays
    )
    return f"""
        WITH past AS MATERIALIZED (
            SELECT c.claim_id, c.received_at,
                   c.voided_at IS NOT NULL AND greatest(c.voided_at, c.received_at) < {_AT} AS voided{own}
            FROM claims AS c WHERE {entity} = %(key)s AND c.received_at < {_AT}
            ORDER BY c.received_at DESC, c.claim_id COLLATE "C" DESC LIMIT {MAX_CLAIMS})
        SELECT {selected} FROM past{findings}"""


def _value(value: WindowValue, column: Callable[[str], str]) -> str:
    """SQL of one value over `past`."""
    inside = "TRUE"
    if value.length_us is not None:
        inside = f"past.received_at >= {_AT} - {value.length_us} * interval '1 microsecond'"
    valid = f"({inside} AND NOT past.voided)"
    match value.kind:
        case WindowValueKind.CLAIMS:
            return f"count(*) FILTER (WHERE {valid})::float8"
        case WindowValueKind.SUM:
            sql, per_unit = _number(str(value.column))
            return f"coalesce(sum({column(sql)}) FILTER (WHERE {valid}), 0)::float8 / {per_unit}"
        case WindowValueKind.MEAN | WindowValueKind.SHARE:
            sql, per_unit = (
                _number(str(value.column)) if value.kind is WindowValueKind.MEAN else (_flag(str(value.column)), 1)
            )
            name = column(sql)
            count = f"nullif(count({name}) FILTER (WHERE {valid}), 0)::float8"
            return f"sum({name}) FILTER (WHERE {valid})::float8 / {count} / {per_unit}"
        case WindowValueKind.DISTINCT:
            text = str(value.column)
            name = column(f"c.{text}" if text in CLAIM_TEXTS else text_of(text))
            return f"count(DISTINCT {name}) FILTER (WHERE {inside})::float8"
        case WindowValueKind.LAST:
            sql, per_unit = _number(str(value.column))
            last = f'(array_agg({column(sql)} ORDER BY past.received_at DESC, past.claim_id COLLATE "C" DESC))[1]'
            return f"{last}::float8 / {per_unit}"
        case WindowValueKind.HOURS_SINCE_LAST:
            elapsed = f"(extract(epoch FROM {_AT} - max(past.received_at)) * 1000000)::bigint"
            return f"{elapsed}::float8 / {_HOUR_US!r}"
        case WindowValueKind.FRAUDS:
            return f"count(*) FILTER (WHERE {inside} AND found_{value.delay_days}.is_fraud)::float8"
        case WindowValueKind.FRAUD_RATE:
            found = f"found_{value.delay_days}.is_fraud"
            confirmed = f"count(*) FILTER (WHERE {inside} AND {found})::float8"
            return f"{confirmed} / nullif(count({found}) FILTER (WHERE {inside}), 0)::float8"


def windows_at(
    connection: "psycopg.Connection[tuple[AttributeValue, ...]]", query: WindowQuery, claims: Sequence[ClaimFacts]
) -> list[ClaimFacts]:
    """Each claim with the values of its windows as of its receipt."""
    found = []
    for facts in claims:
        values = query.without_entity(facts)
        for key, entity in query.keys_of(facts).items():
            statement = query.statements[key]
            row = connection.execute(statement.sql, {"key": entity, "at": facts.received_at}).fetchone()
            assert row is not None  # aggregates without GROUP BY
            values |= zip(statement.names, row, strict=True)
        found.append(with_windows(facts, values))
    return found
