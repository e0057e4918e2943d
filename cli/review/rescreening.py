"""`ginja review rescreening`: what differs, after a change, from how claims were decided."""

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

import click

from claims.money import format_cents
from claims.rescreening import ChangeKind
from cli.command import command
from cli.database import existing_database_url, field_keys, with_database
from cli.output import print_json, terminal
from core.format import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api.rescreening import RescreeningFinding, RescreeningJob, RetriedClaims

_CAUSES = [kind.value for kind in ChangeKind]


@command(
    examples=[
        "ginja review rescreening",
        "ginja review rescreening --cause leie --json",
        "ginja review rescreening --jobs",
        "ginja review rescreening --retry-failed",
    ]
)
@click.option("--cause", type=click.Choice(_CAUSES), help="Only findings of this kind of change.")
@click.option("--provider", "provider_id", help="Only findings about claims of this provider.")
@click.option("--claim", "claim_id", help="Only findings about this claim.")
@click.option("--all", "with_closed", is_flag=True, help="Closed findings, too.")
@click.option(
    "--jobs", "show_jobs", is_flag=True, help="Show the changes instead, and how far their claims are compared."
)
@click.option(
    "--retry-failed",
    is_flag=True,
    help="Queue the claims again that could not be compared, for the worker, and show how many.",
)
@click.option(
    "--limit", default=100, show_default=True, type=click.IntRange(1, 10_000), help="Most rows, newest first."
)
def rescreening(
    cause: str | None,
    provider_id: str | None,
    claim_id: str | None,
    with_closed: bool,
    show_jobs: bool,
    retry_failed: bool,
    limit: int,
    as_json: bool,
) -> None:
    """Show the open findings about claims that were decided before a list, price or registry changed.

    No claim is changed by a finding. `POST /v1/rescreening-findings/{finding_id}/close` closes one.
    """
    from api.rescreening import rescreening_findings, rescreening_jobs, retry_failed_claims

    existing_database_url()
    is_filtered = bool(cause or provider_id or claim_id or with_closed)
    if retry_failed:
        if show_jobs or is_filtered:
            raise click.UsageError("--retry-failed queues every failed claim again; leave out the other options")
        _show_retried(with_database(retry_failed_claims), as_json=as_json)
        return
    if show_jobs:
        if is_filtered:
            raise click.UsageError("--jobs shows changes, not findings; leave out the options that filter findings")
        _show_jobs(with_database(partial(rescreening_jobs, limit=limit)), as_json=as_json)
        return
    filters = {"kind": cause, "provider_id": provider_id, "claim_id": claim_id}
    page = with_database(
        partial(
            rescreening_findings,
            keys=field_keys(),
            filters={name: value for name, value in filters.items() if value is not None},
            is_open=None if with_closed else True,
            limit=limit,
        )
    )
    _show_findings(page.items, more=page.next_place is not None, as_json=as_json)


def _show_findings(found: "Sequence[RescreeningFinding]", *, more: bool, as_json: bool) -> None:
    if as_json:
        print_json({"findings": [asdict(one) for one in found], "more": more})
        return
    if not found:
        click.echo("No finding.")
        return
    from rich.table import Table

    shown = Table("found (UTC)", "claim", "provider", "change", "finding", "before", "now", "closed")
    for one in found:
        amounts = ("" if cents is None else format_cents(cents) for cents in (one.before_cents, one.now_cents))
        found_at = f"{one.found_at:%Y-%m-%d %H:%M}"
        closed = one.closed_reason or ""
        shown.add_row(found_at, one.claim_id, one.provider_id or "", one.subject, one.text, *amounts, closed)
    terminal().print(shown)
    if more:
        click.echo("There are more; --limit shows more rows.")


def _show_retried(retried: "RetriedClaims", *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(retried))
        return
    click.echo(f"Queued again: {counted(retried.claims, 'claim')} of {counted(retried.jobs, 'change')}.")


def _show_jobs(jobs: "Sequence[RescreeningJob]", *, as_json: bool) -> None:
    if as_json:
        print_json({"jobs": [asdict(one) for one in jobs]})
        return
    if not jobs:
        click.echo("No change was recorded.")
        return
    from rich.table import Table

    shown = Table("recorded (UTC)", "change", "state", "touched", "compared", "failed", "opened", "withdrawn")
    for one in jobs:
        counts = (one.touched, one.screened, one.failed, one.opened, one.withdrawn)
        recorded = f"{one.recorded_at:%Y-%m-%d %H:%M:%S}"
        shown.add_row(recorded, one.subject or one.kind, _state(one), *(f"{count:,}" for count in counts))
    terminal().print(shown)


def _state(job: "RescreeningJob") -> str:
    if job.finished_at is not None:
        return "finished"
    if job.attempts:
        return "retrying"
    return "waiting" if job.found_at is None else "comparing"
