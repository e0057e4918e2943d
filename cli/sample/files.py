"""Files and sizes that the commands of `ginja sample` share."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cli.options import INPUT_FILE, SHARE

if TYPE_CHECKING:
    from claims.sampling import Draw, SamplingFrame
    from formats.sampling_files import WorksheetRow

F = TypeVar("F", bound=Callable[..., Any])
DEFAULT_ERROR_RATE = 0.5

FRAME = click.argument("frame_file", metavar="FRAME", type=INPUT_FILE)
SEED = click.option("--seed", required=True, help="Text that the draw follows from; write it down with the frame.")
ERROR_RATE = click.option(
    "--error-rate",
    default=DEFAULT_ERROR_RATE,
    show_default=True,
    type=SHARE,
    help="Share of units that are expected to be overpaid in full.",
)
ALLOCATION = click.option(
    "--allocation",
    default="proportional",
    show_default=True,
    type=click.Choice(("proportional", "neyman")),
    help="How a size is divided among strata: by their units, or by units × expected deviation.",
)
BOUNDARY = click.option(
    "--boundary",
    "boundaries",
    multiple=True,
    metavar="AMOUNT",
    help="Lowest amount of a further stratum; repeat it. In place of the strata of the file.",
)


def sizes_options(command: F) -> F:
    """`--size` and `--stratum`."""
    command = click.option(
        "--stratum", "by_stratum", multiple=True, metavar="NAME=N", help="Units of one stratum; repeat it for each."
    )(command)
    return click.option("--size", type=click.IntRange(1), help="Units of the whole sample.")(command)


def read_frame_file(file: Path, boundaries: Sequence[str] = ()) -> "SamplingFrame":
    """The frame of a file, in strata by amount where boundaries are given. Raises `click.UsageError`."""
    from claims.money import MoneyError, parse_cents
    from claims.sampling import SamplingError, stratify_by_amount
    from cli.data.csv_rows import read_csv
    from formats.sampling_files import read_frame

    frame = read_csv(file, lambda lines: [read_frame(lines)])[0]
    if not boundaries:
        return frame
    try:
        return stratify_by_amount(frame.units, [parse_cents(one) for one in boundaries])
    except (MoneyError, SamplingError) as error:
        raise click.UsageError(f"--boundary: {error}") from None


def read_worksheet_file(file: Path) -> "list[WorksheetRow]":
    """The rows of a worksheet. Raises `click.UsageError`."""
    from cli.data.csv_rows import read_csv
    from formats.sampling_files import read_worksheet

    return read_csv(file, read_worksheet)


def sample_of(
    frame: "SamplingFrame",
    *,
    seed: str,
    size: int | None,
    by_stratum: Sequence[str],
    allocation: str,
    error_rate: float,
) -> "Draw":
    """Draw the sample that the options ask for. Raises `click.UsageError`."""
    from claims.sampling import Allocation, SamplingError, allocate, draw, planned_strata

    if (size is None) == (not by_stratum):
        raise click.UsageError("Say the size with --size, or with --stratum NAME=N for each stratum.")
    try:
        if size is None:
            return draw(frame, seed, _stated(by_stratum))
        sizes: Mapping[str, int] = {frame.strata[0].name: size}
        if len(frame.strata) > 1:
            sizes = allocate(planned_strata(frame, error_rate), size, Allocation(allocation))
        return draw(frame, seed, sizes)
    except SamplingError as error:
        raise click.UsageError(str(error)) from None


def _stated(by_stratum: Sequence[str]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for text in by_stratum:
        name, separator, number = text.rpartition("=")
        if not separator or not (number.isascii() and number.isdigit()) or name in sizes:
            raise click.UsageError(f"--stratum {text!r} must be NAME=N, such as high=30, once for each stratum.")
        sizes[name] = int(number)
    return sizes


def write_csv(file: Path, rows: Iterable[Iterable[object]]) -> None:
    """Write a CSV that a spreadsheet runs nothing of."""
    from core.spreadsheets import csv_text

    file.write_text(csv_text(rows), encoding="utf-8", newline="")
