"""Pages of cases: the list, and a case with its history and forms."""

from api.console.cases.pages import CasePages

__all__ = ["CasePages"]
