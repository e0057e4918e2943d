"""How the sender of a request confirmed it: by a signature, or by a second factor that was proved recently.

`api/signed_requests.py` states it for each request; routes where it depends on what is asked for require it themselves.
"""

from dataclasses import dataclass
from typing import Final, Literal

from starlette.types import Scope

from api.errors import SignatureRequired, StepUpRequired

OF_LARGE_CLAIMS: Final = (
    "; that is required of approvals, and of claims above the amount of GINJA_CONFIRMATION_ABOVE_CENTS"
)
_PLACE: Final = "ginja.confirmation"


@dataclass(frozen=True, slots=True)
class Confirmation:
    """How a request was confirmed."""

    means: Literal["signature", "second factor"] | None = None
    is_user: bool = False
    """Whether a signed-in user sent it, who confirms it by a second factor rather than by a signature."""
    is_needed: bool = True
    """False: this platform accepts requests of API keys without a signature (`GINJA_SIGNED_REQUESTS=accepted`)."""

    @property
    def is_missing(self) -> bool:
        """Whether the request would have to be confirmed, and was not."""
        return self.means is None and self.is_needed

    def require(self, why: str = "") -> None:
        """Check that the request was confirmed. `why` ends the message.

        Raises `SignatureRequired`, for users `StepUpRequired`.
        """
        if not self.is_missing:
            return
        error = StepUpRequired if self.is_user else SignatureRequired
        raise error(f"{error.example}{why}")

    def of(self, scope: Scope) -> Scope:
        """The request with this."""
        return {**scope, _PLACE: self}


NOT_NEEDED: Final = Confirmation(is_needed=False)
"""Of the command line, whose users have the database."""


def confirmation_of(scope: Scope) -> Confirmation:
    """How a request was confirmed; where nothing states it, it was not."""
    stated = scope.get(_PLACE)
    return stated if isinstance(stated, Confirmation) else Confirmation()
