"""`ginja policy list`, `show`, `diff`, `draft`, `activate` and `rollback`: versions of the policy."""

import getpass
from dataclasses import asdict
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.command import command
from cli.database import existing_database_url, field_keys, with_database
from cli.options import BY, INPUT_FILE, reason_option
from cli.output import print_json, terminal
from cli.policy.choices import PolicyChoices, today
from cli.policy.documents import as_yaml, read_file
from core.format import counted

if TYPE_CHECKING:
    from api.policies import PolicyActivation, PolicyHistory, PolicyVersion


def _history() -> "PolicyHistory":
    from api.policies import history

    existing_database_url()
    return with_database(history)


@command("list", examples=["ginja policy list", "ginja policy list --json"])
def list_(as_json: bool) -> None:
    """List the versions of the policy, and who wrote and activated them."""
    known, day = _history(), today()
    rows = [_summary(known, one, day) for one in known.versions]
    if as_json:
        print_json({"versions": rows, "in_force": _number(known.in_force(day))})
        return
    from rich.table import Table

    shown = Table("version", "status", "title", "valid from", "valid until", "author", "approver", "reason")
    for row in rows:
        shown.add_row(*("" if row[name] is None else str(row[name]) for name in _SHOWN))
    terminal().print(shown)
    if known.in_force(day) is None:
        click.echo("No version is in force: the settings decide (`ginja policy show settings`).")


_SHOWN = ("version", "status", "title", "valid_from", "valid_until", "author", "approver", "reason")


def _number(version: "PolicyVersion | None") -> int:
    return 0 if version is None else version.version


def _summary(known: "PolicyHistory", one: "PolicyVersion", day: date) -> "dict[str, object]":
    shown = known.summary(one, day)
    return asdict(shown) | {"status": shown.status.value}


@command(examples=["ginja policy show > policy.yaml", "ginja policy show 3", "ginja policy show settings --json"])
@click.argument("chosen", metavar="[VERSION]", required=False)
def show(chosen: str | None, as_json: bool) -> None:
    """Print a version with all its parameters; without VERSION, what decides claims received today.

    VERSION is a number, or `settings`. The output is a file that can be edited and stored with `ginja policy draft`.
    """
    known, day = _history(), today()
    policy = PolicyChoices(known).choose(chosen)
    found = policy.version
    summary = {"version": 0} if found is None else _summary(known, found, day)
    if as_json:
        print_json({**summary, "document": policy.document.as_json()})
        return
    by = "" if found is None else f", {summary['status']}, by {found.author}"
    click.echo(f"# {policy.name}{by}\n{as_yaml(policy.document.as_json())}", nl=False)


@command(examples=["ginja policy diff policy.yaml", "ginja policy diff 3 2", "ginja policy diff 3 settings --json"])
@click.argument("changed")
@click.argument("base", required=False)
def diff(changed: str, base: str | None, as_json: bool) -> None:
    """Show what CHANGED changes of BASE: each a file, a version or `settings`; BASE is by default what is in force."""
    from claims.policy import differences

    choices = PolicyChoices.read()
    before, after = choices.choose(base), choices.choose(changed)
    changes = differences(before.document, after.document)
    if as_json:
        print_json({"from": before.name, "to": after.name, "changes": [asdict(one) for one in changes]})
        return
    click.echo(f"From {before.name} to {after.name}: {counted(len(changes), 'change')}")
    for one in changes:
        click.echo(f"{one.path}: {_value(one.before)} -> {_value(one.after)}")


def _value(value: object) -> str:
    return "none" if value is None else str(value)


@command(examples=["ginja policy draft policy.yaml --by ann", "ginja policy draft policy.json --by ann --json"])
@click.argument("file", type=INPUT_FILE)
@BY
def draft(file: Path, by: str | None, as_json: bool) -> None:
    """Check FILE (YAML or JSON) and store it as a new version, which decides nothing until another person activates it.

    Parameters that FILE does not give have the values that the platform comes with. Who reaches the database is trusted
    with the name in `--by`; over HTTP the author is the name of the key.
    """
    from api.policies import create_draft

    document = read_file(file)
    existing_database_url()
    stored = with_database(partial(create_draft, keys=field_keys(), document=document, author=by or getpass.getuser()))
    if as_json:
        print_json({"version": stored.version, "author": stored.author, "sha256": stored.sha256})
        return
    click.echo(
        f"Version {stored.version} is stored. Test it with `ginja policy test {stored.version}`; another person "
        f"activates it with `ginja policy activate {stored.version}`."
    )


@command(examples=['ginja policy activate 3 --reason "lower cap for outpatient surgery" --by bob'])
@click.argument("number", metavar="VERSION", type=click.IntRange(1, 999_999_999))
@reason_option(text="Why; no personal data.", required=True)
@click.option("--force", is_flag=True, help="Without a test that passed; it is stored with the reason.")
@BY
def activate(number: int, reason: str, force: bool, by: str | None, as_json: bool) -> None:
    """Let VERSION decide the claims received on its days; the author cannot activate it.

    Who reaches the database is trusted with the name in `--by`; over HTTP, keys keep author and approver apart.

    Its last `ginja policy test` against what is in force must have passed: exit 4 otherwise.

    Claims decided before keep their decision and its version. `ginja policy rollback` returns to the version before.
    """
    from api.policies import activate as activate_version

    existing_database_url()
    approver = by or getpass.getuser()
    made = with_database(
        partial(
            activate_version,
            keys=field_keys(),
            version=number,
            approver=approver,
            reason=reason,
            today=today(),
            force=force,
        )
    )
    _report(made, as_json=as_json)


@command(
    examples=['ginja policy rollback --reason "too many reviews" --by bob', 'ginja policy rollback --reason "x" --json']
)
@reason_option(text="Why; no personal data.", required=True)
@BY
def rollback(reason: str, by: str | None, as_json: bool) -> None:
    """Undo the last activation: the versions activated before decide again on their days, or the settings."""
    from api.policies import roll_back

    existing_database_url()
    made = with_database(partial(roll_back, keys=field_keys(), approver=by or getpass.getuser(), reason=reason))
    _report(made, as_json=as_json)


def _report(made: "PolicyActivation", *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(made))
        return
    what = "The settings decide" if made.version is None else f"Version {made.version} decides"
    forced = ", without a test that passed" if made.forced else ""
    click.echo(f"{what} claims from now on (activation {made.activation_id}, by {made.approver}{forced}).")
    if (test := made.test) is not None:
        capacity = "1 % of the claims" if test.capacity is None else f"{test.capacity:,g} reviews per week"
        click.echo(
            f"It rests on test {test.test_id} of {test.tested_by}: {counted(test.claims, 'claim')} of {test.dataset}, "
            f"{test.first_day} to {test.last_day}, {test.scored:,} with a score; capacity: {capacity}."
        )
