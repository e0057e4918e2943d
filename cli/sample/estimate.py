"""`ginja sample estimate`: what a reviewed worksheet says about the overpayment of the whole frame."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.command import command
from cli.options import INPUT_FILE
from cli.output import print_json, print_values
from cli.sample.files import BOUNDARY, FRAME, SEED, read_frame_file, read_worksheet_file

if TYPE_CHECKING:
    from claims.sampling import AttributeEstimate, OverpaymentEstimate, SamplingFrame
    from formats.sampling_files import WorksheetRow


@command(
    examples=[
        "ginja sample estimate frame.csv worksheet.csv --seed 2026-11-28/417",
        "ginja sample estimate frame.csv worksheet.csv --seed 2026-11-28/417 --quantile normal --json",
    ]
)
@FRAME
@click.argument("worksheet_file", metavar="WORKSHEET", type=INPUT_FILE)
@BOUNDARY
@SEED
@click.option(
    "--estimator",
    default="difference",
    show_default=True,
    type=click.Choice(("difference", "mean_per_unit")),
    help="Extrapolate the mean overpayment, or the mean correct amount.",
)
@click.option(
    "--quantile",
    default="student_t",
    show_default=True,
    type=click.Choice(("student_t", "normal")),
    help="Distribution of the limits.",
)
def estimate(
    frame_file: Path,
    worksheet_file: Path,
    boundaries: tuple[str, ...],
    seed: str,
    estimator: str,
    quantile: str,
    as_json: bool,
) -> None:
    """Estimate the overpayment of FRAME from the reviewed WORKSHEET.

    The worksheet must have exactly the units that frame and seed give; the lower bound is that of the one-sided 90 %
    interval.
    """
    from claims.sampling import (
        Estimator,
        Quantile,
        SamplingError,
        estimate_errors,
        estimate_overpayment,
        warnings_of,
    )

    frame = read_frame_file(frame_file, boundaries)
    rows = read_worksheet_file(worksheet_file)
    try:
        reviewed = [one.reviewed for one in _checked(frame, rows, seed)]
        found = estimate_overpayment(
            frame.strata, reviewed, estimator=Estimator(estimator), quantile=Quantile(quantile)
        )
        errors = estimate_errors(found.units, found.reviewed, found.errors) if len(frame.strata) == 1 else None
    except SamplingError as error:
        raise click.UsageError(str(error)) from None
    warnings = warnings_of(found)
    values = _values(found) | {"frame_sha256": frame.sha256, "seed": seed}
    if errors is not None:
        values |= {"wrong_units_point": round(errors.point, 1), "wrong_units_90_percent_limits": _limits(errors)}
    if as_json:
        print_json(values | {"warnings": [{"code": one.code, "message": one.message} for one in warnings]})
        return
    print_values(values, as_json=False, width=30)
    for one in warnings:
        click.echo(f"Warning ({one.code}): {one.message}", err=True)


def _checked(frame: "SamplingFrame", rows: "list[WorksheetRow]", seed: str) -> "list[WorksheetRow]":
    """The rows, which are exactly the sample that frame and seed give. Raises `SamplingError`."""
    from collections import Counter

    from claims.sampling import SamplingError, draw

    in_frame = {unit.unit_id: unit for unit in frame.units}
    for row in rows:
        unit = in_frame.get(row.unit_id)
        if unit is None:
            raise SamplingError(f"{row.unit_id} of the worksheet is not in the frame.")
        if unit.paid_cents != row.paid_cents or unit.stratum != row.stratum:
            raise SamplingError(f"{row.unit_id} has another paid amount or stratum in the frame; restore it.")
    drawn = draw(frame, seed, Counter(row.stratum for row in rows))
    if missing := {one.unit.unit_id for one in drawn.drawn} - {row.unit_id for row in rows}:
        raise SamplingError(
            f"The worksheet is not the sample of this frame and seed: {min(missing)} was drawn and is missing. "
            "Check --seed and --boundary; a unit must not be left out or replaced."
        )
    return rows


def _limits(errors: "AttributeEstimate") -> str:
    return f"{errors.lower} to {errors.upper}"


def _values(found: "OverpaymentEstimate") -> dict[str, object]:
    from claims.money import format_cents

    return {
        "estimator": found.estimator.value,
        "quantile": found.quantile.value,
        "units": found.units,
        "reviewed": found.reviewed,
        "wrong": found.errors,
        "found_overpayment": format_cents(found.found_cents),
        "point_estimate": format_cents(found.point_cents),
        "standard_error": format_cents(found.standard_error_cents),
        "degrees_of_freedom": found.degrees,
        "multiple": found.multiple,
        "lower_bound": format_cents(found.lower_cents),
        "upper_limit": format_cents(found.upper_cents),
        "one_sided_confidence": found.confidence,
        "demand": format_cents(found.demand_cents),
    }
