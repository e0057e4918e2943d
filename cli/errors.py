"""Errors as a command ends with them: bad input is one line and an exit code, a defect is a traceback.

Every exception class that is declared in this project and not private says on purpose what is wrong, so it is for the
reader. Of other libraries' errors only those that speak of a file, a server or the disk are; the rest are defects.
"""

import errno
import sys
from typing import Final

_PACKAGES: Final = frozenset(("api", "claims", "cli", "core", "features", "models", "pipelines", "serving"))
_NO_SPACE: Final = frozenset((errno.ENOSPC, errno.EROFS, errno.ENAMETOOLONG, errno.EDQUOT))


def one_line(error: Exception) -> str | None:
    """What to print after `Error: `; `None` for a defect, which needs its traceback."""
    kind = type(error)
    if kind.__module__.partition(".")[0] in _PACKAGES and not kind.__name__.startswith("_"):
        return _of_fields(error) or str(error) or kind.__name__
    return _of_the_system(error) or _of_a_file(error) or _of_a_server(error)


def _of_fields(error: Exception) -> str:
    """The fields that an `ApiError` names."""
    fields = getattr(error, "errors", ())
    named = [f"{one.field}: {one.message}" for one in fields if hasattr(one, "field") and hasattr(one, "message")]
    return "; ".join(named)


def _of_the_system(error: Exception) -> str | None:
    refused = isinstance(error, PermissionError | IsADirectoryError | NotADirectoryError)
    if isinstance(error, OSError) and (refused or error.errno in _NO_SPACE):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)
    return None


def _of_a_file(error: Exception) -> str | None:
    """A damaged Parquet file, from any reader."""
    arrow, duck = sys.modules.get("pyarrow"), sys.modules.get("duckdb")
    kinds = (
        *((arrow.ArrowInvalid,) if arrow else ()),
        *((duck.IOException, duck.InvalidInputException) if duck else ()),
    )
    text = " ".join(str(error).split())
    if isinstance(error, kinds) and "parquet" in text.lower():
        return f"a Parquet file cannot be read: {text[:300]}"
    return None


def _of_a_server(error: Exception) -> str | None:
    """A database or a Valkey that cannot be reached."""
    psycopg, redis = sys.modules.get("psycopg"), sys.modules.get("redis")
    cause = getattr(error, "orig", None) or error
    if psycopg and isinstance(cause, psycopg.OperationalError):
        return "the database is unavailable; check GINJA_DATABASE_URL, or run `ginja servers start`"
    if redis and isinstance(error, redis.ConnectionError):
        return "Valkey is unavailable; check GINJA_REDIS_URL, or run `ginja servers start`"
    return None
