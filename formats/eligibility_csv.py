"""Members from CSV: a header of field names, one member a row."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Final, cast

from claims.identifiers import IdentifierKind, InvalidIdentifier, normalize_identifier
from formats.members import EnrolledMember, MemberSex, RowProblem

COLUMNS: Final = ("member_id", "name", "birth_date", "sex", "plan_id", "enrolled_from", "enrolled_to")
MAX_TEXT: Final = 64


class InvalidTable(ValueError):
    """The header of a CSV does not name the columns that are read. The message says which."""


def read_member_rows(lines: Iterable[str]) -> Iterator[EnrolledMember]:
    """The members of a CSV. `enrolled_to` is the first day without cover. Raises `InvalidTable`."""
    reader = csv.DictReader(lines, strict=True, restkey="", restval=None)
    names = reader.fieldnames or ()
    unknown = [name for name in names if name not in COLUMNS]
    if "member_id" not in names or unknown or len(set(names)) != len(names):
        raise InvalidTable(f"the first line must name member_id and any of {', '.join(COLUMNS[1:])}, each once")
    rows = iter(reader)
    while True:
        try:
            row = next(rows, None)
        except csv.Error:
            reason = "the row has a quote that is not closed, or text after one"
            yield _refused(
                reader.reader.line_num,
                RowProblem(_line(reader.reader.line_num), "invalid_row", reason, "quote the value"),
            )
            continue
        if row is None:
            return
        yield _member(reader.line_num, row)


def _line(number: int) -> str:
    return f"line {number}"


def _refused(number: int, *problems: RowProblem) -> EnrolledMember:
    return EnrolledMember(_line(number), "", problems=problems)


def _member(number: int, row: Mapping[str, str | None]) -> EnrolledMember:
    where = _line(number)
    problems: list[RowProblem] = []

    def refuse(name: str, reason: str, remedy: str) -> None:
        problems.append(RowProblem(f"{where}, {name}", f"invalid_{name}", reason, remedy))

    if "" in row:
        reason = "the row has more values than the header has names"
        return _refused(number, RowProblem(where, "invalid_row", reason, "quote values that hold a separator"))
    values = {name: (value or "").strip() for name, value in row.items()}
    member_id, sex = values["member_id"], values.get("sex", "")
    if not 0 < len(member_id) <= MAX_TEXT or not member_id.isascii() or not member_id.isprintable():
        refuse("member_id", f"the id is not 1 to {MAX_TEXT} printable ASCII characters", "send the member id")
    try:
        member_id = normalize_identifier(member_id, IdentifierKind.ID).value  # as in claims
    except InvalidIdentifier as error:
        refuse("member_id", f"the id is {error}", "send the member id")
    if sex not in ("", "F", "M"):
        refuse("sex", "the sex is neither F nor M", "send F, M or nothing")
    days: dict[str, date | None] = {}
    for name in ("birth_date", "enrolled_from", "enrolled_to"):
        text = values.get(name, "")
        try:
            days[name] = date.fromisoformat(text) if text else None
        except ValueError:
            refuse(name, "the date is not one of the calendar", "write it as YYYY-MM-DD")
    begins, ends = days.get("enrolled_from"), days.get("enrolled_to")
    if begins is not None and ends is not None and ends < begins:
        refuse("enrolled_to", "cover ends before it begins", "correct one of the dates")
    if problems:
        return _refused(number, *problems)
    return EnrolledMember(
        where=where,
        member_id=member_id,
        name=values.get("name") or None,
        birth_date=days.get("birth_date"),
        sex=cast("MemberSex | None", sex or None),
        plan_id=values.get("plan_id") or None,
        enrolled_from=begins,
        enrolled_to=ends,
        reopens="enrolled_to" in values and ends is None,
    )
