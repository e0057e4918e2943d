"""`ginja notifications`: who is notified of what by e-mail."""

import asyncio
import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from cli.command import command
from cli.database import existing_database_url, field_keys, with_database
from cli.options import BY
from cli.output import print_json, terminal

if TYPE_CHECKING:
    from api.database import Database
    from api.identity import Caller

_MOST_RETRIED = 10_000
_EVENTS = (
    "claim.in_review",
    "prompt_pay.due",
    "work.failed",
    "webhook_endpoint.disabled",
    "model.promoted",
    "policy.activated",
    "edit.suspended",
    "report.daily_decisions",
    "report.provider_scorecards",
)


@command(
    examples=[
        "ginja notifications add claim.in_review reviews@insurer.example --minimum 5000",
        "ginja notifications add report.daily_decisions operations@insurer.example",
    ]
)
@click.argument("event", type=click.Choice(_EVENTS), metavar="EVENT")
@click.argument("recipient", metavar="ADDRESS")
@click.option("--minimum", help="For claim.in_review: only claims of at least this amount, such as 5000 or 5000.00.")
@BY
def add(event: str, recipient: str, minimum: str | None, by: str | None, as_json: bool) -> None:
    """Notify ADDRESS of EVENT from now on.

    Events: claim.in_review, prompt_pay.due, work.failed, webhook_endpoint.disabled, model.promoted, policy.activated,
    edit.suspended, report.daily_decisions, report.provider_scorecards.
    """
    from dataclasses import asdict

    from api.notifications import NewSubscription, NotificationEvent, Notifications
    from core.settings import settings

    new = NewSubscription(NotificationEvent(event), recipient, _cents(minimum))
    existing_database_url()
    with _refusals():
        added = with_database(lambda database: Notifications(database, field_keys()).add(_caller(by), new))
    if as_json:
        print_json(asdict(added))
    else:
        click.echo(f"{added.subscription_id}: {added.recipient} is notified of {added.event}.")
    if settings().smtp_host is None:
        click.echo(
            "Nothing is sent until worker and task processes have GINJA_SMTP_HOST and GINJA_MAIL_FROM.",
            err=True,
        )


@command("list", examples=["ginja notifications list", "ginja notifications list --json"])
def list_(as_json: bool) -> None:
    """List who is notified of what."""
    from dataclasses import asdict

    from api.notifications import Notifications
    from claims.money import format_cents

    existing_database_url()
    found = with_database(lambda database: Notifications(database, field_keys()).all())
    if as_json:
        print_json({"subscriptions": [asdict(one) for one in found]})
        return
    from rich.table import Table

    table = Table("subscription", "event", "address", "minimum", "since", "by")
    for one in found:
        minimum = "" if one.minimum_cents is None else format_cents(one.minimum_cents)
        table.add_row(
            one.subscription_id, one.event, one.recipient, minimum, f"{one.created_at:%Y-%m-%d}", one.created_by
        )
    terminal().print(table)


@command(examples=["ginja notifications remove sub_01m86p3ap6yntdyk7shqjq4hs9"])
@click.argument("subscription_id", metavar="SUBSCRIPTION")
@BY
def remove(subscription_id: str, by: str | None, as_json: bool) -> None:
    """End a subscription; what was collected for it is still sent."""
    from dataclasses import asdict

    from api.notifications import Notifications

    existing_database_url()
    with _refusals():
        removed = with_database(
            lambda database: Notifications(database, field_keys()).remove(_caller(by), subscription_id)
        )
    if as_json:
        print_json(asdict(removed))
        return
    click.echo(f"{removed.recipient} is no longer notified of {removed.event}.")


@command(examples=["ginja notifications test operations@insurer.example"])
@click.argument("recipient", metavar="ADDRESS")
def test(recipient: str, as_json: bool) -> None:
    """Send a message to ADDRESS and print what the SMTP server answered."""
    from api.mail import MailNotSent, MailServer
    from api.notifications import send_test
    from core.settings import settings

    server = MailServer(settings())
    try:
        with _refusals():
            answer = asyncio.run(send_test(server, recipient))
    except MailNotSent as error:
        raise click.ClickException(f"The message was not sent. {error}") from None
    if as_json:
        print_json({"recipient": recipient, "sender": server.sender, "answer": answer})
        return
    click.echo(f"Sent from {server.sender}; the server answered: {answer}")


@command(examples=["ginja notifications mails", "ginja notifications mails --status failed --json"])
@click.option("--status", type=click.Choice(("pending", "sent", "failed")), help="Only those with this status.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="Most of them.")
def mails(status: str | None, limit: int, as_json: bool) -> None:
    """List messages with what became of them, the newest first."""
    from dataclasses import asdict

    from api.notifications import MailStatus, Notifications

    existing_database_url()
    chosen = None if status is None else MailStatus(status)
    found = with_database(lambda database: Notifications(database, field_keys()).mails(status=chosen, limit=limit))
    if as_json:
        print_json({"mails": [asdict(one) for one in found]})
        return
    from rich.table import Table

    table = Table("message", "made", "address", "subject", "status", "attempts", "last answer")
    for one in found:
        made = f"{one.created_at:%Y-%m-%d %H:%M}"
        cells = (one.mail_id, made, one.recipient, one.subject, one.status, str(one.attempts), one.answer or "")
        table.add_row(*cells)
    terminal().print(table)


@command(
    examples=[
        "ginja notifications retry mail_01m86p3ap6yntdyk7shqjq4hs9",
        "ginja notifications retry --all-failed --json",
    ]
)
@click.argument("mail_id", metavar="[MESSAGE]", required=False)
@click.option("--all-failed", is_flag=True, help="All that failed, at most 10,000.")
@BY
def retry(mail_id: str | None, all_failed: bool, by: str | None, as_json: bool) -> None:
    """Send a failed message again, once the cause is removed: under the same Message-ID, with all attempts.

    Who did is in the audit log.
    """
    from dataclasses import asdict

    from api.errors import Conflict, NotFound
    from api.notifications import MailRecord, MailStatus, Notifications

    if (mail_id is None) != all_failed:
        raise click.UsageError("Give the id of one message, or --all-failed.")
    caller = _caller(by)
    refused: list[str] = []

    async def repeat(database: "Database") -> list[MailRecord]:
        notifications = Notifications(database, field_keys())
        if mail_id is not None:
            return [await notifications.retry(caller, mail_id)]
        done = []
        for one in await notifications.mails(status=MailStatus.FAILED, limit=_MOST_RETRIED):
            try:
                done.append(await notifications.retry(caller, one.mail_id))
            except (Conflict, NotFound) as error:  # somebody retried it meanwhile, or it was removed
                refused.append(f"{one.mail_id}: {error.detail}")
        return done

    existing_database_url()
    with _refusals():
        retried = with_database(repeat)
    if as_json:
        print_json({"retried": [asdict(one) for one in retried], "refused": refused})
        return
    for one in retried:
        click.echo(f"{one.mail_id} to {one.recipient} is sent again.")
    for text in refused:
        click.echo(f"Not sent again: {text}.", err=True)
    if all_failed and not retried:
        click.echo("No message has failed.")


def _cents(text: str | None) -> int | None:
    from claims.money import MoneyError, parse_cents

    if text is None:
        return None
    try:
        return parse_cents(text)
    except MoneyError as error:
        raise click.BadParameter(str(error), param_hint="--minimum") from None


def _caller(by: str | None) -> "Caller":
    from api.identity import Caller

    return Caller("command line", "operator", None, by or getpass.getuser())


@contextmanager
def _refusals() -> Iterator[None]:
    """What the service refuses, as a usage error."""
    from api.errors import Conflict, Invalid, NotFound

    options = {"recipient": "ADDRESS", "minimum": "--minimum"}
    try:
        yield
    except (Conflict, NotFound) as error:
        raise click.UsageError(f"{error.detail}.") from None
    except Invalid as error:
        messages = (f"{options.get(one.field, one.field)} {one.message}" for one in error.errors)
        raise click.UsageError(f"{'; '.join(messages)}.") from None
