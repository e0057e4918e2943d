"""Pages for providers and members: their own claims, what is missing, payment, notices and appeals."""

from api.console.own.pages import OwnPages
from api.console.own.service import OwnClaims

__all__ = ["OwnClaims", "OwnPages"]
