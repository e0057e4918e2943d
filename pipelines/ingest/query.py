"""The query that parses a chunk of records: a claims file's texts → typed fields, the first problem, and what to count.

It reads the table `chunk`: `row` is the line number, `record` a digest of the whole record, `c0…` are the texts of the
mapped columns.
"""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import pyarrow as pa

from claims.attributes import PREFIX, feature_name
from claims.service_days import receipt_day
from core import clock
from pipelines.ingest.attribute_fields import parse_attributes, staged_columns
from pipelines.ingest.corrections import REPLACE, STAGED, VOID
from pipelines.ingest.expression_fields import parse_expressions
from pipelines.ingest.fields import ParsedColumn, ambiguous_day, cleaned, date_of_parts, listed, literal, parse_all
from pipelines.ingest.mapping import FIELDS, Mapping

_TYPES: dict[str, pa.DataType] = {
    "line": pa.int32(),
    "received_at": pa.int64(),
    "service_from": pa.date32(),
    "service_to": pa.date32(),
    "age_years": pa.int32(),
    "birth_date": pa.date32(),
    "amount": pa.int64(),
    "units": pa.int32(),
    "lines": pa.int32(),
    "diagnoses": pa.int32(),
    "diagnosis_count": pa.int32(),
    "benefit_limit": pa.int64(),
    "voided_at": pa.int64(),
    "label": pa.bool_(),
    "label_known_at": pa.int64(),
}
_DATES = ("received_at", "service_from", "service_to", "birth_date", "voided_at", "label_known_at")


def staging_schema(mapping: Mapping) -> pa.Schema:
    """A row of the file: `row` is its line number and `record` a digest of its text, then our fields (times in
    microseconds, money in cents), then the attributes, each under the name of its feature.
    """
    types = {name: _TYPES.get(name, pa.string()) for name in (*FIELDS, STAGED)} | staged_columns(mapping)
    own = [pa.field("row", pa.int64()), pa.field("record", pa.int64())]
    return pa.schema([*own, *(pa.field(name, kind) for name, kind in types.items())])


@dataclass(frozen=True, slots=True)
class RowQuery:
    """The SQL, and which further columns its result has."""

    sql: str
    normalized: tuple[str, ...]
    """Fields with a column `n_FIELD`: the text that was normalized, null where it was not."""
    nullable: tuple[str, ...]
    """Staged columns with a column `b_COLUMN`: why the value is null although the row is used."""
    ambiguous: tuple[str, ...]
    """Fields with a column `a_FIELD`: whether two of the date formats read different days."""


@dataclass(frozen=True, slots=True)
class _Parts:
    """SQL per staged column."""

    texts: dict[str, str]
    parsed: dict[str, ParsedColumn]
    values: dict[str, str]


def row_query(mapping: Mapping, columns: list[str], at: datetime) -> RowQuery:
    """The query for a mapping and the columns it reads, in their order. No date may be later than `at`."""
    names = {column: f"t{index}" for index, column in enumerate(columns)}
    parts = _parts(mapping, names, at)
    types = {field.name: _sql_type(field.type) for field in staging_schema(mapping)}
    problems = {name: entry.problem.replace("@v", f"v_{name}") for name, entry in parts.parsed.items()}
    for field in _always(mapping):
        problems[field] = f"CASE WHEN {parts.texts[field]} IS NULL THEN 'no value' ELSE ({problems[field]}) END"
    if mapping.frequency_code is not None:  # the amount of a row that voids a claim does not count
        problems["amount"] = f"CASE WHEN v_{STAGED} = '{VOID}' THEN NULL ELSE {problems['amount']} END"
    nullable = tuple(name for name in problems if mapping.nulls(_shown(name)))
    kinds = {field: mapping.identifier_kind(field) for field in parts.parsed}
    normalized = tuple(field for field, kind in kinds.items() if kind is not None and field in mapping.columns)
    ambiguous = {
        field: sql
        for field in _DATES
        if field in mapping.columns and (sql := ambiguous_day(parts.texts[field], mapping.dates_of(field), at.date()))
    }
    further = [
        *(f"CASE WHEN v_{field} <> {parts.texts[field]} THEN {parts.texts[field]} END AS n_{field}"
          for field in normalized),
        *(f"p_{name} AS b_{name}" for name in nullable),
        *(f"{sql} AS a_{field}" for field, sql in ambiguous.items()),
    ]  # fmt: skip
    chosen = [
        *(f"{_chosen(mapping, name, types[name], parts, nullable)} AS {name}" for name in types),
        *further,
        f"COALESCE({', '.join(_problem(name, parts) for name in problems if name not in nullable)}) AS problem",
    ]
    sql = _layered(mapping, len(columns), parts, types, problems, chosen)
    return RowQuery(sql, normalized, nullable, tuple(ambiguous))


def _parts(mapping: Mapping, names: dict[str, str], at: datetime) -> _Parts:
    """Text, parser and value of each staged column; `names` has the SQL name of each column of the file."""
    raw = {
        field: _first([names[column] for column in mapping.sources(field)])
        for field in mapping.columns
        if field != "diagnoses"
    }
    raw |= {field: date_of_parts(found, names) for field, found in mapping.date_parts.items()}
    attributes = {
        name: (_first if declared.expression is None else _together)([names[column] for column in columns_read])
        for name, declared in mapping.features.items()
        if (columns_read := mapping.attribute_sources(name)) and mapping.flagged(name) is None
    }
    constants = {field: literal(value) for field, value in mapping.constants.items()}
    parsed = parse_all(mapping, raw | constants, receipt_day(at, ZoneInfo(mapping.time_zone)), clock.micros(at))
    parsed |= parse_expressions(mapping, names) | parse_attributes(mapping, attributes, names)
    further = [f"({names[column]} IS NOT NULL)::INT" for column in mapping.sources("diagnoses")]
    values = {field: entry.value for field, entry in parsed.items()}
    if "diagnosis_code" in parsed:
        own = set(mapping.sources("diagnosis_code")) & set(mapping.sources("diagnoses"))
        principal = [] if own else [f"({raw['diagnosis_code']} IS NOT NULL)::INT"]
        values["diagnoses"] = f"GREATEST(1, {' + '.join([*principal, *further] or ['1'])})"
    if mapping.frequency_code is not None:
        code = f"lower({names[mapping.frequency_code.column]})"
        groups = {VOID: mapping.frequency_code.void, REPLACE: mapping.frequency_code.replace}
        arms = " ".join(f"WHEN {code} IN {listed(texts)} THEN '{kind}'" for kind, texts in groups.items())
        values[STAGED] = f"CASE {arms} END"
        values["replaces"] = f"CASE WHEN {values[STAGED]} IS NOT NULL THEN {values['replaces']} END"
    if "diagnosis_count" in parsed:
        values["diagnoses"] = parsed["diagnosis_count"].value
    computed = {field: _together([names[column] for column in mapping.sources(field)]) for field in mapping.expressions}
    texts = raw | computed | constants | {feature_name(name): sql for name, sql in attributes.items()}
    return _Parts(texts, parsed, values)


def _layered(
    mapping: Mapping, columns: int, parts: _Parts, types: dict[str, str], problems: dict[str, str], chosen: list[str]
) -> str:
    """One subquery per step (text, value, problem, choice), so that nothing is computed twice."""
    trimmed = ", ".join(f"trim(c{at}, ' \t\u00a0') AS t{at}" for at in range(columns))
    texts = ", ".join(f"{cleaned(f't{at}', mapping.missing)} AS t{at}" for at in range(columns))
    named = ", ".join(f"({sql})::{types[name]} AS v_{name}" for name, sql in parts.values.items())
    found = ", ".join(f"({problem})::VARCHAR AS p_{name}" for name, problem in problems.items())
    return f"""
        SELECT {", ".join(chosen)} FROM (
            SELECT *, {found} FROM (
                SELECT *, {named} FROM (
                    SELECT "row", record, {texts} FROM (SELECT "row", record, {trimmed} FROM chunk)
                )
            )
        ) ORDER BY "row"
    """


def _chosen(mapping: Mapping, name: str, kind: str, parts: _Parts, nullable: tuple[str, ...]) -> str:
    """SQL of a staged column."""
    if name in ("row", "record"):
        return f'"{name}"'
    flagged = mapping.flagged(name.removeprefix(PREFIX)) if name.startswith(PREFIX) else None
    if flagged is not None:
        return f"(p_{flagged if flagged in FIELDS else feature_name(flagged)} IS NOT NULL)"
    if name not in parts.values:
        return f"NULL::{kind}"
    return f"CASE WHEN p_{name} IS NULL THEN v_{name} END" if name in nullable else f"v_{name}"


def _problem(name: str, parts: _Parts) -> str:
    """SQL of a problem with its field and text, NULL without one."""
    return (
        f"CASE WHEN p_{name} IS NOT NULL THEN "
        f"{{'field': '{_shown(name)}', 'reason': p_{name}, 'value': ({parts.texts[name]})::VARCHAR}} END"
    )


def _always(mapping: Mapping) -> list[str]:
    """Mapped fields that a claim requires."""
    owner = ("provider_id",) if mapping.label_of == "provider" else ()
    return [field for field in ("claim_id", "amount", *owner) if field in mapping.columns]


def _shown(staged: str) -> str:
    """The name of a staged column in rejects."""
    return f"features.{staged.removeprefix(PREFIX)}" if staged.startswith(PREFIX) else staged


def _first(texts: list[str]) -> str:
    """SQL of the first text with a value."""
    return texts[0] if len(texts) == 1 else f"COALESCE({', '.join(texts)})"


def _together(texts: list[str]) -> str:
    """SQL of all texts that have a value."""
    return f"NULLIF(concat_ws(' ', {', '.join(texts)}), '')"


def _sql_type(kind: pa.DataType) -> str:
    types = {pa.int32(): "INTEGER", pa.int64(): "BIGINT", pa.date32(): "DATE", pa.bool_(): "BOOLEAN"}
    return (types | {pa.float64(): "DOUBLE"}).get(kind, "VARCHAR")
