"""Results on standard output."""

import json
from collections.abc import Mapping
from typing import Any

import click


def print_json(result: Any) -> None:
    """Print one JSON object on one line; dates and paths become text."""
    click.echo(json.dumps(result, default=str))


def print_values(values: Mapping[str, Any], *, as_json: bool, width: int = 20) -> None:
    """Print names with their values: one JSON object, or a line for each."""
    if as_json:
        print_json(values)
        return
    for name, value in values.items():
        click.echo(f"{name.replace('_', ' '):>{width}}  {value}")
