"""Searches of the audit log by what AuditEvents of FHIR say: conditions over several columns."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, false, func, literal_column, not_, or_

from api.audit.fhir import ACTIONS, APPLICATION, AUTHENTICATION, EXPORT, OUTCOME_CODES
from api.audit.records import COMMAND_LINE, SUCCESS
from api.audit.tables import AuditRow

_LAST_WORD = func.substring(AuditRow.act, r"[^.]+$")


def of_action(codes: Sequence[str]) -> ColumnElement[bool]:
    """Rows whose event has one of these actions: `C`, `R`, `U`, `D`, `E`."""
    named = [_LAST_WORD.in_(sorted(ACTIONS[code])) for code in codes if code in ACTIONS]
    if "E" in codes:
        named.append(_LAST_WORD.not_in(sorted(word for words in ACTIONS.values() for word in words)))
    return or_(false(), *named)


def of_outcome(codes: Sequence[str]) -> ColumnElement[bool]:
    """Rows whose event has one of these outcomes: `0`, `4`, `8`."""
    outcomes = [outcome for outcome, code in OUTCOME_CODES.items() if code in codes]
    found = AuditRow.outcome.in_(outcomes)
    return found if SUCCESS in outcomes else found & of_no_success()


def of_no_success() -> ColumnElement[bool]:
    """Rows of an index of their own; as it is written there, because a parameter would not choose it."""
    return AuditRow.outcome != literal_column(f"'{SUCCESS}'")


def of_type(codes: Sequence[str]) -> ColumnElement[bool]:
    """Rows whose event has one of these types; each row has the first that fits."""
    signing_in = func.starts_with(AuditRow.act, "sign_")
    export = AuditRow.act.endswith(".export")
    application = (AuditRow.actor_id == COMMAND_LINE) | AuditRow.request_id.is_(None)
    found: list[ColumnElement[bool]] = []
    before: list[ColumnElement[bool]] = []
    for code, fits in ((AUTHENTICATION, signing_in), (EXPORT, export), (APPLICATION, application)):
        if code in codes:
            found.append(fits & not_(or_(false(), *before)))
        before.append(fits)
    if "rest" in codes:
        found.append(not_(or_(*before)))
    return or_(false(), *found)
