"""`ginja sample frame`, `size`, `draw` and `worksheet`: from a list of paid claims to a worksheet for the review."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.command import command
from cli.options import OUTPUT_FILE, SHARE
from cli.output import print_json, terminal
from cli.residency import check_region
from cli.sample.files import (
    ALLOCATION,
    BOUNDARY,
    ERROR_RATE,
    FRAME,
    SEED,
    read_frame_file,
    sample_of,
    sizes_options,
    write_csv,
)

if TYPE_CHECKING:
    from claims.sampling import Draw, SamplingFrame


@command(examples=["ginja sample frame paid.csv", "ginja sample frame paid.csv --boundary 250 --output frame.csv"])
@FRAME
@BOUNDARY
@click.option("--output", type=OUTPUT_FILE, help="Write the frame in canonical order to this file.")
def frame(frame_file: Path, boundaries: tuple[str, ...], output: Path | None, as_json: bool) -> None:
    """Check the sampling frame in FRAME, a CSV with unit_id, paid and perhaps stratum; print its strata and hash."""
    from formats.sampling_files import frame_rows

    found = read_frame_file(frame_file, boundaries)
    check_region(output)
    if output is not None:
        write_csv(output, frame_rows(found))
    if as_json:
        print_json(_described(found))
        return
    _print_frame(found)


@command(
    examples=[
        "ginja sample size frame.csv --error-rate 0.3 --precision 0.25",
        "ginja sample size frame.csv --error-rate 0.3 --precision 0.1 --allocation neyman",
    ]
)
@FRAME
@BOUNDARY
@ERROR_RATE
@click.option(
    "--precision",
    default=0.25,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="Half of the interval, as a share of the expected overpayment.",
)
@click.option(
    "--confidence", default=0.8, show_default=True, type=SHARE, help="Of the two-sided interval; 0.8 for a 0.9 bound."
)
@ALLOCATION
@click.option("--least", default=30, show_default=True, type=click.IntRange(1), help="Least size of the sample.")
def size(
    frame_file: Path,
    boundaries: tuple[str, ...],
    error_rate: float,
    precision: float,
    confidence: float,
    allocation: str,
    least: int,
    as_json: bool,
) -> None:
    """Say how many units of FRAME to review for a precision of the estimated overpayment.

    Assumes that a share of the units is overpaid in full and the others not at all. A frame without strata gives a
    simple random sample.
    """
    from claims.money import format_cents
    from claims.sampling import Allocation, SamplingError, planned_strata, sample_size

    found = read_frame_file(frame_file, boundaries)
    strata = planned_strata(found, error_rate)
    expected = sum(one.units * one.mean_cents for one in strata)
    try:
        needed = sample_size(
            strata,
            precision_cents=precision * expected,
            confidence=confidence,
            allocation=Allocation(allocation),
            least=least,
        )
    except SamplingError as error:
        raise click.UsageError(str(error)) from None
    if as_json:
        print_json(
            {
                "sizes": needed.sizes,
                "total": needed.total,
                "units": len(found.units),
                "expected_overpayment": format_cents(round(needed.expected_cents)),
                "half_width": format_cents(round(needed.half_width_cents)),
                "confidence": confidence,
                "error_rate": error_rate,
                "allocation": allocation,
            }
        )
        return
    from rich.table import Table

    table = Table("stratum", "units", "paid", "sample")
    for one in found.strata:
        table.add_row(one.name, f"{one.units:,}", format_cents(one.paid_cents), str(needed.sizes[one.name]))
    terminal().print(table)
    click.echo(
        f"{needed.total} of {len(found.units):,} units. Expected overpayment {format_cents(round(expected))} ± "
        f"{format_cents(round(needed.half_width_cents))} (two-sided {confidence:.0%} interval, error rate "
        f"{error_rate:.0%})."
    )


@command(
    "draw",
    examples=[
        "ginja sample draw frame.csv --seed 2026-11-28/417 --size 60",
        "ginja sample draw frame.csv --seed 2026-11-28/417 --stratum 1=40 --stratum 2=20 --json",
    ],
)
@FRAME
@BOUNDARY
@SEED
@sizes_options
@ALLOCATION
@ERROR_RATE
def draw_(
    frame_file: Path,
    boundaries: tuple[str, ...],
    seed: str,
    size: int | None,
    by_stratum: tuple[str, ...],
    allocation: str,
    error_rate: float,
    as_json: bool,
) -> None:
    """Draw a random sample of FRAME; the same frame, seed and sizes always give the same sample."""
    found = read_frame_file(frame_file, boundaries)
    drawn = sample_of(found, seed=seed, size=size, by_stratum=by_stratum, allocation=allocation, error_rate=error_rate)
    if as_json:
        print_json(_drawn(drawn))
        return
    from rich.table import Table

    from claims.money import format_cents

    table = Table("position", "stratum", "unit", "paid", "number")
    for one in drawn.drawn:
        unit = one.unit
        table.add_row(str(one.position), unit.stratum, unit.unit_id, format_cents(unit.paid_cents), one.number[:16])
    terminal().print(table)
    click.echo(f"Method {drawn.method}, seed {drawn.seed}, frame {drawn.frame_sha256}.")


@command(examples=["ginja sample worksheet frame.csv --seed 2026-11-28/417 --size 60 --output worksheet.csv"])
@FRAME
@BOUNDARY
@SEED
@sizes_options
@ALLOCATION
@ERROR_RATE
@click.option("--output", type=OUTPUT_FILE, required=True, help="CSV to write; correct_amount is filled in by review.")
def worksheet(
    frame_file: Path,
    boundaries: tuple[str, ...],
    seed: str,
    size: int | None,
    by_stratum: tuple[str, ...],
    allocation: str,
    error_rate: float,
    output: Path,
    as_json: bool,
) -> None:
    """Write the worksheet of a sample of FRAME, in which the review enters what should have been paid."""
    from formats.sampling_files import worksheet_rows

    found = read_frame_file(frame_file, boundaries)
    drawn = sample_of(found, seed=seed, size=size, by_stratum=by_stratum, allocation=allocation, error_rate=error_rate)
    check_region(output)
    write_csv(output, worksheet_rows(drawn))
    if as_json:
        print_json({"output": output, "units": len(drawn.drawn), **_described(found), "seed": seed})
    else:
        click.echo(f"{output}: {len(drawn.drawn)} units to review, of frame {drawn.frame_sha256}.")


def _described(found: "SamplingFrame") -> dict[str, object]:
    from claims.money import format_cents

    return {
        "frame_sha256": found.sha256,
        "frame_units": len(found.units),
        "paid": format_cents(found.paid_cents),
        "strata": [
            {"stratum": one.name, "units": one.units, "paid": format_cents(one.paid_cents)} for one in found.strata
        ],
    }


def _drawn(drawn: "Draw") -> dict[str, object]:
    from claims.money import format_cents

    return {
        "method": drawn.method,
        "seed": drawn.seed,
        "frame_sha256": drawn.frame_sha256,
        "sizes": drawn.sizes,
        "sample": [
            {
                "position": one.position,
                "stratum": one.unit.stratum,
                "unit_id": one.unit.unit_id,
                "paid": format_cents(one.unit.paid_cents),
                "number": one.number,
            }
            for one in drawn.drawn
        ],
    }


def _print_frame(found: "SamplingFrame") -> None:
    from rich.table import Table

    from claims.money import format_cents

    table = Table("stratum", "units", "paid")
    for one in found.strata:
        table.add_row(one.name, f"{one.units:,}", format_cents(one.paid_cents))
    terminal().print(table)
    click.echo(f"{len(found.units):,} units, {format_cents(found.paid_cents)} paid, SHA-256 {found.sha256}")
