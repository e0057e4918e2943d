"""The kinds of change after which claims are screened again, and what each of them can affect."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from claims.code_tables import TableKind
from claims.outcome import Finding

_OF_ONE_CODE = 1
_OF_A_PAIR = 2


class ChangeKind(StrEnum):
    """What changed: a table of the trade, an entry of a registry, or the terms of a plan."""

    MUE = "mue"
    PTP = "ptp"
    LEIE = "leie"
    HCPCS = "hcpcs"
    ICD10 = "icd10"
    FEES = "fees"
    CONTRACTS = "contracts"
    PROVIDER = "provider"
    MEMBER = "member"
    PROCEDURE = "procedure"
    PLAN = "plan"


@dataclass(frozen=True, slots=True)
class ScreenedChange:
    """What a kind of change can affect. Findings of other codes, or that cite another source, are not compared."""

    meaning: str
    codes: frozenset[str] = field(default_factory=frozenset)
    """Of findings."""
    cites: str = ""
    """How what these findings cite begins; empty: whatever they cite."""
    amounts: bool = False
    """Whether it can change what the plan pays."""

    def affects(self, finding: Finding) -> bool:
        """Whether a finding may appear or disappear by such a change."""
        return finding.code in self.codes and finding.cites.startswith(self.cites)


_LIMITS_OF_MEMBER = frozenset({"procedure_sex", "procedure_age", "diagnosis_sex", "diagnosis_age"})
_COVER = frozenset({"cover_not_begun", "cover_ended", "waiting_period", "enrollment_unknown"})

CHANGES: Mapping[ChangeKind, ScreenedChange] = {
    ChangeKind.MUE: ScreenedChange("Medically unlikely edits", frozenset({"medically_unlikely_units"}), "mue "),
    ChangeKind.PTP: ScreenedChange("Procedure pairs", frozenset({"procedure_pair"}), "ptp "),
    ChangeKind.LEIE: ScreenedChange("Exclusion list", frozenset({"provider_on_exclusion_list"}), "leie "),
    ChangeKind.HCPCS: ScreenedChange(
        "Procedure codes", frozenset({"procedure_code_unknown", "procedure_code_deactivated"}), "hcpcs "
    ),
    ChangeKind.ICD10: ScreenedChange("Diagnosis codes", frozenset({"diagnosis_code_invalid"}), "icd10 "),
    ChangeKind.FEES: ScreenedChange("Fee schedule", amounts=True),
    ChangeKind.CONTRACTS: ScreenedChange("Contracts", amounts=True),
    ChangeKind.PROVIDER: ScreenedChange(
        "Provider", frozenset({"provider_inactive", "provider_excluded", "provider_on_exclusion_list"})
    ),
    ChangeKind.MEMBER: ScreenedChange("Member", _COVER | _LIMITS_OF_MEMBER, amounts=True),
    ChangeKind.PROCEDURE: ScreenedChange(
        "Procedure",
        frozenset({"procedure_code_deactivated", "units_over_limit", "procedure_sex", "procedure_age"}),
        "procedures/",
    ),
    ChangeKind.PLAN: ScreenedChange("Plan", frozenset({"waiting_period", "enrollment_unknown"}), amounts=True),
}
"""One entry for each kind; `api/rescreening/touched.py` has the claims that each touches."""

_TABLES = frozenset(kind.value for kind in TableKind)
_OF_SEVERAL_LINES = frozenset({"medically_unlikely_units", "units_over_limit", "procedure_pair"})
"""Findings about the lines of a procedure together: another limit may place the same one at another line."""
_OF_CLAIM: Mapping[str, str] = {
    # code: table; a claim has one plan and one provider, so it is the same finding whatever terms or NPI it cites
    "waiting_period": "plans",
    "enrollment_unknown": "plans",
    "provider_on_exclusion_list": "leie",
}
_OF_PROCEDURE = "procedures/"


def identity_line(code: str, line: int | None) -> int:
    """The line by which a finding of a code is distinguished from others; 0: it is not."""
    return 0 if line is None or code in _OF_SEVERAL_LINES else line


def cited_entry(code: str, cites: str) -> str:
    """The entry that a finding rests on, without release, terms or field: `mue 93797` for `mue 2026Q4 93797`.

    A finding that a later release or other terms repeat is the same finding.
    """
    if code in _OF_CLAIM:
        return _OF_CLAIM[code]
    table, *rest = cites.split(" ")
    if table not in _TABLES:
        return table if table.startswith(_OF_PROCEDURE) else cites
    codes = _OF_A_PAIR if table == TableKind.PTP else _OF_ONE_CODE
    return " ".join((table, *rest[-codes:]))
