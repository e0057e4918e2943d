"""The console of investigators: pages in a browser."""

from api.console.reading import session_token

__all__ = ["session_token"]
