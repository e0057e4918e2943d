"""How the values of a claims file are written: the parts of a mapping, each validated by itself."""

import re
from datetime import date
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from claims.attributes import Attribute, AttributeType
from pipelines.ingest.expression import Expression, columns_of, parse_expression

_MARKS = frozenset((*"aAbBcdfgGHIjmMnpSuUVwWxXyYzZ%", "-d", "-m", "-y", "-H", "-I", "-M", "-S", "-j"))
"""The format specifiers of DuckDB's `strptime`."""


def _text(value: object) -> object:
    # YAML reads 1, 1.0, yes and 2024-06-30 as numbers, booleans and dates; in the file they are text.
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return str(value)
    return str(value) if isinstance(value, int | float) else value


def _column(value: object) -> object:
    # As the header is read: spaces around a name, and how many lie within, do not count.
    return " ".join(value.split()) if isinstance(value, str) else value


def _on_bad(value: object) -> object:
    # YAML reads a bare null as no value.
    return "null" if value is None else value


Text = Annotated[str, BeforeValidator(_text)]
Column = Annotated[str, BeforeValidator(_column)]
DateField = Literal["received_at", "service_from", "service_to", "birth_date", "voided_at", "label_known_at"]
AmountField = Literal["amount", "benefit_limit"]
PartedField = Literal["received_at", "service_from", "service_to", "birth_date"]
OnBad = Annotated[Literal["reject", "null", "flag"], BeforeValidator(_on_bad)]


class StrictModel(BaseModel):
    """A part of a mapping: unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Csv(StrictModel):
    """Format of the file; what is not stated is detected from its first megabyte."""

    delimiter: str | None = Field(None, min_length=1, max_length=1, pattern=r'^[^"\r\n]$')
    encoding: str | None = None


class Dates(StrictModel):
    """`formats` as in strptime, tried in order; `timezone` is that of times without one.

    A file is refused where two formats read different days in a row, unless `ambiguous` is `first`: then the first
    format counts. `of` has the formats of single fields.
    """

    formats: tuple[str, ...] = (
        "%Y-%m-%d",
        *(f"%Y-%m-%d{gap}%H:%M:%S{fraction}{zone}" for zone in ("%z", "") for gap in "T " for fraction in ("", ".%f")),
    )
    timezone: str | None = None
    ambiguous: Literal["refuse", "first"] = "refuse"
    of: dict[DateField, tuple[str, ...]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _known_zone(self) -> "Dates":
        if self.timezone is not None and self.timezone not in available_timezones():
            raise ValueError(f"unknown timezone {self.timezone!r}; use a name such as UTC or Africa/Nairobi")
        if not self.formats or not all(self.of.values()):
            raise ValueError("dates.formats must name at least one format")
        for form in (*self.formats, *(form for forms in self.of.values() for form in forms)):
            unknown = [mark for mark in re.findall("%(-?.?)", form, re.DOTALL) if mark not in _MARKS]
            if unknown:
                raise ValueError(
                    f"dates.formats: %{unknown[0]} in {form!r} is not a strptime mark; use such as %Y-%m-%d"
                )
        return self


class Money(StrictModel):
    """Format of amounts. They are read exactly; `round: true` accepts more than two decimals and rounds them."""

    unit: Literal["whole", "cents"] = "whole"
    decimal: Literal[".", ","] = "."
    thousands: Literal[",", ".", " ", "'", ""] = ""
    symbols: tuple[str, ...] = ()
    round: bool = False
    negative: Literal["reject", "net"] = "reject"
    """In a file with a row per line, `net` lets negative lines reduce their claim."""

    @model_validator(mode="after")
    def _different(self) -> "Money":
        if self.decimal == self.thousands:
            raise ValueError("money.decimal and money.thousands must differ")
        return self


class Sexes(StrictModel):
    """Texts that mean each sex, case-insensitive."""

    F: tuple[Text, ...] = ("f", "female")
    M: tuple[Text, ...] = ("m", "male")
    unknown: tuple[Text, ...] = ("u", "unknown", "o", "other")


class LabelTexts(StrictModel):
    """Texts that mean fraud and not fraud, case-insensitive; an empty label means unlabelled."""

    fraud: tuple[Text, ...] = ("1", "1.0", "y", "yes", "t", "true", "fraud", "fraudulent")
    clean: tuple[Text, ...] = ("0", "0.0", "n", "no", "f", "false", "legit", "legitimate", "not fraud", "clean")


class DateParts(StrictModel):
    """Columns that a date is put together from. A week of the month stands for its first day; without day and week the
    date is the first of the month. A month is a number or an English name.
    """

    year: Column
    month: Column
    day: Column | None = None
    week_of_month: Column | None = None

    @model_validator(mode="after")
    def _one_day(self) -> "DateParts":
        if self.day is not None and self.week_of_month is not None:
            raise ValueError("date_parts: state either day or week_of_month")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the file."""
        return tuple(column for column in (self.year, self.month, self.day, self.week_of_month) if column is not None)


class FrequencyCode(StrictModel):
    """Which rows void or replace the claim that `replaces` refers to; texts are compared without case."""

    column: Column
    void: tuple[Text, ...] = ("8", "08", "8.0", "void")
    replace: tuple[Text, ...] = ("7", "07", "7.0", "replacement")


class IdentifierKinds(StrictModel):
    """What a column must hold, where it is more than any identifier: each value is then checked."""

    provider_id: Literal["npi"] | None = None
    procedure_code: Literal["hcpcs"] | None = None


class AttributeColumn(Attribute):
    """A column of the file that is used as a feature: the declaration of its attribute, and how it is read."""

    column: Column | tuple[Column, ...] | None = None
    """Their column, or several of which the first with a value counts; none where `field` names a claim field."""
    expression: Expression | None = None
    """Of a number: arithmetic over columns, in double precision."""
    true: tuple[Text, ...] = Field(("1", "1.0", "y", "yes", "t", "true"), alias="yes")
    """Texts that mean true, case-insensitive."""
    false: tuple[Text, ...] = Field(("0", "0.0", "n", "no", "f", "false"), alias="no")
    decimal: Literal[".", ","] = "."
    thousands: Literal[",", ".", " ", "'", ""] = ""

    @model_validator(mode="before")
    @classmethod
    def _with_text_keys(cls, value: object) -> object:
        # YAML reads the keys yes and no as booleans.
        keys = {True: "yes", False: "no"}
        return {keys.get(key, key): entry for key, entry in value.items()} if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _sensible(self) -> "AttributeColumn":
        if self.window is not None:
            raise ValueError("the values of a window are declared under windows")
        if sum(source is not None for source in (self.column, self.field, self.expression)) != 1:
            raise ValueError(
                "state one of column (of the file), field (a claim field that is mapped under columns) and expression"
            )
        if self.expression is not None and self.type is not AttributeType.NUMBER:
            raise ValueError("an expression is a number: type: number")
        if self.field is not None and self.type is not AttributeType.CATEGORY:
            raise ValueError("a claim field is read as a category: type: category")
        if self.unit and self.type is not AttributeType.NUMBER:
            raise ValueError("only a number has a unit")
        if self.decimal == self.thousands:
            raise ValueError("decimal and thousands must differ")
        return self

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns of the file; empty for a claim field."""
        if self.expression is not None:
            return columns_of(parse_expression(self.expression))
        return (self.column,) if isinstance(self.column, str) else self.column or ()

    @property
    def attribute(self) -> Attribute:
        """The declaration without how the column is read."""
        return Attribute.model_validate({name: getattr(self, name) for name in Attribute.model_fields})
