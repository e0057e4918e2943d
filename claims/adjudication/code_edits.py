"""Edits against the trade's tables in force on the day of service (`claims.code_tables`).

Sources: CMS, *Medicare NCCI Policy Manual*, chapter I (units per line or day, pairs and the modifiers that allow them);
OIG, *Special Advisory Bulletin on the Effect of Exclusion*, 2013.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TypeAlias

from claims.claim import Claim, ClaimLine
from claims.code_tables import TableEntry, TableInForce, TableKind, TablesInForce
from claims.outcome import Finding, Outcome

PAIR_MODIFIERS = frozenset(
    (
        *("E1", "E2", "E3", "E4"),
        *("FA", *(f"F{n}" for n in range(1, 10))),
        *("TA", *(f"T{n}" for n in range(1, 10))),
        *("LT", "RT", "LC", "LD", "RC", "LM", "RI"),
        *("24", "25", "27", "57", "58", "59", "78", "79", "91"),
        *("XE", "XP", "XS", "XU"),
    )
)
"""The modifiers that allow a pair whose indicator is 1."""
_PER_LINE = "1"
"""The adjudication indicator of a limit that applies to each line; other limits apply to a day."""
_NEVER_TOGETHER, _TOGETHER_WITH_MODIFIER = "0", "1"


def code_findings(claim: Claim, npi: str | None, tables: TablesInForce) -> Iterator[Finding]:
    """Every finding of a claim, billed by a provider with that NPI, against the tables in force on its days."""
    yield from _unlikely_units(claim, tables)
    yield from _pairs(claim, tables)
    yield from _excluded(claim, npi, tables)
    yield from _procedure_codes(claim, tables)
    yield from _diagnosis_codes(claim, tables)


def _day(claim: Claim, line: ClaimLine) -> date:
    return line.service_date or claim.service_from


def _unlikely_units(claim: Claim, tables: TablesInForce) -> Iterator[Finding]:
    """More units than the medically unlikely edit allows: on one line, or on all lines of a day."""
    billed: dict[tuple[str, date], int] = {}
    for number, line in enumerate(claim.lines, start=1):
        code, day = line.procedure_code, _day(claim, line)
        table = tables.table(TableKind.MUE, day)
        limit = None if table is None else next(iter(table.of(code)), None)
        if table is None or limit is None or limit.number is None:
            continue
        before = billed.get((code, day), 0)
        billed[code, day] = before + line.units
        per_line = limit.indicator in (None, _PER_LINE)
        units = line.units if per_line else before + line.units
        if units > limit.number and (per_line or before <= limit.number):
            scope = "on one line" if per_line else f"on {day}"
            yield Finding(
                "medically_unlikely_units",
                Outcome.IN_REVIEW,
                f"{code} is billed for {units} units {scope}; the medically unlikely edit allows {limit.number}.",
                table.cites(code),
                number,
            )


def _pairs(claim: Claim, tables: TablesInForce) -> Iterator[Finding]:
    """Two procedures of one day that are not paid together, unless a modifier says why they are; each pair once."""
    of_day: dict[date, dict[str, list[tuple[int, ClaimLine]]]] = {}
    for number, line in enumerate(claim.lines, start=1):
        of_day.setdefault(_day(claim, line), {}).setdefault(line.procedure_code, []).append((number, line))
    for day, lines in of_day.items():
        table = tables.table(TableKind.PTP, day)
        if table is None:
            continue
        for code in lines:
            for entry in table.of(code):
                if entry.other != code and entry.other in lines and entry.holds_on(day):
                    yield from _pair(table, entry, lines[code], lines[entry.other])


_Lines: TypeAlias = Sequence[tuple[int, ClaimLine]]
"""Lines of one procedure and day, with their numbers."""


def _pair(table: TableInForce, entry: TableEntry, paid: _Lines, unpaid: _Lines) -> Iterator[Finding]:
    if entry.indicator not in (_NEVER_TOGETHER, _TOGETHER_WITH_MODIFIER):
        return
    remedy = "no modifier allows both"
    if entry.indicator == _TOGETHER_WITH_MODIFIER:
        paid, unpaid = _without_modifier(paid), _without_modifier(unpaid)
        remedy = "an NCCI-associated modifier such as 59 or XS allows both where the services were separate"
    if paid and unpaid:
        yield Finding(
            "procedure_pair",
            Outcome.IN_REVIEW,
            f"{entry.other} is not paid on the same day as {entry.code}; {remedy}.",
            table.cites(f"{entry.code} {entry.other}"),
            unpaid[0][0],
        )


def _without_modifier(lines: _Lines) -> _Lines:
    return [(number, line) for number, line in lines if PAIR_MODIFIERS.isdisjoint(line.modifiers)]


def _excluded(claim: Claim, npi: str | None, tables: TablesInForce) -> Iterator[Finding]:
    """A provider that federal health-care programmes exclude on the last day of service."""
    table = tables.table(TableKind.LEIE, claim.service_to) or tables.table(TableKind.LEIE, claim.service_from)
    if table is None or npi is None:
        return
    for entry in table.of(npi):
        if entry.holds_on(claim.service_to):
            since = "" if entry.first_day is None else f" since {entry.first_day}"
            yield Finding(
                "provider_on_exclusion_list",
                Outcome.REJECTED,
                f"NPI {npi} is on the list of excluded individuals and entities{since}.",
                table.cites(npi),
            )
            return


def _procedure_codes(claim: Claim, tables: TablesInForce) -> Iterator[Finding]:
    """HCPCS Level II codes that do not exist, or not on the day of service."""
    seen: set[tuple[str, date]] = set()
    for number, line in enumerate(claim.lines, start=1):
        code, day = line.procedure_code, _day(claim, line)
        table = tables.table(TableKind.HCPCS, day)
        if table is None or not _is_level_two(code) or (code, day) in seen:
            continue
        seen.add((code, day))
        entries = table.of(code)
        if any(entry.holds_on(day) for entry in entries):
            continue
        text = f"{code} is no HCPCS code" if not entries else f"{code} is not valid for services on {day}"
        name = "procedure_code_deactivated" if entries else "procedure_code_unknown"
        yield Finding(
            name, Outcome.IN_REVIEW, f"{text}; send the code in force on that day.", table.cites(code), number
        )


def _is_level_two(code: str) -> bool:
    return len(code) == 5 and code[0].isalpha() and code[1:].isdigit()


def _diagnosis_codes(claim: Claim, tables: TablesInForce) -> Iterator[Finding]:
    """Diagnoses that ICD-10-CM does not have, or has only with more characters."""
    table = tables.table(TableKind.ICD10, claim.service_to)
    if table is None:
        return
    for code in claim.diagnosis_codes:
        if not table.of(code):
            yield Finding(
                "diagnosis_code_invalid",
                Outcome.IN_REVIEW,
                f"{code} is no billable ICD-10-CM code on {claim.service_to}; send the code with all its characters.",
                table.cites(code),
            )
