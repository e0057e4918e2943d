"""The trade's tables: what each one says about a code, and which release of it is in force on a day of service.

A release is valid from a day until the next one. Tables whose entries carry their own days (exclusions, procedure
pairs, procedure codes) are replaced as a whole by each release, which then holds for every day.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class TableKind(StrEnum):
    """A table of the trade that edits read."""

    MUE = "mue"
    """NCCI medically unlikely edits: most units of a procedure."""
    PTP = "ptp"
    """NCCI procedure-to-procedure edits: pairs that are not paid together."""
    LEIE = "leie"
    """OIG List of Excluded Individuals and Entities, by NPI."""
    HCPCS = "hcpcs"
    """HCPCS Level II procedure codes."""
    ICD10 = "icd10"
    """ICD-10-CM diagnosis codes that may be billed."""
    FEES = "fees"
    """The payer's fee schedule: most that is allowed for a unit of a procedure."""
    CONTRACTS = "contracts"
    """Prices agreed with single providers; they come before the fee schedule."""
    CARC = "carc"
    """Claim adjustment reason codes (X12 external code list 139), with their texts."""
    RARC = "rarc"
    """Remittance advice remark codes (X12 external code list 411), with their texts."""

    @property
    def dated_entries(self) -> bool:
        """Whether entries carry their own days, so that the newest release holds for every day of service."""
        return self in (TableKind.PTP, TableKind.LEIE, TableKind.HCPCS, *ADJUSTMENT_TABLES)


@dataclass(frozen=True, slots=True)
class TableEntry:
    """One entry. What a field means depends on the kind:

    =========  =============  ====================  ==================  =========================================
    kind       code           other                 number              indicator
    =========  =============  ====================  ==================  =========================================
    mue        procedure      –                     most units          MUE adjudication indicator: 1, 2, 3
    ptp        first of pair  second, not paid      –                   modifier indicator: 0, 1, 9
    leie       NPI            –                     –                   section of the Act, such as 1128a1
    hcpcs      procedure      –                     –                   –
    icd10      diagnosis      –                     –                   –
    fees       procedure      modifier, or empty    cents for one unit  –
    contracts  procedure      provider, modifier    cents for one unit  –
    carc       reason code    –                     –                   –
    rarc       remark code    –                     –                   –
    =========  =============  ====================  ==================  =========================================
    """

    code: str
    other: str = ""
    first_day: date | None = None
    """None: since ever."""
    last_day: date | None = None
    """None: still."""
    number: int | None = None
    indicator: str | None = None
    text: str | None = None
    """What the code means; only of adjustment codes."""

    def holds_on(self, day: date) -> bool:
        """Whether the entry applies to services of a day."""
        return (self.first_day is None or self.first_day <= day) and (self.last_day is None or day <= self.last_day)


@dataclass(frozen=True, slots=True)
class TableInForce:
    """One release, with its entries for the codes of a claim."""

    kind: TableKind
    release: str
    """Such as `2026Q4`."""
    by_code: Mapping[str, Sequence[TableEntry]]

    def of(self, code: str) -> Sequence[TableEntry]:
        """The entries of a code, whatever their days."""
        return self.by_code.get(code, ())

    def cites(self, entry: str) -> str:
        """How a finding names an entry of it: `mue 2026Q4 93797`."""
        return f"{self.kind.value} {self.release} {entry}"


@dataclass(frozen=True, slots=True)
class TablesInForce:
    """The releases in force on each day of service of a claim; a table without a release on a day is not checked."""

    by_day: Mapping[date, Mapping[TableKind, TableInForce]]

    @classmethod
    def of(cls, rows: Iterable[tuple[date, TableKind, str, TableEntry | None]]) -> "TablesInForce":
        """From rows of day, kind, release and entry (None: the table has none for the claim's codes)."""
        found: dict[date, dict[TableKind, tuple[str, dict[str, list[TableEntry]]]]] = {}
        for day, kind, release, entry in rows:
            _, by_code = found.setdefault(day, {}).setdefault(kind, (release, {}))
            if entry is not None:
                by_code.setdefault(entry.code, []).append(entry)
        return cls(
            {
                day: {kind: TableInForce(kind, release, by_code) for kind, (release, by_code) in tables.items()}
                for day, tables in found.items()
            }
        )

    def table(self, kind: TableKind, day: date) -> TableInForce | None:
        """The release of a kind in force on a day."""
        return self.by_day.get(day, {}).get(kind)


PRICE_TABLES = (TableKind.FEES, TableKind.CONTRACTS)
"""What prices are read from; edits read the others."""
ADJUSTMENT_TABLES = (TableKind.CARC, TableKind.RARC)
"""What the codes of a payment mean; they decide nothing."""
EDIT_TABLES = tuple(kind for kind in TableKind if kind not in (*PRICE_TABLES, *ADJUSTMENT_TABLES))

NO_TABLES = TablesInForce({})
"""No table was imported."""
