"""Results on standard output."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import click

from core.format import number

if TYPE_CHECKING:
    from rich.console import Console

_WIDTH_OF_A_FILE: Final = 150
"""Columns of a table in a file or pipe, where rich would take 80 and cut cells off."""


def terminal() -> "Console":
    """Standard output, as wide as the terminal; in a file or pipe, of a fixed width.

    Text is printed as it is: brackets and colons of ids, addresses and reasons are no markup. Styles are `Text`.
    """
    from rich.console import Console

    found = Console(markup=False, emoji=False)
    return found if found.is_terminal else Console(markup=False, emoji=False, width=_WIDTH_OF_A_FILE)


def json_text(result: object) -> str:
    """One JSON object on one line; dates and paths become text."""
    return json.dumps(result, default=str)


def print_json(result: object) -> None:
    """Print one JSON object on one line; dates and paths become text."""
    click.echo(json_text(result))


def print_values(values: Mapping[str, object], *, as_json: bool, width: int = 20) -> None:
    """Print names with their values: one JSON object, or a line for each."""
    if as_json:
        print_json(values)
        return
    for name, value in values.items():
        click.echo(f"{name.replace('_', ' '):>{width}}  {value}")


def interval_text(interval: tuple[float, float] | None) -> str:
    """A 90 % interval as text; says so where it is unknown."""
    return "interval unknown" if interval is None else f"90 % interval {number(interval[0])} to {number(interval[1])}"
