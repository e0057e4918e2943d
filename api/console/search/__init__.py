"""Search of the console: what an id names, and the page of it."""

from api.console.search.pages import SearchPages

__all__ = ["SearchPages"]
