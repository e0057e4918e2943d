"""How a session of the console confirms the form that it sends."""

from starlette.requests import Request

from api import request_context
from api.confirmation import Confirmation
from api.console.access import ConsoleAccess, SignedIn
from core import clock
from core.settings import Settings


def confirmation_of_session(signed_in: SignedIn, settings: Settings) -> Confirmation:
    """How the session confirms the form that was sent; noted for the audit log."""
    is_needed = settings.signed_requests == "required"
    confirmation = signed_in.confirmation(clock.now(), is_needed=is_needed)
    if confirmation.means is not None:
        request_context.note_confirmation(confirmation.means)
    return confirmation


async def proved_again(request: Request, signed_in: SignedIn, code: str) -> SignedIn:
    """The session after the code of a form was checked; unchanged where the form has none."""
    if not code:
        return signed_in
    access: ConsoleAccess = request.app.state.console.access
    return await access.prove_again(signed_in, code, request.client.host if request.client else "")


def how_to_confirm(signed_in: SignedIn) -> str:
    """What a person does whose form needs a second factor that was proved recently."""
    if signed_in.session_id is None:
        return "this needs a person with a second factor; `ginja users create` makes a user, who signs in with a code"
    if signed_in.has_app:
        return "enter the code that your authenticator app shows now, and send the form again"
    return "your second factor was proved over ten minutes ago; sign out and in again"
