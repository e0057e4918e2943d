"""`ginja policy list`, `show`, `diff`, `draft`, `activate` and `rollback`: versions of the policy."""

import getpass
from dataclasses import asdict
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from cli.command import command
from cli.database import existing_database_url, with_database
from cli.options import BY, INPUT_FILE
from cli.output import print_json, terminal
from cli.policy.documents import as_yaml, read_file

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from api.database import Database
    from api.policies import PolicyActivation, PolicyHistory, PolicyVersion
    from claims.policy import PolicyDocument

T = TypeVar("T")
_SETTINGS = "settings"


def _today() -> date:
    from claims.service_days import receipt_day
    from core import clock
    from core.settings import settings

    return receipt_day(clock.now(), settings().zone)


def _history() -> "PolicyHistory":
    from api.policies import history

    existing_database_url()
    return with_database(history)


def _of_settings() -> "PolicyDocument":
    from claims.policy import policy_of_settings
    from core.settings import settings

    return policy_of_settings(settings()).document


def _chosen(known: "PolicyHistory", version: str | None) -> "tuple[str, PolicyVersion | None]":
    """The name of a version and the version; None: the settings. Without `version`, what is in force today."""
    from api.policies import PolicyRefused

    if version is None:
        found = known.in_force(_today())
    elif version == _SETTINGS:
        found = None
    elif version.isascii() and version.isdigit() and len(version) <= 9:
        try:
            found = known.version(int(version))
        except PolicyRefused as error:
            raise click.UsageError(str(error)) from None
    else:
        raise click.UsageError(f"{version} is not a version: give its number, or `settings`.")
    return (_SETTINGS, None) if found is None else (f"version {found.version}", found)


@command("list", examples=["ginja policy list", "ginja policy list --json"])
def list_(as_json: bool) -> None:
    """List the versions of the policy, and who wrote and activated them."""
    known, today = _history(), _today()
    rows = [_summary(known, one, today) for one in known.versions]
    if as_json:
        print_json({"versions": rows, "in_force": _number(known.in_force(today))})
        return
    from rich.table import Table

    shown = Table("version", "status", "title", "valid from", "valid until", "author", "approver", "reason")
    for row in rows:
        shown.add_row(*("" if row[name] is None else str(row[name]) for name in _SHOWN))
    terminal().print(shown)
    if known.in_force(today) is None:
        click.echo("No version is in force: the settings decide (`ginja policy show settings`).")


_SHOWN = ("version", "status", "title", "valid_from", "valid_until", "author", "approver", "reason")


def _number(version: "PolicyVersion | None") -> int:
    return 0 if version is None else version.version


def _summary(known: "PolicyHistory", one: "PolicyVersion", today: date) -> "dict[str, object]":
    last = next(reversed(list(known.approvals(one.version))), None)
    return {
        "version": one.version,
        "status": known.status(one, today).value,
        "title": one.document.title,
        "valid_from": one.document.valid_from,
        "valid_until": one.document.valid_until,
        "author": one.author,
        "created_at": one.created_at,
        "approver": None if last is None else last.approver,
        "activated_at": None if last is None else last.made_at,
        "reason": None if last is None else last.reason,
        "sha256": one.sha256,
    }


@command(examples=["ginja policy show > policy.yaml", "ginja policy show 3", "ginja policy show settings --json"])
@click.argument("chosen", metavar="[VERSION]", required=False)
def show(chosen: str | None, as_json: bool) -> None:
    """Print a version with all its parameters; without VERSION, what decides claims received today.

    VERSION is a number, or `settings`. The output is a file that can be edited and stored with `ginja policy draft`.
    """
    known, today = _history(), _today()
    name, found = _chosen(known, chosen)
    document = _of_settings() if found is None else found.document
    summary = {"version": 0} if found is None else _summary(known, found, today)
    if as_json:
        print_json({**summary, "document": document.as_json()})
        return
    by = "" if found is None else f", {summary['status']}, by {found.author}"
    click.echo(f"# {name}{by}\n{as_yaml(document.as_json())}", nl=False)


@command(examples=["ginja policy diff policy.yaml", "ginja policy diff 3 2", "ginja policy diff 3 settings --json"])
@click.argument("changed")
@click.argument("base", required=False)
def diff(changed: str, base: str | None, as_json: bool) -> None:
    """Show what CHANGED changes of BASE: each a file, a version or `settings`; BASE is by default what is in force."""
    from claims.policy import differences

    (before_name, before), (after_name, after) = _document(base), _document(changed)
    changes = differences(before, after)
    if as_json:
        print_json({"from": before_name, "to": after_name, "changes": [asdict(one) for one in changes]})
        return
    click.echo(f"From {before_name} to {after_name}: {len(changes)} changes")
    for one in changes:
        click.echo(f"{one.path}: {_value(one.before)} -> {_value(one.after)}")


def _value(value: object) -> str:
    return "none" if value is None else str(value)


def _document(named: str | None) -> "tuple[str, PolicyDocument]":
    if named is not None and Path(named).is_file():
        return named, read_file(Path(named))
    name, found = _chosen(_history(), named)
    return name, _of_settings() if found is None else found.document


@command(examples=["ginja policy draft policy.yaml --by ann", "ginja policy draft policy.json --by ann --json"])
@click.argument("file", type=INPUT_FILE)
@BY
def draft(file: Path, by: str | None, as_json: bool) -> None:
    """Check FILE (YAML or JSON) and store it as a new version, which decides nothing until another person activates it.

    Parameters that FILE does not give have the values that the platform comes with.
    """
    from api.policies import create_draft

    document = read_file(file)
    existing_database_url()
    stored = _refusable(partial(create_draft, document=document, author=by or getpass.getuser()))
    if as_json:
        print_json({"version": stored.version, "author": stored.author, "sha256": stored.sha256})
        return
    click.echo(
        f"Version {stored.version} is stored. Compare it with `ginja policy diff {stored.version}`; another person "
        f"activates it with `ginja policy activate {stored.version}`."
    )


@command(examples=['ginja policy activate 3 --reason "lower cap for outpatient surgery" --by bob'])
@click.argument("number", metavar="VERSION", type=click.IntRange(1, 999_999_999))
@click.option("--reason", required=True, help="Why; no personal data.")
@BY
def activate(number: int, reason: str, by: str | None, as_json: bool) -> None:
    """Let VERSION decide the claims received on its days; the author cannot activate it.

    Claims decided before keep their decision and its version. `ginja policy rollback` returns to the version before.
    """
    from api.policies import activate as activate_version

    existing_database_url()
    approver = by or getpass.getuser()
    made = _refusable(partial(activate_version, version=number, approver=approver, reason=reason, today=_today()))
    _report(made, as_json=as_json)


@command(
    examples=['ginja policy rollback --reason "too many reviews" --by bob', 'ginja policy rollback --reason "x" --json']
)
@click.option("--reason", required=True, help="Why; no personal data.")
@BY
def rollback(reason: str, by: str | None, as_json: bool) -> None:
    """Return to the version that was active before the last activation, or to the settings."""
    from api.policies import roll_back

    existing_database_url()
    made = _refusable(partial(roll_back, approver=by or getpass.getuser(), reason=reason))
    _report(made, as_json=as_json)


def _report(made: "PolicyActivation", *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(made))
        return
    what = "The settings decide" if made.version is None else f"Version {made.version} decides"
    click.echo(f"{what} claims from now on (activation {made.activation_id}, by {made.approver}).")


def _refusable(work: "Callable[[Database], Awaitable[T]]") -> T:
    """The result of `work` on the database; a refusal is a usage error."""
    from api.policies import PolicyRefused

    try:
        return with_database(work)
    except PolicyRefused as error:
        raise click.UsageError(f"{error}.") from None
