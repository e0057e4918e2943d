"""Roles and scopes: one table of what each role may do. Anything not declared here is refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final


class Scope(Enum):
    """One permission of an API key."""

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
    VERSION = "version:manage"
    """See and change the version of the API that the own key gets; every role may."""


PROVIDER: Final = "provider"
"""The only role whose keys are bound to a provider."""

ROLES: Final[Mapping[str, frozenset[Scope]]] = {
    # Providers see the decisions on their own claims. Scores and reasons would teach them to evade detection.
    PROVIDER: frozenset({Scope.SUBMIT, Scope.READ, Scope.APPEAL, Scope.VERSION}),
    "claims_system": frozenset(
        {
            *(Scope.SUBMIT, Scope.READ, Scope.VOID, Scope.SCORES, Scope.BATCH, Scope.APPEAL),
            *(Scope.REGISTRY_READ, Scope.REGISTRY_WRITE, Scope.VERSION),
        }
    ),
    "investigator": frozenset(
        {Scope.READ, Scope.SCORES, Scope.FINDINGS, Scope.DECIDE, Scope.POLICY_READ, Scope.VERSION}
    ),
    "lead_investigator": frozenset(
        {
            *(Scope.READ, Scope.SCORES, Scope.FINDINGS, Scope.DECIDE, Scope.APPROVE, Scope.REPORTS),
            *(Scope.POLICY_READ, Scope.POLICY_WRITE, Scope.VERSION),
        }
    ),
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
    """Of a provider's key: the only provider whose claims it may access."""
    name: str
    """Of the key or the user: who is accountable for what is done."""
    api_version: str | None = field(default=None, compare=False)
    """The version that the key is pinned to; `None`: it is not stored yet."""
    only: frozenset[Scope] | None = None
    """Of a key that was created with fewer scopes than its role has; `None`: it has all of them."""

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
    def sees_scores(self) -> bool:
        """Whether responses to this caller may contain scores."""
        return self.may(Scope.SCORES)

    def may_access(self, provider_id: str | None) -> bool:
        """Whether the caller may access claims of this provider.

        A key is bound to a provider exactly if its role is `provider`; one that is not as declared accesses nothing.
        """
        if self.role == PROVIDER:
            return self.provider_id is not None and self.provider_id == provider_id
        return self.role in ROLES and self.provider_id is None

    def claim_filter(self) -> dict[str, str]:
        """Columns of `claims` and the values they must have for this caller; raises `PermissionError`."""
        if not self.may_access(self.provider_id):
            raise PermissionError(f"{self.actor_id}: role {self.role} does not fit its provider")
        return {} if self.provider_id is None else {"provider_id": self.provider_id}
