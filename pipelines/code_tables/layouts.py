"""The layout of each published table: its columns, and how a row becomes an entry.

Sources: CMS, *NCCI MUE and PTP edit files*; OIG, *LEIE downloadable database record layout*; CMS, *HCPCS quarterly
update* (ANWEB record layout); CMS, *ICD-10-CM tabular order*; X12, external code lists 139 and 411 with their columns
code, description, start and stop. Fee schedules and contracts have no published layout: their columns are ours.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from claims.code_tables import TableEntry, TableKind
from claims.identifiers import IdentifierKind, InvalidIdentifier, is_npi, normalize_identifier
from claims.money import MoneyError, format_cents, parse_cents
from claims.payment import contract_key

SKIPPED = None
"""The entry of a row that says nothing that an edit reads."""
_DAY_FORMS = ("%Y-%m-%d", "%m/%d/%Y")
_MOST_CENTS = 999_999_999
_MOST_OF_ADJUSTMENT = 5
"""Characters of a claim adjustment reason code (CAS02) or remark code (LQ02) as the lists publish them."""
_NO_DAY = frozenset(("", "*", "0", "00000000"))
_NO_NPI = frozenset(("", "0", "0000000000"))
_JsonRows = Iterable[Mapping[str, str]] | None


class InvalidRow(ValueError):
    """A row that cannot be read; the message names column, what is allowed and the remedy."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How one kind of table is published."""

    columns: Mapping[str, tuple[str, ...]]
    """Our name → headings that begin like it, in lower case."""
    required: tuple[str, ...]
    entry: Callable[[Mapping[str, str]], TableEntry | None]
    """Of the row's values by our names; `SKIPPED` for none. Raises `InvalidRow`."""
    from_json: Callable[[object], _JsonRows]
    """The rows of a JSON document; None: it has another form."""
    json_form: str

    def places(self, heading: Sequence[str]) -> dict[str, int] | None:
        """Our name → place of its column; None: the row is not the heading."""
        titles = [" ".join(cell.split()).lower() for cell in heading]
        found = {name: at for name, starts in self.columns.items() if (at := _place(titles, starts)) is not None}
        return found if all(name in found for name in self.required) else None

    @property
    def described(self) -> str:
        """The columns that must be there, for a message."""
        return ", ".join(f"`{self.columns[name][0]}`" for name in self.required)


def _place(titles: Sequence[str], starts: Sequence[str]) -> int | None:
    """The column that is called like this; else the first one whose heading begins so."""
    exact = (at for at, title in enumerate(titles) if title in starts)
    begins = (at for at, title in enumerate(titles) if title.startswith(tuple(starts)))
    return next(exact, next(begins, None))


def _code(row: Mapping[str, str], column: str, kind: IdentifierKind) -> str:
    text = row[column].replace(" ", "")
    try:
        return normalize_identifier(text, kind).value
    except InvalidIdentifier as error:
        raise InvalidRow(f"{column}: {text!r} is {error}") from None


def _procedure(row: Mapping[str, str], column: str) -> str:
    return _code(row, column, IdentifierKind.HCPCS)


def _day(row: Mapping[str, str], column: str) -> date | None:
    text = row.get(column, "")
    if text in _NO_DAY:
        return None
    if len(text) == 8 and text.isdigit():
        try:
            return date(int(text[:4]), int(text[4:6]), int(text[6:]))
        except ValueError:
            pass
    for form in _DAY_FORMS:
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007  # a day has no time zone
        except ValueError:
            continue
    raise InvalidRow(f"{column}: {text!r} must be a day such as 20261001, 2026-10-01 or 10/01/2026; correct the row")


def _number(row: Mapping[str, str], column: str) -> int:
    text = row[column]
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise InvalidRow(f"{column}: {text!r} must be a whole number from 0; correct the row")
    return int(text)


def _one_of(row: Mapping[str, str], column: str, allowed: Sequence[str]) -> str | None:
    text = row.get(column, "")[:1]
    if not text:
        return None
    if text not in allowed:
        raise InvalidRow(f"{column}: {text!r} must be one of {', '.join(allowed)}; correct the row")
    return text


def _mue(row: Mapping[str, str]) -> TableEntry:
    indicator = _one_of(row, "indicator", ("1", "2", "3"))
    return TableEntry(_procedure(row, "code"), number=_number(row, "limit"), indicator=indicator)


def _ptp(row: Mapping[str, str]) -> TableEntry | None:
    first, last = _day(row, "first_day"), _day(row, "last_day")
    if first is not None and last is not None and last < first:
        return SKIPPED  # deleted before it began: never in force
    indicator = _one_of(row, "indicator", ("0", "1", "9"))
    if indicator is None:
        raise InvalidRow("indicator: must be 0, 1 or 9; correct the row")
    return TableEntry(_procedure(row, "code"), _procedure(row, "other"), first, last, indicator=indicator)


def _leie(row: Mapping[str, str]) -> TableEntry | None:
    npi = row["code"]
    if npi in _NO_NPI:
        return SKIPPED
    if not is_npi(npi):
        raise InvalidRow("npi: must have ten digits, the last one its check digit; correct the row")
    reinstated = _day(row, "last_day")
    # Billing is allowed from the day of reinstatement on.
    last = None if reinstated is None else date.fromordinal(reinstated.toordinal() - 1)
    return TableEntry(npi, first_day=_day(row, "first_day"), last_day=last, indicator=row.get("indicator") or None)


def _hcpcs(row: Mapping[str, str]) -> TableEntry | None:
    if len(row["code"].strip()) == 2:
        return SKIPPED  # a modifier
    return TableEntry(_procedure(row, "code"), first_day=_day(row, "first_day"), last_day=_day(row, "last_day"))


def _icd10(row: Mapping[str, str]) -> TableEntry:
    return TableEntry(_code(row, "code", IdentifierKind.ICD10))


def _adjustment(row: Mapping[str, str]) -> TableEntry:
    code, text = row["code"].upper(), " ".join(row["text"].split())
    if not (code.isascii() and code.isalnum() and len(code) <= _MOST_OF_ADJUSTMENT):
        raise InvalidRow(
            f"code: {row['code'][:20]!r} must have 1 to {_MOST_OF_ADJUSTMENT} letters and digits, such as 45 or N130; "
            "correct the row"
        )
    if not text:
        raise InvalidRow("description: must say what the code means; correct the row")
    first, last = _day(row, "first_day"), _day(row, "last_day")
    if first is not None and last is not None and last < first:
        raise InvalidRow("stop: must not be before start; correct the row")
    return TableEntry(code, first_day=first, last_day=last, text=text)


def _price(row: Mapping[str, str], other: str) -> TableEntry:
    first, last = _day(row, "first_day"), _day(row, "last_day")
    if first is not None and last is not None and last < first:
        raise InvalidRow("last_day: must not be before first_day; correct the row")
    return TableEntry(_code(row, "code", IdentifierKind.PROCEDURE), other, first, last, _cents(row))


def _fee(row: Mapping[str, str]) -> TableEntry:
    return _price(row, _modifier(row))


def _contract(row: Mapping[str, str]) -> TableEntry:
    return _price(row, contract_key(_code(row, "provider", IdentifierKind.ID), _modifier(row)))


def _modifier(row: Mapping[str, str]) -> str:
    text = row.get("modifier", "").upper()
    if text and not (len(text) == 2 and text.isascii() and text.isalnum()):
        raise InvalidRow(f"modifier: {text!r} must have two letters or digits, or be empty; correct the row")
    return text


def _cents(row: Mapping[str, str]) -> int:
    """The amount of one unit, in whole cents where there is a column `amount_cents`."""
    if "cents" in row:
        return _number(row, "cents")
    text = row["amount"].removeprefix("$").replace(",", "")
    try:
        cents = parse_cents(text)
    except MoneyError as error:
        raise InvalidRow(f"amount: {text!r} {error}; correct the row") from None
    if not 0 <= cents <= _MOST_CENTS:
        raise InvalidRow(f"amount: {text!r} must be from 0 to {format_cents(_MOST_CENTS)}; correct the row")
    return cents


def _mue_json(document: object) -> _JsonRows:
    if not isinstance(document, dict) or not all(isinstance(one, dict) and "limit" in one for one in document.values()):
        return None
    return [
        {"code": code, "limit": str(one["limit"]), "indicator": str(one.get("mai", ""))}
        for code, one in document.items()
    ]


def _leie_json(document: object) -> _JsonRows:
    npis = document.get("excluded_npis") if isinstance(document, dict) else None
    if not isinstance(npis, list) or not all(isinstance(one, str) for one in npis):
        return None
    return [{"code": one} for one in npis]


def _no_json(_document: object) -> _JsonRows:
    return None


_PRICE_COLUMNS = {
    "code": ("procedure", "hcpcs", "cpt", "code"),
    "modifier": ("modifier", "mod"),
    "cents": ("amount_cents",),
    "amount": ("amount", "fee", "price"),
    "first_day": ("first_day", "effective"),
    "last_day": ("last_day", "end"),
}

_ADJUSTMENT_CODES = Layout(
    {
        "code": ("code", "carc", "rarc", "reason code", "remark code"),
        "text": ("description", "text", "meaning"),
        "first_day": ("start", "effective"),
        "last_day": ("stop", "deactivat", "end"),
    },
    ("code", "text"),
    _adjustment,
    _no_json,
    "none: give a CSV file with the columns `code` and `description`",
)

LAYOUTS: dict[TableKind, Layout] = {
    TableKind.MUE: Layout(
        {
            "code": ("hcpcs/cpt code", "hcpcs/ cpt code", "hcpcs", "code"),
            "limit": (
                "practitioner services mue",
                "outpatient hospital services mue",
                "dme supplier services mue",
                "limit",
            ),
            "indicator": ("mue adjudication indicator", "mai"),
        },
        ("code", "limit"),
        _mue,
        _mue_json,
        'an object of procedure codes, each with its "limit"',
    ),
    TableKind.PTP: Layout(
        {
            "code": ("column 1", "column1"),
            "other": ("column 2", "column2"),
            "first_day": ("effective date", "effective"),
            "last_day": ("deletion date", "deletion"),
            "indicator": ("modifier",),
        },
        ("code", "other", "indicator"),
        _ptp,
        _no_json,
        "none: give the text file",
    ),
    TableKind.LEIE: Layout(
        {
            "code": ("npi",),
            "first_day": ("excldate",),
            "last_day": ("reindate",),
            "indicator": ("excltype",),
        },
        ("code",),
        _leie,
        _leie_json,
        'an object with "excluded_npis", a list of texts',
    ),
    TableKind.HCPCS: Layout(
        {
            "code": ("hcpc", "hcpcs"),
            "first_day": ("add dt", "add_dt", "add date"),
            "last_day": ("term dt", "term_dt", "termination date"),
        },
        ("code",),
        _hcpcs,
        _no_json,
        "none: give the CSV file",
    ),
    TableKind.ICD10: Layout(
        {"code": ("code", "icd-10-cm", "icd10")},
        ("code",),
        _icd10,
        _no_json,
        "none: give a CSV file with the column `code`",
    ),
    TableKind.FEES: Layout(
        _PRICE_COLUMNS,
        ("code", "amount"),
        _fee,
        _no_json,
        "none: give a CSV file with the columns `procedure` and `amount`",
    ),
    TableKind.CONTRACTS: Layout(
        {**_PRICE_COLUMNS, "provider": ("provider",)},
        ("code", "amount", "provider"),
        _contract,
        _no_json,
        "none: give a CSV file with the columns `provider`, `procedure` and `amount`",
    ),
    TableKind.CARC: _ADJUSTMENT_CODES,
    TableKind.RARC: _ADJUSTMENT_CODES,
}
