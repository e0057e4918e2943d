"""A Valkey database belongs to one tenant: a key in it names the tenant, and others refuse it.

Rows of the online store, messages of tasks and buckets of rate limits have the same names at every tenant, and the
number of keys of the database says whether some were evicted. Two tenants in one database would read each other's
features.
"""

import time
from typing import Final, cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from core.errors import SettingsError
from core.logging import get_logger

log = get_logger("valkey")

KEY: Final = "ginja-tenant"
"""Holds the name of the tenant whose database it is."""
_TIMEOUT_S: Final = 2.0
_PAUSE_S: Final = 1.0


def require_own(url: str, tenant: str) -> bool:
    """Take a database that no tenant has for this one; returns whether the server answered.

    Raises `SettingsError` where it belongs to another tenant, and where the server refuses to say.
    """
    retry = Retry(NoBackoff(), 0)
    client = redis.Redis.from_url(url, socket_connect_timeout=_TIMEOUT_S, socket_timeout=_TIMEOUT_S, retry=retry)
    with client:
        try:
            # Read first: a server whose memory is full takes no write, and says nevertheless whose database it is.
            found = cast("bytes | None", client.get(KEY))
            if found is None:
                client.set(KEY, tenant, nx=True)
                found = cast("bytes | None", client.get(KEY))
        except (redis.AuthenticationError, redis.ResponseError) as error:  # the former is a ConnectionError, too
            raise SettingsError(f"GINJA_REDIS_URL: Valkey refused the check of the tenant: {error}") from None
        except redis.RedisError:
            return False
    owner = tenant if found is None else found.decode(errors="replace")
    if owner != tenant:
        raise SettingsError(
            f"GINJA_REDIS_URL: this Valkey database belongs to the tenant {owner[:40]!r}, and GINJA_TENANT is "
            f"{tenant!r}. Each tenant needs a database of its own: another number at the end of the URL, or another "
            f"server. If the tenant was renamed, stop its processes and delete the key {KEY} of the database."
        )
    return True


def await_own(url: str, tenant: str) -> None:
    """As `require_own`; waits for the server, so that nothing is read or written before its answer."""
    is_said = False
    while not require_own(url, tenant):
        if not is_said:
            log.warning("waiting for Valkey, which says whose database it is")
            is_said = True
        time.sleep(_PAUSE_S)
