"""How a session of the console confirms the form that it sends."""

from api import request_context
from api.confirmation import Confirmation
from api.console.access import SignedIn
from core import clock
from core.settings import Settings


def confirmation_of_session(signed_in: SignedIn, settings: Settings) -> Confirmation:
    """How the session confirms the form that was sent; noted for the audit log."""
    is_needed = settings.signed_requests == "required"
    confirmation = signed_in.confirmation(clock.now(), is_needed=is_needed)
    if confirmation.means is not None:
        request_context.note_confirmation(confirmation.means)
    return confirmation
