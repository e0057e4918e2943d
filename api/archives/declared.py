"""Kinds of data that are archived: their tables, the keys by which rows are ordered, and which rows a claim has."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from api.field_keys import SEALED_COLUMNS

CLAIMS: Final = "closed_claims"
"""The kind of claims that are decided and closed."""
_OF_CLAIMS: Final = "one.claim_id = ANY (%(claims)s)"
_IN_CLEAR: Final[Mapping[str, tuple[str, ...]]] = {
    "claims": ("member_id", "age_years", "sex", "region", "authorization_number", "attributes")
}
"""What is in clear in the database, too, and says whose a claim is: an erasure does not change it."""


@dataclass(frozen=True, slots=True)
class ArchivedTable:
    """A table whose rows leave the database with their claims."""

    name: str
    key: tuple[str, ...]
    where: str = _OF_CLAIMS
    """SQL: whether the row `one` belongs to one of `%(claims)s`."""
    goes_first: bool = False
    """Its rows are found through those of another table, so they are deleted before these."""
    stays: bool = False
    """Other claims refer to its rows as well: they are copied, and not deleted."""

    @property
    def sealed(self) -> tuple[str, ...]:
        """Columns that are encrypted."""
        return tuple(one.column for one in SEALED_COLUMNS if one.table == self.name)

    @property
    def in_clear(self) -> tuple[str, ...]:
        """Columns that say whose a claim is."""
        return _IN_CLEAR.get(self.name, ())


_APPEALED: Final = "one.appeal_id IN (SELECT appeal_id FROM appeals WHERE claim_id = ANY (%(claims)s))"
_FOUND: Final = "one.job_id IN (SELECT job_id FROM rescreening_findings WHERE claim_id = ANY (%(claims)s))"

TABLES: Final[Mapping[str, tuple[ArchivedTable, ...]]] = {
    CLAIMS: (
        ArchivedTable("claims", ("claim_id",)),
        ArchivedTable("claim_lines", ("claim_id", "line")),
        ArchivedTable("assessments", ("assessment_id",)),
        ArchivedTable("decisions", ("decision_id",)),
        ArchivedTable("earlier_decisions", ("earlier_id",)),
        ArchivedTable("dispositions", ("claim_id", "known_at")),
        ArchivedTable("labels", ("claim_id", "known_at")),
        ArchivedTable("selections", ("claim_id",)),
        ArchivedTable("appeals", ("appeal_id",)),
        ArchivedTable("appeal_decisions", ("appeal_id",), _APPEALED, goes_first=True),
        # A finding refers to its job, which is removed once no finding does.
        ArchivedTable("rescreening_jobs", ("job_id",), _FOUND, stays=True),
        ArchivedTable("rescreening_findings", ("finding_id",)),
    )
}
"""By kind of `api/retention/kinds.toml`, the claims first."""
