"""API keys, roles and scopes: who calls, and what they may do."""

from api.identity.repository import caller_of_key
from api.identity.roles import PROVIDER, ROLES, Caller, Scope
from api.identity.service import Authenticator, create_key, list_keys, replace_key, revoke_key
from api.identity.tables import ApiKeyRow

__all__ = [
    "PROVIDER",
    "ROLES",
    "ApiKeyRow",
    "Authenticator",
    "Caller",
    "Scope",
    "caller_of_key",
    "create_key",
    "list_keys",
    "replace_key",
    "revoke_key",
]
