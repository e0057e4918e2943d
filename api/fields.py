"""Types of fields on the wire: what is accepted of clients (strict) and how values are written in responses."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Final, TypeAlias

from fastapi import Path
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)

from claims.attributes import MAX_ATTRIBUTES, MAX_NUMBER, MAX_TEXT, AttributeName, AttributeValue
from claims.identifiers import MAX_CODE, MAX_ID, IdentifierKind, normalize_identifier
from claims.money import MAX_CENTS, format_cents, parse_cents
from claims.service_days import EARLIEST
from core import clock
from core.format import json_amount, json_instant

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_TIMESTAMP = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?([Zz]|[+-][0-9]{2}:[0-9]{2})", re.ASCII
)
"""RFC 3339."""
_CLOCK_SKEW = timedelta(minutes=5)
"""How far the clock of a client may be ahead."""
_ID = r"^[A-Za-z0-9][A-Za-z0-9._:-]*$"
_AMOUNT_TEXT = r"^[0-9]{1,9}(\.[0-9]{1,2})?$"
_QUERY_DIGITS = 18
LONG_AGO = date(1900, 1, 1)
LAST_DAY = date(2999, 12, 31)
"""Later days stand for no end."""
MAX_UNITS = 100_000
MAX_MODIFIERS = 4
"""Of a line, as on the claim forms CMS-1500 and 837."""
MAX_NOTE = 500
ONE_LINE = r"^[^\x00-\x1f\x7f]*$"
CLAIM_ID_EXAMPLE = "clm_01m86p3ap6yntdyk7shqjq4hs9"


DAY_SCHEMA: Final = {"format": "date", "pattern": r"^\d{4}-\d{2}-\d{2}$"}
"""What the description of a query parameter says of a day."""


def parse_day(value: object, *, earliest: date = EARLIEST) -> date:
    """A date as YYYY-MM-DD; raises `ValueError` with what is allowed."""
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError("must be a date written as YYYY-MM-DD")
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise ValueError("is not a date of the calendar; write it as YYYY-MM-DD") from None
    if day < earliest:
        raise ValueError(f"must not be before {earliest}")
    return day


def _parse_long_ago(value: object) -> date:
    day = parse_day(value, earliest=LONG_AGO)
    if day > LAST_DAY:
        raise ValueError(f"must not be after {LAST_DAY}; a period without an end has null")
    return day


def _parse_instant(value: object) -> datetime:
    if not isinstance(value, str) or not _TIMESTAMP.fullmatch(value):
        raise ValueError("must be a timestamp with a time zone such as 2026-03-02T10:15:00Z")
    try:
        at = datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("must be a valid timestamp such as 2026-03-02T10:15:00Z") from None
    if at.date() < EARLIEST:
        raise ValueError(f"must not be before {EARLIEST}")
    return at


def _parse_past(value: object) -> datetime:
    at = _parse_instant(value)
    if at > clock.now() + _CLOCK_SKEW:
        raise ValueError("must not be in the future")
    return at


def _parse_amount(value: str | int | Decimal) -> int:
    """As `parse_cents`, without the blanks around a text that it ignores: the documented pattern has none."""
    if isinstance(value, str) and value != value.strip():
        raise ValueError("must be a number without blanks around it, such as 1250.00")
    return parse_cents(value)


def _positive(cents: int) -> int:
    if cents <= 0:
        raise ValueError("must be a positive number with at most two decimal places")
    return cents


def _not_negative(cents: int) -> int:
    if cents < 0:
        raise ValueError("must be 0 or more, with at most two decimal places")
    return cents


def as_claim_id(text: str) -> str:
    """A claim id from a path. Text that cannot be an id becomes one that no claim has."""
    return text if text.isascii() and text.isprintable() else "-"


def _plain_digits(value: object) -> object:
    """A number of a query parameter: the framework would accept blanks, signs, points and underscores, too."""
    if isinstance(value, str) and not (value.isascii() and value.isdigit() and len(value) <= _QUERY_DIGITS):
        raise ValueError("must be a whole number in digits")
    return value


def _attribute_name(value: object, validate: ValidatorFunctionWrapHandler) -> str:
    try:
        name: str = validate(value)
    except ValidationError:
        raise ValueError(
            "must be the name of an attribute: 1 to 40 lowercase letters, digits and underscores, a letter first"
        ) from None
    return name


def _attribute_value(value: object, validate: ValidatorFunctionWrapHandler) -> AttributeValue:
    try:
        found: AttributeValue = validate(float(value) if isinstance(value, Decimal) else value)
    except ValidationError:
        raise ValueError(
            f"must be true, false, null, a number from {-MAX_NUMBER:g} to {MAX_NUMBER:g}, or a text of 1 to "
            f"{MAX_TEXT} characters without control characters; a date is a text such as 2024-05-31"
        ) from None
    # The database knows no negative zero; a score from the stored claim must have the same bits.
    return found + 0.0 if isinstance(found, float) else found


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be text without control characters")
    return text


def _normalized(kind: IdentifierKind) -> AfterValidator:
    """As ingestion reads the same field of a file: `1234567893.0` is the provider `1234567893`."""
    return AfterValidator(lambda text: normalize_identifier(text, kind).value)


PlainNumber = BeforeValidator(_plain_digits)
"""Of an `int` in a query."""
ClaimId = Annotated[str, Path(description="Id of the claim.", examples=[CLAIM_ID_EXAMPLE]), AfterValidator(as_claim_id)]
"""The claim id of a path; whatever is sent, an unknown one is a 404."""
AppealId = Annotated[
    str,
    Path(description="Id of the appeal.", examples=["app_01m86p3ap6yntdyk7shqjq4hs9"]),
    AfterValidator(as_claim_id),
]
Identifier = Annotated[str, Field(strict=True, min_length=1, max_length=MAX_ID, pattern=_ID)]
EntityId = Annotated[Identifier, _normalized(IdentifierKind.ID)]
"""Of a member or provider, without what a spreadsheet or data frame adds to a number."""
AuthorizationNumber = Annotated[Identifier, Field(examples=["AUTH-20260302-1"])]
"""Of the record of a prior authorization."""
StatedAuthorization = Annotated[
    str,
    Field(strict=True, min_length=1, max_length=MAX_ID, examples=["AUTH-20260302-1"]),
    AfterValidator(_printable),
]
"""As a claim states it: what providers write there is no error unless an authorization is needed."""
Code = Annotated[str, Field(strict=True, min_length=1, max_length=MAX_CODE, pattern=_ID)]
ProcedureCode = Annotated[Code, _normalized(IdentifierKind.PROCEDURE)]
DiagnosisCode = Annotated[Code, _normalized(IdentifierKind.DIAGNOSIS)]
PlaceOfService = Annotated[
    str, StringConstraints(strict=True, pattern=r"^[0-9]{1,2}$"), _normalized(IdentifierKind.PLACE_OF_SERVICE)
]
"""CMS two-digit code; a leading zero may be missing."""
Modifier = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9A-Za-z]{2}$", to_upper=True)]
Modifiers = Annotated[list[Modifier], Field(max_length=MAX_MODIFIERS)]
Units = Annotated[int, Field(strict=True, ge=1, le=MAX_UNITS)]
Day = Annotated[
    date,
    # Not a plain validator: pydantic 2.14 serializes its result to text, and then reports that the text is no date.
    BeforeValidator(parse_day),
    WithJsonSchema({"type": "string", "format": "date", "examples": ["2026-03-02"]}),
]
LongAgo = Annotated[
    date,
    BeforeValidator(_parse_long_ago),
    WithJsonSchema({"type": "string", "format": "date", "examples": ["1980-03-02"]}),
]
"""A day of a birth or of a period of validity."""
Instant = Annotated[
    datetime,
    BeforeValidator(_parse_instant),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-03-02T10:15:00Z"]}),
]
PastInstant = Annotated[
    datetime,
    BeforeValidator(_parse_past),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-03-02T10:15:00Z"]}),
]
Amount = Annotated[
    int,
    PlainValidator(_parse_amount),
    AfterValidator(_positive),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "maximum": MAX_CENTS // 100},
                {"type": "string", "pattern": _AMOUNT_TEXT},
            ],
            "description": f"At most two decimals and at most {format_cents(MAX_CENTS)}.",
            "examples": [5000, "1250.50"],
        }
    ),
]
"""A positive amount; a decimal on the wire, cents inside."""
AmountOrZero = Annotated[
    int,
    PlainValidator(_parse_amount),
    AfterValidator(_not_negative),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": MAX_CENTS // 100},
                {"type": "string", "pattern": _AMOUNT_TEXT},
            ],
            "examples": ["120.50"],
        }
    ),
]
ClaimAttributes: TypeAlias = Annotated[
    dict[
        Annotated[AttributeName, WrapValidator(_attribute_name)],
        Annotated[AttributeValue, WrapValidator(_attribute_value)],
    ],
    Field(max_length=MAX_ATTRIBUTES),
]
"""`claims.attributes.Attributes` from the strict JSON reader, with one message for each invalid value."""
FraudKind = Annotated[
    str, StringConstraints(strict=True, pattern=r"^[a-z][a-z0-9_]{0,63}$"), Field(examples=["upcoding"])
]
Note = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=MAX_NOTE, pattern=ONE_LINE)]


def _amount_out(value: object, info: ValidationInfo) -> object:
    """A response is built from cents; one that was written before, and is read again, has the amount itself."""
    return json_amount(value) if info.mode == "python" and isinstance(value, int) else value


AmountOut = Annotated[float, BeforeValidator(_amount_out)]
"""An amount in a response, built from cents."""
InstantOut = Annotated[datetime, PlainSerializer(json_instant, return_type=str)]
"""An instant in a response: UTC with microseconds and a Z."""
