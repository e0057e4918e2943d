"""`ginja review`: which claims investigators look into, and what they find."""

import getpass
from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import click

from claims.review import Disposition
from cli.command import command
from cli.database import existing_database_url, field_keys, with_database
from cli.options import BY, DAY
from cli.output import print_json, print_values, terminal
from core.format import counted

if TYPE_CHECKING:
    from api.investigations import SelectedClaim

_DISPOSITIONS = [disposition.value for disposition in Disposition]


@command("list", examples=["ginja review list", "ginja review list --week 2026-03-02 --json"])
@click.option("--week", type=DAY, help="Any day of the week, UTC; default: the latest week that has a list.")
def list_(week: datetime | None, as_json: bool) -> None:
    """Show the list of a week and its findings; creates nothing."""
    from api.investigations import weekly_list

    existing_database_url()
    monday, rows = with_database(lambda database: weekly_list(database, week.date() if week else None))
    if not rows or monday is None:
        which = f"for the week of {monday}" if monday else "yet"
        raise click.UsageError(f"There is no list {which}; `ginja review select` makes the list of a week.")
    _print_list(monday, rows, as_json=as_json)


@command(
    examples=[
        "ginja review select --capacity 50",
        "ginja review select --week 2026-03-02 --capacity 40 --audit-share 0.1 --json",
    ]
)
@click.option("--week", type=DAY, help="Any day of the week, UTC; default: the last complete week.")
@click.option(
    "--capacity",
    default=50,
    show_default=True,
    type=click.IntRange(1),
    help="Claims the investigators can review in a week.",
)
@click.option(
    "--audit-share",
    default=0.1,
    show_default=True,
    type=click.FloatRange(0, 0.9),
    help="Share of them that is drawn at random from the other claims.",
)
def select(week: datetime | None, capacity: int, audit_share: float, as_json: bool) -> None:
    """Make the list of a week: the claims with the highest expected recovery, and a random audit of the others.

    Expected recovery is the probability of fraud times the recoverable amount, learned from the findings so far, less
    GINJA_REVIEW_COST_CENTS. Each claim has its logged probability of selection. With findings on enough earlier lists,
    the command also says which share of the list is fraud at least. A list is made once; the same command shows it
    again.
    """
    monday, rows = select_list(week.date() if week else None, capacity=capacity, audit_share=audit_share)
    if not rows and not as_json:
        click.echo(
            f"Week of {monday}: no scored claim that is not on a list already. "
            "`ginja review backfill` scores the claims of a loaded history."
        )
        return
    _print_list(monday, rows, as_json=as_json, capacity=capacity)


def select_list(day: date | None, *, capacity: int, audit_share: float) -> "tuple[date, Sequence[SelectedClaim]]":
    """Make the list of a day's week (default: the last complete week), unless it exists; the Monday and the list."""
    from datetime import timedelta

    url = existing_database_url()
    from api.investigations import monday_of, select_week
    from cli.review.selection import chooser
    from core import clock

    monday = monday_of(day or clock.now().date() - timedelta(days=7))
    return monday, with_database(
        lambda database: select_week(database, monday, chooser(url, monday, capacity, audit_share))
    )


def _plain(row: "SelectedClaim") -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(row) | {"received_at": row.received_at.isoformat()}


def _print_list(week: date, rows: "Sequence[SelectedClaim]", *, as_json: bool, **about: int) -> None:
    from dataclasses import asdict

    from api.investigations import promise_of

    promised = with_database(lambda database: promise_of(database, week, rows))
    if as_json:
        stated = None if promised is None else asdict(promised) | {"text": promised.text}
        print_json({"week": str(week), **about, "promise": stated, "claims": [_plain(row) for row in rows]})
        return
    _show_list(week, rows)
    if promised is not None:
        click.echo(promised.text)


def _show_list(week: date, rows: "Sequence[SelectedClaim]") -> None:
    from rich.table import Table

    from claims.money import format_cents

    table = Table(
        "claim",
        "selected by",
        "propensity",
        "score",
        "amount",
        "expected recovery (90 %)",
        "provider",
        "received",
        "finding",
        title_justify="left",
    )
    for row in rows:
        table.add_row(
            row.claim_id,
            row.selected_by,
            f"{row.propensity:.4f}" if row.propensity < 1 else "1",
            f"{row.probability:.1%}",
            format_cents(row.amount_cents),
            _recovery(row),
            row.provider_id or "–",
            f"{row.received_at:%m-%d %H:%M}",
            row.disposition or "",
        )
    terminal().print(table)
    click.echo(
        f"Week of {week}: {counted(len(rows), 'claim')}. Record each with `ginja review record CLAIM --disposition …`."
    )


def _recovery(row: "SelectedClaim") -> str:
    from core.format import money

    if row.expected_recovery_cents is None or row.recovery_low_cents is None or row.recovery_high_cents is None:
        return "–"
    value, low, high = (
        money(cents) for cents in (row.expected_recovery_cents, row.recovery_low_cents, row.recovery_high_cents)
    )
    return f"{value} ({low} to {high})"


@command(
    examples=[
        "ginja review record clm_0123 --disposition confirmed --recovered 120.50 --kind upcoding --by ann",
        "ginja review record clm_0123 --disposition cleared",
    ]
)
@click.argument("claim_id", metavar="CLAIM")
@click.option("--disposition", required=True, type=click.Choice(_DISPOSITIONS), help="The finding.")
@click.option("--recovered", default="0", show_default=True, help="Amount recovered, such as 120.50.")
@click.option("--kind", help="The kind of a confirmed fraud.")
@BY
@click.option("--note", help="A short note; no personal data.")
def record(
    claim_id: str, disposition: str, recovered: str, kind: str | None, by: str | None, note: str | None, as_json: bool
) -> None:
    """Record the finding on CLAIM; it becomes a label, known from now."""
    from api.confirmation import NOT_NEEDED
    from api.identity import Caller
    from api.investigations import NewDisposition
    from api.investigations import record as record_disposition
    from claims.money import parse_cents

    try:
        cents = parse_cents(recovered)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--recovered") from error
    new = NewDisposition(disposition, by or getpass.getuser(), amount_recovered_cents=cents, kind=kind, note=note)
    caller = Caller("command line", "investigator", None, new.decided_by)
    finding = with_database(
        lambda database: record_disposition(
            database, field_keys(), claim_id, new, caller=caller, confirmation=NOT_NEEDED
        )
    )
    if as_json:
        known_at = finding.known_at.isoformat()
        print_json({"claim_id": claim_id, "disposition": disposition, "known_at": known_at})
    else:
        click.echo(f"Recorded {disposition} for {claim_id}, known from {finding.known_at:%Y-%m-%d %H:%M:%S} UTC.")


@command(examples=["ginja review evaluate --json"])
def evaluate(as_json: bool) -> None:
    """Estimate the quality of the model on scored claims from the findings of finished lists, with 95 % intervals.

    Each finding is weighted by its probability of selection. A week counts once 80 % of the claims selected by score,
    and of the audited ones, have a finding.
    """
    from core.format import number
    from pipelines.loop import evaluate_reviews

    found = evaluate_reviews(existing_database_url())
    values = found.values()
    print_values(values if as_json else {name: number(value) for name, value in values.items()}, as_json=as_json)
