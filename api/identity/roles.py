"""Roles and scopes: one table of what each role may do. Anything not declared here is refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final


class Scope(Enum):
    """One permission of an API key."""

    SUBMIT = "claims:submit"
    READ = "claims:read"
    """Read, list and export the claims that the role may access, and what follows from them."""
    ANALYZE = "claims:analyze"
    """Read, list, explain and export all claims with their scores, without what says whose they are."""
    VOID = "claims:void"
    SCORES = "scores:read"
    """See fraud scores, flags and their reasons."""
    BATCH = "claims:score-batch"
    FINDINGS = "findings:record"
    DECIDE = "claims:decide"
    """Decide claims in review: release, pay reduced, deny, pend."""
    APPROVE = "claims:approve"
    """Approve or refuse another person's proposal, and reopen a decided claim."""
    APPEAL = "appeals:file"
    """File appeals against decisions."""
    REGISTRY_READ = "registry:read"
    """Read and list members, providers, procedures and prior authorizations."""
    REGISTRY_WRITE = "registry:write"
    """Create, change and end members, providers, procedures and prior authorizations."""
    POLICY_READ = "policies:read"
    """Read the versions of the policy."""
    POLICY_WRITE = "policies:write"
    """Write, activate and roll back versions of the policy; nobody activates what they wrote."""
    REPORTS = "reports:read"
    """Read the reports that are made each day and each week."""
    MONITOR = "platform:read"
    """See the platform's metrics and the details of its readiness."""
    OPERATE = "platform:operate"
    """See and resolve what could not be handled, and say who is notified of what."""
    WEBHOOKS = "webhooks:manage"
    """Register receivers of events, see their deliveries, replay them."""
    KEYS = "keys:manage"
    """Create, list, rotate and revoke API keys; nobody creates a key that may do more than they may."""
    PRIVACY = "privacy:manage"
    """Add and release legal holds, and export everything that is stored about a member."""
    CONSENTS_READ = "consents:read"
    """Read what members said about purposes of use."""
    CONSENTS_RECORD = "consents:record"
    """Record consents and objections of members."""
    CONSENTS_WITHDRAW = "consents:withdraw"
    """Withdraw consents and objections, and object."""
    USERS = "users:manage"
    """Create, change and disable users, and reset what they sign in with."""
    AUDIT = "audit:read"
    """Search the audit log; the search is recorded in it."""
    CASES_READ = "cases:read"
    """Read and list cases with their claims and history."""
    CASES_WORK = "cases:work"
    """Open, assign and close cases, and write in them; with `claims:approve` also those assigned to others."""
    VERSION = "version:manage"
    """See and change the version of the API that the own key gets; every role may."""


USER_PREFIX: Final = "usr_"
"""Of the ids of users, among those of actors."""
PROVIDER: Final = "provider"
"""The only role that is bound to a provider."""
MEMBER: Final = "member"
"""The only role that is bound to a member."""

_OWN_CLAIMS: Final = frozenset({Scope.READ, Scope.APPEAL, Scope.VERSION})
_CONSENTS: Final = frozenset({Scope.CONSENTS_READ, Scope.CONSENTS_RECORD, Scope.CONSENTS_WITHDRAW})
_INVESTIGATION: Final = frozenset({Scope.FINDINGS, Scope.CASES_READ, Scope.CASES_WORK})
_REVIEWS: Final = frozenset({Scope.READ, Scope.SCORES, Scope.DECIDE, Scope.POLICY_READ, Scope.VERSION})

ROLES: Final[Mapping[str, frozenset[Scope]]] = {
    # Providers and members see the decisions on their own claims. Scores and reasons would teach them to evade
    # detection.
    PROVIDER: _OWN_CLAIMS | {Scope.SUBMIT},
    # A consent is recorded from a signed document; a member can end it as easily (Art. 7(3) GDPR).
    MEMBER: _OWN_CLAIMS | {Scope.CONSENTS_READ, Scope.CONSENTS_WITHDRAW},
    "claims_system": frozenset(
        {
            *(Scope.SUBMIT, Scope.READ, Scope.VOID, Scope.SCORES, Scope.BATCH, Scope.APPEAL),
            *(Scope.REGISTRY_READ, Scope.REGISTRY_WRITE, Scope.VERSION),
            *_CONSENTS,
        }
    ),
    # Views claims, decides them and approves what others propose; what is fraud is an investigator's finding.
    "insurer": _REVIEWS | _CONSENTS | {Scope.APPROVE, Scope.REPORTS, Scope.REGISTRY_READ},
    "investigator": _REVIEWS | _INVESTIGATION,
    "lead_investigator": _REVIEWS | _INVESTIGATION | {Scope.APPROVE, Scope.REPORTS, Scope.POLICY_WRITE},
    # Without `claims:read`: it sees no member, and not what people wrote about claims.
    "data_scientist": frozenset({Scope.ANALYZE, Scope.POLICY_READ, Scope.REPORTS, Scope.VERSION}),
    # A provider that sees the circuit breaker could time claims under the cap of the rule.
    "monitoring": frozenset({Scope.MONITOR, Scope.VERSION}),
    "operator": frozenset({Scope.MONITOR, Scope.OPERATE, Scope.VERSION}),
    "admin": frozenset(Scope),
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the holder of a valid API key, or a signed-in user."""

    actor_id: str
    """Of the key or the user."""
    role: str
    provider_id: str | None
    """Of the role `provider`: the only provider whose claims it may access."""
    name: str
    """Of the key or the user: who is accountable for what is done."""
    api_version: str | None = field(default=None, compare=False)
    """The version that the key is pinned to; `None`: it is not stored yet."""
    only: frozenset[Scope] | None = None
    """Of a key that was created with fewer scopes than its role has; `None`: it has all of them."""
    member_id: str | None = None
    """Of the role `member`: the only member whose claims it may access."""

    @property
    def scopes(self) -> frozenset[Scope]:
        """Everything that the caller may do: what its role includes and its key was not created without.

        A role that is not declared includes nothing.
        """
        of_role = ROLES.get(self.role, frozenset())
        return of_role if self.only is None else of_role & self.only

    def may(self, scope: Scope) -> bool:
        """Whether the caller has `scope`."""
        return scope in ROLES.get(self.role, frozenset()) and (self.only is None or scope in self.only)

    @property
    def is_user(self) -> bool:
        """Whether this is a signed-in user rather than an API key."""
        return self.actor_id.startswith(USER_PREFIX)

    @property
    def sees_scores(self) -> bool:
        """Whether responses to this caller may contain scores."""
        return self.may(Scope.SCORES) or self.may(Scope.ANALYZE)

    @property
    def sees_identities(self) -> bool:
        """Whether responses to this caller may name members."""
        return self.may(Scope.READ)

    @property
    def is_bound_as_declared(self) -> bool:
        """Whether the role is declared, and bound to a provider exactly if it is `provider`, to a member if `member`.

        A caller that is not may access no claim.
        """
        bound = (self.provider_id is not None, self.member_id is not None)
        return self.role in ROLES and bound == (self.role == PROVIDER, self.role == MEMBER)

    def may_access(self, provider_id: str | None, member_id: str | None) -> bool:
        """Whether the caller may access the claims of this provider for this member."""
        if not self.is_bound_as_declared:
            return False
        return self.provider_id in (None, provider_id) and self.member_id in (None, member_id)

    def claim_filter(self) -> dict[str, str]:
        """Columns of `claims` and the values they must have for this caller; raises `PermissionError`."""
        if not self.is_bound_as_declared:
            raise PermissionError(f"{self.actor_id}: role {self.role} does not fit its provider or member")
        of_role = {"provider_id": self.provider_id, "member_id": self.member_id}
        return {column: value for column, value in of_role.items() if value is not None}
