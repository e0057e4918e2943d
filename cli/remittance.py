"""`ginja report remittance`: what is paid of the decided claims of a provider."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.command import command
from cli.database import existing_database_url, with_database
from cli.output import print_json, terminal
from cli.residency import check_region
from core.format import counted

if TYPE_CHECKING:
    from api.remittances import RemittanceAdvice

_DAY = click.DateTime(formats=["%Y-%m-%d"])


@command(
    examples=[
        "ginja report remittance H456 --first-day 2026-11-01 --last-day 2026-11-30",
        "ginja report remittance H456 --first-day 2026-11-01 --last-day 2026-11-30 --edi h456.835",
    ]
)
@click.argument("provider_id")
@click.option("--first-day", required=True, type=_DAY, help="Claims decided from this day on, YYYY-MM-DD.")
@click.option("--last-day", required=True, type=_DAY, help="Claims decided up to this day.")
@click.option(
    "--edi", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="Write an X12 835 to this file."
)
@click.option("--balance-brought", default="0", show_default=True, help="What the advice before forwarded.")
def remittance(
    provider_id: str, first_day: datetime, last_day: datetime, edi: Path | None, balance_brought: str, as_json: bool
) -> None:
    """State what is paid of the claims of PROVIDER_ID that were decided over some days, line by line.

    A claim that was decided before, and voided or decided otherwise on these days, is reversed. An 835 names the
    insurer: set the variables GINJA_PAYER_… for it. Nothing is recorded as paid. Days that have just ended are refused
    for a minute, until their last claims are stored; the advice of days that have not ended is preliminary.
    """
    from functools import partial

    from api.errors import ApiError
    from api.remittances import payer_of, remittance_out, remittance_x12
    from api.remittances import remittance as advice_of
    from claims.money import MoneyError, parse_cents
    from core import clock
    from core.settings import settings

    try:
        brought = parse_cents(balance_brought)
    except MoneyError as error:
        raise click.UsageError(f"--balance-brought {error}.") from None
    if brought < 0:
        raise click.UsageError("--balance-brought must be an amount from 0.")
    check_region(edi)
    existing_database_url()
    try:
        payer = None if edi is None else payer_of(settings())
        advice = with_database(
            partial(
                advice_of,
                caller=None,
                provider_id=provider_id,
                first_day=first_day.date(),
                last_day=last_day.date(),
                time_zone=settings().zone,
                brought_cents=brought,
            )
        )
        if edi is not None and payer is not None:
            edi.write_text(remittance_x12(advice, payer, clock.now()))
    except ApiError as error:
        named = "".join(f" {one.field}: {one.message}." for one in error.errors)
        raise click.UsageError(f"{error.detail}.{named}") from None
    if as_json:
        print_json(remittance_out(advice).model_dump(mode="json"))
        return
    _show(advice)


def _show(advice: "RemittanceAdvice") -> None:
    from rich.table import Table

    from claims.money import format_cents

    table = Table("claim", "status", "line", "billed", "allowed", "paid", "adjustments")
    for claim, remitted in advice.claims:
        for line in remitted.payment.lines:
            adjustments = ", ".join(
                f"{one.reason.group.value}-{one.reason.carc} {format_cents(one.cents)}" for one in line.adjustments
            )
            amounts = (line.price.billed_cents, line.allowed_cents, line.paid_cents)
            status = f"{claim.status} (reversed)" if remitted.is_reversal else claim.status
            table.add_row(claim.claim_id, status, str(line.price.line), *map(format_cents, amounts), adjustments)
    terminal().print(table)
    sums = advice.amounts
    click.echo(
        f"{counted(len(advice.claims), 'claim')}, {format_cents(sums.paid_cents)} paid; reference {advice.reference}"
    )
    if sums.forwarded_cents:
        forwarded = format_cents(sums.forwarded_cents)
        click.echo(f"{forwarded} could not be taken back: state it as --balance-brought of the next advice.")
