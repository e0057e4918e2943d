"""The console's navigation: one table of pages, their keys, and the right that each needs."""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Final

from api.console.areas import OWN_CLAIMS, may_open, sees_claims
from api.identity import Caller, Scope


@dataclass(frozen=True, slots=True)
class NavigationLink:
    """A page of the navigation."""

    label: str
    path: str
    key: str
    """Keys that open it, pressed one after the other."""
    needs: Scope | None = None
    """`None`: everyone who sees claims sees the page."""
    also: Scope | None = None
    """A scope that is enough as well."""

    def is_open_to(self, caller: Caller) -> bool:
        """Whether the page is open to a caller."""
        if not may_open(caller, self.path):
            return False
        if self.needs is None:
            return sees_claims(caller)
        return caller.may(self.needs) or (self.also is not None and caller.may(self.also))


NAVIGATION: Final[Sequence[NavigationLink]] = (
    NavigationLink("Queue", "/console/queue", "g q", Scope.CASES_READ),
    NavigationLink("In review", "/console/in-review", "g i"),
    NavigationLink("Cases", "/console/cases", "g c", Scope.CASES_READ),
    NavigationLink("Members", "/console/members", "g e", Scope.REGISTRY_READ),
    NavigationLink("Appeals", "/console/appeals", "g a"),
    NavigationLink("Re-screening", "/console/rescreening", "g s"),
    NavigationLink("Audit sample", "/console/reviews", "g w"),
    NavigationLink("Team", "/console/team", "g t", Scope.POLICY_WRITE),
    NavigationLink("Model", "/console/model", "g m", Scope.ANALYZE, Scope.POLICY_WRITE),
    NavigationLink("Health", "/console/health", "g h", Scope.OPERATE),
    NavigationLink("Dead letters", "/console/dead-letters", "g d", Scope.OPERATE),
    NavigationLink("Failed tasks", "/console/tasks", "g f", Scope.OPERATE),
    NavigationLink("Audit log", "/console/audit", "g l", Scope.AUDIT),
    NavigationLink("My claims", OWN_CLAIMS, "g c", Scope.READ),
)


def navigation_of(caller: Caller, served: Container[str]) -> list[NavigationLink]:
    """The links that are shown to a caller; `served`: the paths of the pages that there are."""
    return [one for one in NAVIGATION if one.path in served and one.is_open_to(caller)]
