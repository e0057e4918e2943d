"""How identifiers and codes are written: one declaration per kind, which the API and the ingestion of files both use.

A text that a spreadsheet or a data frame has changed without loss is normalized, and the change has a name; a text
whose digits are lost is refused, so that it never becomes another provider or another code. Patterns match the whole
text and use only the syntax that Python's `re` and RE2 share, because ingestion applies them in SQL.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

MAX_ID = 64
"""Characters of the identifier of a claim, member or provider."""
MAX_CODE = 16
"""Characters of a code that the claims API takes."""
MAX_DESCRIPTION = 64
"""Characters of a code, or of the description that a file has in its place; the scorer takes both."""
MAX_REGION = 32
MAX_SPECIALTY = 64


class IdentifierKind(StrEnum):
    """What kind of identifier or code a field holds."""

    ID = "id"
    NPI = "npi"
    PLACE_OF_SERVICE = "place_of_service"
    PROCEDURE = "procedure"
    HCPCS = "hcpcs"
    DIAGNOSIS = "diagnosis"
    ICD9 = "icd9"
    ICD10 = "icd10"


class IdentifierChange(StrEnum):
    """How a text was normalized."""

    QUOTES = "spreadsheet quotes removed"
    DECIMAL = ".0 removed"
    MODIFIER = "modifiers removed"
    ZEROS = "leading zeros restored"
    DOT = "dot removed"
    CASE = "upper case"


class InvalidIdentifier(ValueError):
    """A text that cannot be an identifier of its kind; the message says why."""


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Replace a text that `pattern` matches by `by` (`\\1` is its first group), or by its upper case without `by`."""

    change: IdentifierChange
    pattern: str
    by: str | None


@dataclass(frozen=True, slots=True)
class IdentifierRule:
    """Rewrites in order; what must match neither before nor after them; and what must match after them."""

    rewrites: tuple[Rewrite, ...]
    refusals: tuple[tuple[str, str], ...]
    """Pattern and reason."""
    shape: str | None = None
    wrong_shape: str = ""
    """The reason where the shape does not match, or the check digit is wrong."""
    check_digit: bool = False
    """Whether it must pass the check of an NPI."""


@dataclass(frozen=True, slots=True)
class NormalizedIdentifier:
    """An identifier as it is stored, and what was changed."""

    value: str
    changes: tuple[IdentifierChange, ...]


_QUOTES = Rewrite(IdentifierChange.QUOTES, '="([^" ](?:[^"]*[^" ])?)"|\'([0-9A-Za-z]+)', "\\1\\2")
_DECIMAL = Rewrite(IdentifierChange.DECIMAL, "([0-9]+)[.]0+", "\\1")
_DOT = Rewrite(IdentifierChange.DOT, "([0-9A-Za-z]+)[.]([0-9A-Za-z]*)", "\\1\\2")
_REFUSALS = (
    (
        "[0-9]+[.][0-9]+[eE][+-]?[0-9]{1,3}|[0-9]+[eE][+][0-9]{1,3}",
        "rounded to an exponent, so digits are lost; export the column as text",
    ),
    ("[0-9]{1,3}(,[0-9]{3})+", "digits grouped by commas; export the column as text"),
    ('="(|[^"]* | [^"]*)"', "a spreadsheet formula with an empty or padded text; export the column as text"),
    ("#+|#(N/A|REF!|VALUE!|NAME[?]|DIV/0!|NULL!|NUM!)", "a spreadsheet error in place of a value"),
)
_ICD10 = "[A-Z][0-9][0-9A-Z]{1,5}"
_ICD9 = "[0-9]{3,5}|V[0-9]{2,4}|E[0-9]{3,4}"

RULES: dict[IdentifierKind, IdentifierRule] = {
    IdentifierKind.ID: IdentifierRule((_QUOTES, _DECIMAL), _REFUSALS),
    # An NPI begins with 1 or 2, so it has no leading zeros to lose: a shorter number is another identifier.
    IdentifierKind.NPI: IdentifierRule(
        (_QUOTES, _DECIMAL),
        _REFUSALS,
        "[12][0-9]{9}",
        "not an NPI: ten digits that begin with 1 or 2, the last of which is a check digit",
        check_digit=True,
    ),
    IdentifierKind.PLACE_OF_SERVICE: IdentifierRule(
        (_QUOTES, _DECIMAL, Rewrite(IdentifierChange.ZEROS, "([0-9])", "0\\1")),
        _REFUSALS,
        "[0-9]{2}",
        "not a CMS two-digit place of service",
    ),
    # It may be a CPT or HCPCS code, a DRG, a code of the insurer or a description.
    IdentifierKind.PROCEDURE: IdentifierRule(
        (_QUOTES, _DECIMAL, Rewrite(IdentifierChange.CASE, "[A-Za-z][0-9]{4}|[0-9]{4}[A-Za-z]", None)), _REFUSALS
    ),
    IdentifierKind.HCPCS: IdentifierRule(
        (
            _QUOTES,
            _DECIMAL,
            Rewrite(IdentifierChange.MODIFIER, "([0-9A-Za-z]{5})([ :-][0-9A-Za-z]{2}){1,4}", "\\1"),
            Rewrite(IdentifierChange.ZEROS, "([0-9]{4})", "0\\1"),
            Rewrite(IdentifierChange.ZEROS, "([0-9]{3})", "00\\1"),
            Rewrite(IdentifierChange.CASE, "[0-9A-Za-z]{5}", None),
        ),
        _REFUSALS,
        "[A-Z][0-9]{4}|[0-9]{4}[0-9A-Z]",
        "not a CPT or HCPCS code of five characters",
    ),
    # Without a version a text that does not look like a code stays as it is: it may be a description.
    IdentifierKind.DIAGNOSIS: IdentifierRule(
        (
            _QUOTES,
            Rewrite(IdentifierChange.DECIMAL, "([0-9]{4,5})[.]0", "\\1"),
            Rewrite(
                IdentifierChange.DOT,
                "([A-Za-z][0-9][0-9A-Za-z]|[0-9]{3}|[Ee][0-9]{3})[.]([0-9A-Za-z]{1,4})?",
                "\\1\\2",
            ),
            Rewrite(IdentifierChange.CASE, "[A-Za-z][0-9][0-9A-Za-z]{1,5}", None),
        ),
        _REFUSALS,
    ),
    IdentifierKind.ICD9: IdentifierRule(
        (
            _QUOTES,
            Rewrite(IdentifierChange.DECIMAL, "([0-9]{4,5})[.]0", "\\1"),
            # The category before the dot has three digits.
            Rewrite(IdentifierChange.ZEROS, "([0-9]{2}[.][0-9]{0,2})", "0\\1"),
            Rewrite(IdentifierChange.ZEROS, "([0-9][.][0-9]{0,2})", "00\\1"),
            _DOT,
            Rewrite(IdentifierChange.CASE, "[0-9A-Za-z]+", None),
        ),
        _REFUSALS,
        _ICD9,
        "not an ICD-9 code",
    ),
    IdentifierKind.ICD10: IdentifierRule(
        (_QUOTES, _DOT, Rewrite(IdentifierChange.CASE, "[0-9A-Za-z]+", None)), _REFUSALS, _ICD10, "not an ICD-10 code"
    ),
}
"""How each kind is written."""

NPI_PREFIX_SUM = 24
"""What the prefix 80840 (health care, United States) adds to the sum of the check digit (CMS, "NPI check digit")."""


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII)


def normalize_identifier(text: str, kind: IdentifierKind) -> NormalizedIdentifier:
    """Normalize a trimmed text. Raises `InvalidIdentifier` where digits are lost, or where it is not of its kind."""
    rule = RULES[kind]
    _refuse_lost(text, rule)
    value, changes = text, []
    for rewrite in rule.rewrites:
        match = _compiled(rewrite.pattern).fullmatch(value)
        if match is None:
            continue
        changed = value.upper() if rewrite.by is None else match.expand(rewrite.by)
        if changed != value:
            changes.append(rewrite.change)
            value = changed
    _refuse_lost(value, rule)
    if rule.shape is not None and not _compiled(rule.shape).fullmatch(value):
        raise InvalidIdentifier(rule.wrong_shape)
    if rule.check_digit and not is_npi(value):
        raise InvalidIdentifier(rule.wrong_shape)
    return NormalizedIdentifier(value, tuple(changes))


def _refuse_lost(text: str, rule: IdentifierRule) -> None:
    """Raise `InvalidIdentifier` for a text whose digits are lost."""
    for pattern, reason in rule.refusals:
        if _compiled(pattern).fullmatch(text):
            raise InvalidIdentifier(reason)


def is_npi(text: str) -> bool:
    """Whether a text is a National Provider Identifier: ten digits from 1 or 2 on, by the Luhn check after 80840."""
    if not _compiled("[12][0-9]{9}").fullmatch(text):
        return False
    doubled = sum(int("0246813579"[int(digit)]) for digit in text[0:10:2])
    return (NPI_PREFIX_SUM + doubled + sum(map(int, text[1:10:2]))) % 10 == 0
