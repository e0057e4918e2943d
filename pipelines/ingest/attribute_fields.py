"""Parsers of the columns that a mapping declares under `features`: SQL as in `fields.py`."""

import pyarrow as pa

from claims.attributes import MAX_TEXT, AttributeType, feature_name
from features.vector import ARROW_TYPES
from pipelines.ingest.expression_fields import computed_number, parsed_number
from pipelines.ingest.fields import ParsedColumn, chosen, identifier, literal, local_day, text
from pipelines.ingest.formats import AttributeColumn
from pipelines.ingest.mapping import Mapping

_FIRST_YEAR, _LAST_YEAR = 1900, 2199
"""Years of a date; unlike a claim's dates it may lie in the future, such as the end of a policy."""


def staged_columns(mapping: Mapping) -> dict[str, pa.DataType]:
    """Staged column → type, of every attribute that the file has a column for."""
    return {
        feature_name(name): ARROW_TYPES[column.type]
        for name, column in mapping.features.items()
        if column.field is None
    }


def parse_attributes(mapping: Mapping, raw: dict[str, str], names: dict[str, str]) -> dict[str, ParsedColumn]:
    """The parsers of the staged columns; `raw` has the SQL of each attribute's text, `names` that of each column."""
    return {feature_name(name): _parse(mapping, mapping.features[name], sql, names) for name, sql in raw.items()}


def _parse(mapping: Mapping, column: AttributeColumn, raw: str, names: dict[str, str]) -> ParsedColumn:
    if column.expression is not None:
        return computed_number(column, names)
    match column.type:
        case AttributeType.NUMBER:
            return parsed_number(raw, column.decimal, column.thousands)
        case AttributeType.BOOLEAN:
            return chosen(
                raw,
                {"true": column.true, "false": column.false},
                "neither true nor false; list its texts under `yes` or `no` of the feature",
            )
        case AttributeType.CATEGORY:
            return text(raw, MAX_TEXT)
        case AttributeType.KEY:
            return identifier(raw)
        case AttributeType.DATE:
            problem = (
                f"CASE WHEN {raw} IS NULL THEN NULL "
                f"WHEN @v IS NULL THEN {literal('not a date of the form ' + ' or '.join(mapping.dates.formats))} "
                f"WHEN year(@v) NOT BETWEEN {_FIRST_YEAR} AND {_LAST_YEAR} "
                f"THEN 'not between {_FIRST_YEAR} and {_LAST_YEAR}' END"
            )
            return ParsedColumn(local_day(raw, mapping.dates), problem)
