"""Who may do what: one table."""

from dataclasses import dataclass
from enum import Enum


class Scope(Enum):
    """One thing a key may do."""

    SUBMIT = "claims:submit"
    READ = "claims:read"
    VOID = "claims:void"
    SCORES = "scores:read"
    """See fraud scores, flags and their reasons."""
    BATCH = "claims:score-batch"
    FINDINGS = "findings:record"
    DECIDE = "claims:decide"
    """Decide claims in review: release, pay reduced, deny, pend."""
    APPROVE = "claims:approve"
    """Approve or refuse another person's proposal, and reopen what was decided."""


ROLES: dict[str, frozenset[Scope]] = {
    # A provider sees what was decided on its own claims. Scores and reasons would teach it to hide.
    "provider": frozenset({Scope.SUBMIT, Scope.READ}),
    "claims_system": frozenset({Scope.SUBMIT, Scope.READ, Scope.VOID, Scope.SCORES, Scope.BATCH}),
    "investigator": frozenset({Scope.READ, Scope.SCORES, Scope.FINDINGS, Scope.DECIDE}),
    "lead_investigator": frozenset({Scope.READ, Scope.SCORES, Scope.FINDINGS, Scope.DECIDE, Scope.APPROVE}),
    "admin": frozenset(Scope),
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls."""

    api_key_id: str
    role: str
    provider_id: str | None
    """Of a provider's key: the only provider whose claims it may touch."""
    name: str
    """Of the key: who answers for what is done with it."""

    def may(self, scope: Scope) -> bool:
        """Whether the caller's role includes `scope`."""
        return scope in ROLES[self.role]

    @property
    def sees_scores(self) -> bool:
        """Whether answers to this caller may hold scores."""
        return self.may(Scope.SCORES)
