"""`ginja model promote` and `rollback`: which model is the champion."""

from typing import TYPE_CHECKING

import click

from cli.command import command
from cli.options import BY, model_option, reason_option
from cli.output import print_json
from cli.progress import task
from cli.recording import note

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.promote import Promotion


@command(examples=["ginja model promote", 'ginja model promote --force --by "R. Owner" --reason "approved in CAB-12"'])
@model_option("the candidate")
@click.option("--force", is_flag=True, help="Promote although gates refuse; needs --by and --reason.")
@click.option(
    "--change-use",
    is_flag=True,
    help="Serve the claims that this model was trained on, in place of the champion's; needs --by and --reason.",
)
@BY
@reason_option(text="Why the promotion is forced, or the use changed.")
@click.option("--gates", "list_gates", is_flag=True, help="List the gates and promote nothing.")
def promote(
    version: str | None,
    force: bool,
    change_use: bool,
    by: str | None,
    reason: str | None,
    list_gates: bool,
    as_json: bool,
) -> None:
    """Make the candidate the champion, if every gate passes; exits 4 if one refuses."""
    from core.settings import settings
    from pipelines.promote import Force, UseChange
    from pipelines.promote import promote as run

    if list_gates:
        _show_gates(as_json=as_json)
        return
    if force and not (by and reason):
        raise click.UsageError("--force needs --by and --reason.")
    if change_use and not (by and reason):
        raise click.UsageError("--change-use needs --by and --reason.")
    forced = Force(by or "", reason or "") if force else None
    changed = UseChange(by or "", reason or "") if change_use else None
    with task("Checking the promotion gates") as progress:
        outcome = run(settings().home, version, force=forced, change_use=changed, step=progress.step)
    note("model", outcome.version, previous=outcome.previous)
    print_promotion(settings().home, outcome, as_json=as_json)


def print_promotion(home: "Path", outcome: "Promotion", *, as_json: bool) -> None:
    """Print a promotion, with the attributes that claims must come with."""
    required = _claim_attributes(home, outcome.version)
    if as_json:
        print_json({**outcome.as_json(), "claim_attributes": required})
        return
    for verdict in outcome.verdicts:
        click.echo(f"{verdict.outcome.value.replace('_', ' '):>14}  {verdict.gate}: {verdict.detail}")
    click.echo(f"champion: {outcome.version} (before: {outcome.previous or 'none'}), {outcome.seconds} s")
    if required:
        click.echo(
            f"attributes that it rests on: {', '.join(required)}. Claims sent to the API need them (`attributes`); "
            "without them the rule decides."
        )
    if outcome.alias_problem:
        click.echo(f"MLflow's alias was not updated: {outcome.alias_problem}", err=True)


def _claim_attributes(home: "Path", version: str) -> list[str]:
    """The attributes that claims must come with for a model of the home; none if its document cannot be read."""
    from models.artefact import document_of

    document = document_of(home, version)
    return [] if document is None else list(document.claim_attributes)


def _show_gates(*, as_json: bool) -> None:
    from pipelines.promote import GATES

    if as_json:
        print_json({"gates": [{"name": gate.name, "condition": gate.description} for gate in GATES]})
        return
    for gate in GATES:
        click.echo(f"{gate.name}: {gate.description}")


@command(
    examples=[
        "ginja model rollback",
        'ginja model rollback --from 20260301-0a1b2c3d4e --by ann --reason "precision fell"',
    ]
)
@click.option(
    "--from",
    "from_version",
    metavar="VERSION",
    help="Roll back only this champion: repeating the command, as after an interruption, changes nothing more.",
)
@BY
@reason_option("rolled back")
def rollback(from_version: str | None, by: str | None, reason: str, as_json: bool) -> None:
    """Make the previous champion the champion again; works while MLflow is down.

    A second rollback undoes the first, unless both name the version with --from.
    """
    from core.settings import settings
    from pipelines.promote import rollback as run

    outcome = run(settings().home, by=by, reason=reason, from_version=from_version)
    note("model", outcome.version, previous=outcome.previous)
    if as_json:
        print_json(outcome.as_json())
        return
    click.echo(f"champion: {outcome.version} (before: {outcome.previous}), {outcome.seconds} s")
    if outcome.alias_problem:
        click.echo(f"MLflow's alias was not updated: {outcome.alias_problem}", err=True)
