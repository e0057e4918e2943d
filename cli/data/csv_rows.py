"""CSV files of reference data, read whole or refused."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import click

Read = TypeVar("Read")
_SHOWN = 20


def read_csv(file: Path, read: Callable[[Iterable[str]], list[Read]]) -> list[Read]:
    """The rows of a file; refuses it with the first of its problems."""
    from formats.csv_rows import InvalidRows

    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            return read(lines)
    except InvalidRows as error:
        for problem in error.problems[:_SHOWN]:
            click.echo(f"{problem.where}: {problem.reason}; {problem.remedy}", err=True)
        raise click.UsageError(f"{file.name}: {error}; nothing was stored.") from None
    except UnicodeDecodeError:
        raise click.UsageError(f"{file.name} is not text in UTF-8; nothing was stored.") from None
