"""How a benchmark ends: its result, what missed its target, and the exit status."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

import click

from cli.output import terminal
from cli.progress import print_failure

if TYPE_CHECKING:
    from rich.console import RenderableType


def end(result: str, table: "RenderableType", missed: Sequence[str], *, as_json: bool, kind: str) -> NoReturn:
    """Print `result`, which is JSON, or `table` with each missed target; exit 1 if there is one.

    `kind`: what a missed target is called, `missed` or `broken`.
    """
    if as_json:
        click.echo(result)
    else:
        terminal().print(table)
        for text in missed:
            print_failure(kind, text)
    sys.exit(1 if missed else 0)
