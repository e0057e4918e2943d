"""Who sees the pages about subjects."""

from api.console.access import SignedIn
from api.errors import Forbidden
from api.identity import Scope


def require_investigator(signed_in: SignedIn) -> None:
    """Raises `Forbidden` for a role that does not investigate."""
    if not signed_in.may(Scope.FINDINGS):
        raise Forbidden(
            f"role {signed_in.role} does not investigate; an investigator or lead investigator sees this page"
        )
