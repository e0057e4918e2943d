"""API keys, roles and scopes: who calls, and what they may do."""

from api.identity.last_use import WRITE_S
from api.identity.pins import VersionPin, change_pin, lock_pin, read_pin
from api.identity.repository import (
    EXPIRES_SOON,
    ApiKey,
    KeyState,
    caller_of_key,
    end_replaced,
    expiring_keys,
    holder_of_key,
    keys_before,
    mark_revoked,
    one_key,
    stored_scopes,
)
from api.identity.roles import MEMBER, PROVIDER, ROLES, USER_PREFIX, Caller, Scope
from api.identity.service import (
    LIFETIME,
    MAX_LIFETIME,
    MAX_NAME,
    Authenticator,
    create_key,
    insert_key,
    list_keys,
    replace_key,
    sent_secret,
)
from api.identity.tables import ApiKeyRow
from api.identity.visible_rows import row_access

__all__ = [
    "EXPIRES_SOON",
    "LIFETIME",
    "MAX_LIFETIME",
    "MAX_NAME",
    "MEMBER",
    "PROVIDER",
    "ROLES",
    "USER_PREFIX",
    "WRITE_S",
    "ApiKey",
    "ApiKeyRow",
    "Authenticator",
    "Caller",
    "KeyState",
    "Scope",
    "VersionPin",
    "caller_of_key",
    "change_pin",
    "create_key",
    "end_replaced",
    "expiring_keys",
    "holder_of_key",
    "insert_key",
    "keys_before",
    "list_keys",
    "lock_pin",
    "mark_revoked",
    "one_key",
    "read_pin",
    "replace_key",
    "row_access",
    "sent_secret",
    "stored_scopes",
]
