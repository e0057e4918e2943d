"""API keys, roles and scopes: who calls, and what they may do."""

from api.identity.pins import VersionPin, change_pin, lock_pin, read_pin
from api.identity.repository import caller_of_key, holder_of_key
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
    "VersionPin",
    "caller_of_key",
    "change_pin",
    "create_key",
    "holder_of_key",
    "list_keys",
    "lock_pin",
    "read_pin",
    "replace_key",
    "revoke_key",
]
