"""Clients of Valkey with a deadline: a server that accepts connections and never answers ends a command, too."""

from typing import Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

DEADLINE_S: Final = 10.0
"""Until a connection is made, and between two parts of an answer. The largest write of the platform, a batch of rows of
the online store, takes milliseconds."""


def valkey_client(url: str, *, deadline_s: float | None = None) -> redis.Redis:
    """A client whose calls raise `redis.TimeoutError` once the server is silent for `deadline_s` (`DEADLINE_S`).

    No call is repeated: each attempt would wait as long again, and a batch that was written is not known to be.
    """
    limit = DEADLINE_S if deadline_s is None else deadline_s
    return redis.Redis.from_url(url, socket_connect_timeout=limit, socket_timeout=limit, retry=Retry(NoBackoff(), 0))
