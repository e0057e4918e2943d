"""Who is signed in to the console: sessions of users and of keys, and the pages for signing in and out."""

from api.console.access.pages import AccessPages
from api.console.access.provider_pages import ProviderPages
from api.console.access.records import SignedIn
from api.console.access.rendering import PageRenderer, to_sign_in, who
from api.console.access.service import SESSION, ConsoleAccess

__all__ = [
    "SESSION",
    "AccessPages",
    "ConsoleAccess",
    "PageRenderer",
    "ProviderPages",
    "SignedIn",
    "to_sign_in",
    "who",
]
