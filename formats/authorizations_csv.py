"""Prior authorization from CSV: what plans require it for, and the authorizations of members."""

from collections.abc import Iterable
from typing import Final

from claims.identifiers import IdentifierKind, InvalidIdentifier, normalize_identifier
from claims.prior_authorization import (
    MAX_AUTHORIZED,
    MAX_PROCEDURES,
    Authorization,
    AuthorizationCount,
    AuthorizationRequirement,
    AuthorizationState,
    CodeRange,
    is_authorization_number,
)
from formats.csv_rows import CsvRow, read_rows

REQUIREMENT_COLUMNS: Final = ("plan_id", "procedures", "first_day")
MORE_REQUIREMENT_COLUMNS: Final = ("last_day", "places_of_service", "above_amount")
AUTHORIZATION_COLUMNS: Final = ("authorization_number", "member_id", "procedures", "first_day", "state")
MORE_AUTHORIZATION_COLUMNS: Final = ("provider_id", "units", "counts", "last_day")
_NO_CODES: Final = CodeRange("-", "-")


def read_requirement_rows(lines: Iterable[str]) -> list[AuthorizationRequirement]:
    """What plans require prior authorization for: a code, or a range of codes, a row. Raises `InvalidRows`."""
    return read_rows(
        lines,
        what="requirement",
        required=REQUIREMENT_COLUMNS,
        optional=MORE_REQUIREMENT_COLUMNS,
        read=_requirement,
        key=lambda one: (one.plan_id, one.first_code, one.last_code, one.first_day, one.places, one.above_cents),
        repeated=("procedures", "an earlier row requires the same"),
    )


def read_authorization_rows(lines: Iterable[str]) -> list[Authorization]:
    """The authorizations of a CSV; codes and ranges are separated by blanks. Raises `InvalidRows`."""
    return read_rows(
        lines,
        what="authorization",
        required=AUTHORIZATION_COLUMNS,
        optional=MORE_AUTHORIZATION_COLUMNS,
        read=_authorization,
        key=lambda one: one.number,
        repeated=("authorization_number", "the number is in an earlier row"),
    )


def _requirement(row: CsvRow) -> AuthorizationRequirement:
    first, last = row.days("the requirement")
    codes = (*_procedures(row, most=1), _NO_CODES)[0]
    return AuthorizationRequirement(
        plan_id=row.id("plan_id"),
        first_code=codes.first,
        last_code=codes.last,
        first_day=first,
        last_day=last,
        places=_places(row),
        above_cents=row.cents("above_amount"),
    )


def _places(row: CsvRow) -> tuple[str, ...]:
    kind = IdentifierKind.PLACE_OF_SERVICE
    try:
        return tuple(sorted({normalize_identifier(text, kind).value for text in row.text("places_of_service").split()}))
    except InvalidIdentifier:
        row.refuse("places_of_service", "it is no list of places of service", "write CMS codes such as 21 22")
        return ()


def _authorization(row: CsvRow) -> Authorization:
    first, last = row.days("the authorization")
    number = row.text("authorization_number")
    if not is_authorization_number(number):
        remedy = "write 1 to 64 letters, digits, points, colons, hyphens and underscores, a letter or digit first"
        row.refuse("authorization_number", "the number is missing, or has other characters", remedy)
    return Authorization(
        number=number,
        member_id=_party(row, "member_id"),
        provider_id=_party(row, "provider_id") if row.text("provider_id") else None,
        procedures=_procedures(row, most=MAX_PROCEDURES),
        units=row.count("units", MAX_AUTHORIZED, least=1, what="number of units or visits"),
        counts=AuthorizationCount(row.choice("counts", list(AuthorizationCount), AuthorizationCount.UNITS)),
        first_day=first,
        last_day=last,
        state=AuthorizationState(row.choice("state", list(AuthorizationState))),
    )


def _party(row: CsvRow, name: str) -> str:
    """The id of a member or provider, normalized as in claims and records."""
    text = row.id(name)
    try:
        return normalize_identifier(text, IdentifierKind.ID).value
    except InvalidIdentifier as error:
        row.refuse(name, f"the id is {error}", "send the id")
        return text


def _procedures(row: CsvRow, *, most: int) -> tuple[CodeRange, ...]:
    texts = row.text("procedures").split()
    if not 0 < len(texts) <= most:
        allowed = "one code, or range" if most == 1 else f"1 to {most} codes, or ranges, separated by blanks"
        row.refuse("procedures", "the procedures are missing, or too many", f"write {allowed} such as 97110..97140")
        return ()
    try:
        return tuple(map(CodeRange.parse, texts))
    except ValueError as error:
        row.refuse("procedures", f"a procedure is invalid: it {error}", "correct it")
        return ()
