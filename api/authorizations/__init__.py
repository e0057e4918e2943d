"""Prior authorizations of members: created, read, listed, changed and ended, with what claims have used of them."""

from api.authorizations.service import Authorizations

__all__ = ["Authorizations"]
