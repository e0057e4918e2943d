"""Retrying work that failed: which failures are of a server and not of the work, and how often work is tried."""

from collections.abc import Sequence
from datetime import timedelta
from secrets import SystemRandom
from typing import Final

import psycopg
import redis

MAX_ATTEMPTS = 8
"""Attempts at an event before it is a dead letter: with doubling pauses, about four minutes."""

JITTER: Final = 0.2
"""Largest share by which a pause is shorter or longer, so that what failed together is not repeated together."""
_random = SystemRandom()

_OF_SERVERS = (OSError, psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError, redis.RedisError)
_OF_WORK = (psycopg.errors.QueryCanceled, redis.DataError)


def is_transient(error: BaseException) -> bool:
    """Whether a failure is of an unavailable server, so that the same work succeeds once it is available again.

    A cancelled query is not: a query that runs too long for one event would stop all behind it.
    """
    original = getattr(error, "orig", None)  # of SQLAlchemy's errors: the driver's
    if isinstance(original, BaseException):
        return is_transient(original)
    return isinstance(error, _OF_SERVERS) and not isinstance(error, _OF_WORK)


def pause_after(attempts: int, pauses: Sequence[timedelta]) -> timedelta | None:
    """The pause after `attempts` failed attempts, with jitter; `None`: the last attempt was made."""
    if attempts > len(pauses):
        return None
    return pauses[attempts - 1] * _random.uniform(1 - JITTER, 1 + JITTER)


def describe(error: BaseException) -> str:
    """A failure in one line, to be stored beside the work that failed: kind and message, without personal data."""
    from core.logging import redact

    message = " ".join(redact(str(error)).split())
    return f"{type(error).__name__}: {message}"[:500] if message else type(error).__name__
