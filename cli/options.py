"""Options that several commands have: one name, one type and one meaning each."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

PORT = click.IntRange(1, 65_535)
ABOVE_ZERO = click.FloatRange(min=0, min_open=True)
MAX_BY = 200
"""Characters of `--by`."""
MAX_REASON = 2_000
"""Characters of `--reason`."""
SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)
DAY = click.DateTime(["%Y-%m-%d"])
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_DURATION = re.compile(r"([0-9]{1,6})([mhd])", re.ASCII)
INPUT_FILE = click.Path(path_type=Path, exists=True, dir_okay=False, readable=True)
INPUT_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
OUTPUT_FILE = click.Path(path_type=Path, dir_okay=False)


class Duration(click.ParamType[timedelta]):
    """A whole number of minutes, hours or days, such as `24h`."""

    name = "duration"

    def __init__(self, longest: timedelta) -> None:
        self._longest = longest

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The duration; raises `click.BadParameter`."""
        found = _DURATION.fullmatch(str(value))
        if found is None:
            self.fail(f"{value!r} is not a number of minutes, hours or days such as 30m, 24h or 90d", param, ctx)
        number, unit = found.groups()
        span = timedelta(**{_UNITS[unit]: int(number)})
        if span > self._longest:
            self.fail(f"{value} is longer than {self._longest.days} days, the longest allowed", param, ctx)
        return span


class BoundedText(click.ParamType[str]):
    """A text of at most so many characters: what a command is called with is kept in the audit log."""

    name = "text"

    def __init__(self, most: int) -> None:
        self._most = most

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text; raises `click.BadParameter`."""
        text = str(value)
        if len(text) > self._most:
            self.fail(
                f"it has {len(text):,} characters, and at most {self._most:,} are allowed; shorten it", param, ctx
            )
        return text


class _ChartFile(click.Path):
    """A file whose suffix names the format of a chart."""

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        path = Path(str(super().convert(str(value), param, ctx)))
        if path.suffix.lower() not in (".svg", ".png"):
            self.fail(f"{path.name!r} must end with .svg or .png, which says what is written; rename it", param, ctx)
        return path


PLOT = click.option(
    "--plot", type=_ChartFile(path_type=Path, dir_okay=False), help="Write the chart to this file, as SVG or PNG."
)
OUTPUT_FOLDER = click.Path(path_type=Path, file_okay=False)

DATASET = click.option(
    "--dataset",
    default="simulated",
    show_default=True,
    help="Data set: simulated, provider-fraud, or the name of a mapping that was ingested.",
)
DATA = click.option("--data", type=INPUT_FILE, help="A labelled claims file, in place of --dataset; needs --mapping.")
MAPPING = click.option(
    "--mapping", type=INPUT_FILE, help="YAML that maps the columns of the file; see docs/reference/mapping.md."
)
CAPACITY = click.option(
    "--capacity", type=ABOVE_ZERO, help="Claims the investigators can review in a week; default: 1 % of the claims."
)
TRIALS = click.option(
    "--trials",
    default=0,
    show_default=True,
    type=click.IntRange(0),
    help="Parameter sets to try first, with Optuna.",
)
FAMILY = click.option(
    "--model",
    "family",
    default="xgboost",
    show_default=True,
    metavar="FAMILY",
    help="Family of models: xgboost, lightgbm, catboost, ebm, logistic, or package.module:factory of your own.",
)
PARAMS = click.option(
    "--params", type=INPUT_FILE, help="YAML or JSON of the family's parameters, by name; others keep their default."
)


def by_option(text: str = "Who is responsible; default: the user of this system.") -> Callable[[F], F]:
    """`--by NAME`."""
    return click.option("--by", type=BoundedText(MAX_BY), help=text)


BY = by_option()


def model_option(default: str) -> Callable[[F], F]:
    """`--model VERSION`; `default` says which model is meant without it."""
    return click.option("--model", "version", metavar="VERSION", help=f"Version of the model; default: {default}.")


def reason_option(default: str | None = None, *, text: str = "Why.", required: bool = False) -> Callable[[F], F]:
    """`--reason TEXT`."""
    reason = BoundedText(MAX_REASON)
    if default is None:
        return click.option("--reason", type=reason, required=required, help=text)
    return click.option("--reason", type=reason, default=default, show_default=True, help=text)
