"""The version of the API that a key is pinned to: in the row of the key, which is looked up with every request."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, func, select, update

from api.database import Query, compiled, nothing
from api.identity.tables import ApiKeyRow


@dataclass(frozen=True, slots=True)
class VersionPin:
    """The version of a key, and the one before its last upgrade."""

    version: str | None
    """`None`: the key was not used yet."""
    pinned_at: datetime | None
    previous: str | None = None
    upgraded_at: datetime | None = None


_PIN = (ApiKeyRow.api_version, ApiKeyRow.pinned_at, ApiKeyRow.previous_version, ApiKeyRow.upgraded_at)
_OF_KEY = ApiKeyRow.api_key_id == bindparam("of_key")
_READ = compiled(select(*_PIN).where(_OF_KEY))
_LOCK = compiled(select(*_PIN).where(_OF_KEY).with_for_update())
_LATEST = compiled(
    select(*_PIN)
    .where(ApiKeyRow.name == bindparam("name"), ApiKeyRow.role == bindparam("role"), ApiKeyRow.api_version.is_not(None))
    .order_by(ApiKeyRow.created_at.desc(), ApiKeyRow.api_key_id.desc())
    .limit(1)
)
_FIRST = compiled(
    update(ApiKeyRow)
    .where(_OF_KEY)
    .values(
        api_version=func.coalesce(ApiKeyRow.api_version, bindparam("version")),
        pinned_at=func.coalesce(ApiKeyRow.pinned_at, bindparam("at")),
    )
    .returning(ApiKeyRow.api_version)
)
_CHANGE = compiled(
    update(ApiKeyRow)
    .where(_OF_KEY)
    .values(
        api_version=bindparam("version"),
        pinned_at=bindparam("at"),
        previous_version=bindparam("previous"),
        upgraded_at=bindparam("upgraded"),
    )
)


def read_pin(api_key_id: str) -> Query[VersionPin | None]:
    """The pin of a key; `None`: there is no such key."""
    return Query(_READ, {"of_key": api_key_id}, lambda rows: VersionPin(*rows[0]) if rows else None)


def lock_pin(api_key_id: str) -> Query[VersionPin | None]:
    """As `read_pin`; the row stays locked until the end of the transaction."""
    return Query(_LOCK, {"of_key": api_key_id}, lambda rows: VersionPin(*rows[0]) if rows else None)


def latest_pin(name: str, role: str) -> Query[VersionPin | None]:
    """The pin of the newest key of a name and role that has one."""
    return Query(_LATEST, {"name": name, "role": role}, lambda rows: VersionPin(*rows[0]) if rows else None)


def pin_first(api_key_id: str, version: str, at: datetime) -> Query[str | None]:
    """Pin a key that has no version yet; gives the version that it has then, also where another process was first.

    `None`: there is no such key.
    """
    params = {"of_key": api_key_id, "version": version, "at": at}
    return Query(_FIRST, params, lambda rows: rows[0][0] if rows else None)


def change_pin(api_key_id: str, pin: VersionPin) -> Query[None]:
    """Store another pin of a key."""
    params = {
        "of_key": api_key_id,
        "version": pin.version,
        "at": pin.pinned_at,
        "previous": pin.previous,
        "upgraded": pin.upgraded_at,
    }
    return Query(_CHANGE, params, nothing)
