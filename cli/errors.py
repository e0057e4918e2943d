"""How an exception ends a command: invalid input as one line and an exit code, a defect as a traceback.

The message of every public exception class of this project is written for the user. Of the exceptions of libraries only
those about a file, a server or the disk are the user's concern; all others are defects.
"""

import errno
import sys
from dataclasses import dataclass
from typing import Final

import click

from cli.exit_codes import ExitCode

_PACKAGES: Final = frozenset(("api", "claims", "cli", "core", "features", "formats", "models", "pipelines", "serving"))
_NO_SPACE: Final = frozenset((errno.ENOSPC, errno.EROFS, errno.ENAMETOOLONG, errno.EDQUOT, errno.EFBIG))
_FULL: Final = ("No space left on device", "disk is full", "out of disk space", "Disk quota exceeded", "File too large")
"""What libraries say of a full disk, whatever they raise."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What a command says when it fails."""

    message: str
    exit_code: int
    hint: str = ""
    """Where to read on; on a terminal only."""

    @property
    def line(self) -> str:
        """The line for a terminal."""
        return f"Error: {self.message}{self.hint}"


def failure_of(error: Exception) -> Failure | None:
    """The message and exit code for an exception; `None` for a defect, which needs its traceback."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return Failure(f"{error.ctx.command_path} needs a command.", ExitCode.USAGE, f"\n\n{error.ctx.get_help()}")
    if isinstance(error, click.Abort):
        return Failure("Interrupted.", ExitCode.INTERRUPTED)
    if isinstance(error, click.ClickException):
        hint = _help_hint(error.ctx) if isinstance(error, click.UsageError) else ""
        return Failure(" ".join(error.format_message().split()), error.exit_code, hint)
    text = one_line(error)
    if text is None:
        return None
    code = ExitCode.USAGE if _lacks_schema(error) else getattr(error, "exit_code", ExitCode.FAILED)
    hint = "\nNothing was trained; the champion is unchanged." if code == ExitCode.DATA_REFUSED else ""
    return Failure(text, code, hint)


def _help_hint(context: click.Context | None) -> str:
    return "" if context is None else f" See `{context.command_path} --help`."


def one_line(error: Exception) -> str | None:
    """What to print after `Error: `; `None` for a defect, which needs its traceback."""
    kind = type(error)
    if kind.__module__.partition(".")[0] in _PACKAGES and not kind.__name__.startswith("_"):
        return _of_fields(error) or str(error) or kind.__name__
    return _of_the_system(error) or _of_a_full_disk(error) or _of_a_file(error) or _of_a_server(error)


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


def _of_a_full_disk(error: Exception) -> str | None:
    text = " ".join(str(error).split())
    if any(mark.lower() in text.lower() for mark in _FULL):
        return f"the disk is full: {text[:300]}"
    if isinstance(error, FileNotFoundError) and "No usable temporary directory" in text:
        return "no temporary file can be written: the disk is full or read-only; free some space, or set TMPDIR"
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
    if _lacks_schema(error):
        return "the database does not have our tables; run `ginja run migrate`"
    if psycopg and isinstance(cause, psycopg.OperationalError):
        return "the database is unavailable; check GINJA_DATABASE_URL, or run `ginja servers start`"
    if redis and isinstance(error, redis.TimeoutError):
        return (
            "Valkey accepts connections and does not answer; restart it (`ginja servers stop` and `start` where it is "
            "the embedded one), or check GINJA_REDIS_URL, then run the command again"
        )
    if redis and isinstance(error, redis.ConnectionError):
        return "Valkey is unavailable; check GINJA_REDIS_URL, or run `ginja servers start`"
    return None


def _lacks_schema(error: Exception) -> bool:
    """Whether a statement failed because a table is missing: no schema, or one that is older than the code."""
    psycopg = sys.modules.get("psycopg")
    cause = getattr(error, "orig", None) or error
    return bool(psycopg and isinstance(cause, psycopg.errors.UndefinedTable))
