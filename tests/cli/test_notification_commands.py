"""`ginja notifications`: what an operator types, and what the SMTP server answers."""

import asyncio
import json
import threading
from collections.abc import Iterator

import psycopg
import pytest
from click.testing import CliRunner

from api.notifications import NotificationEvent
from cli.main import main
from cli.platform.notifications import add
from tests.api.mail import ANN, SENDER, Mailbox, smtp_server


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """An SMTP server on a loop of its own, because a command runs one."""
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    ready: list[Mailbox] = []
    begun = threading.Event()

    async def serve() -> None:
        async with smtp_server() as box:
            ready.append(box)
            begun.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    begun.wait()
    yield ready[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    loop.close()


@pytest.fixture
def run(database_url):
    def invoke(*words: str, **environment: str):
        env = {"GINJA_DATABASE_URL": database_url, **environment}
        return CliRunner().invoke(main, ["notifications", *words], env=env)

    return invoke


def of(box: Mailbox) -> dict[str, str]:
    return {
        "GINJA_SMTP_HOST": "127.0.0.1",
        "GINJA_SMTP_PORT": str(box.port),
        "GINJA_SMTP_TLS": "none",
        "GINJA_MAIL_FROM": SENDER,
    }


def test_the_command_knows_every_event():
    (choice,) = [one.type for one in add.params if one.name == "event"]
    assert list(choice.choices) == [one.value for one in NotificationEvent]
    assert all(event in (add.help or "") for event in choice.choices)


def test_a_subscription_is_added_listed_and_removed(run):
    added = run("add", "claim.in_review", ANN, "--minimum", "5000.50", "--by", "eve", "--json")
    assert added.exit_code == 0
    found = json.loads(added.stdout)
    assert (found["recipient"], found["minimum_cents"], found["created_by"]) == (ANN, 500_050, "eve")
    assert "GINJA_SMTP_HOST" in added.stderr
    shown = run("list").stdout
    assert "5000.50" in shown
    assert found["subscription_id"] in shown
    assert run("remove", found["subscription_id"]).exit_code == 0
    assert json.loads(run("list", "--json").stdout) == {"subscriptions": []}


def test_who_subscribed_is_listed_as_it_was_typed(run):
    assert run("add", "work.failed", "ann@insurer.example", "--by", "[/]eve[red]").exit_code == 0
    assert "[/]eve[red]" in run("list").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["add", "claim.reviewed", ANN], "claim.in_review"),
        (["add", "claim.in_review", "ann"], "ADDRESS must be one e-mail address"),
        (["add", "work.failed", ANN, "--minimum", "5"], "--minimum is for claim.in_review only"),
        (["add", "claim.in_review", ANN, "--minimum", "1.234"], "at most two decimal places"),
        (["add", "claim.in_review", ANN, "--minimum", "0"], "--minimum must be above 0"),
        (["remove", "sub_1"], "ginja notifications list"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(run, words, said):
    done = run(*words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr


def test_the_test_prints_what_the_server_answered(run, mailbox):
    done = run("test", ANN, **of(mailbox))
    assert done.exit_code == 0, done.output
    assert "the server answered: 250 queued as 4711" in done.stdout
    assert mailbox.received[0][0] == ANN
    answered = json.loads(run("test", ANN, "--json", **of(mailbox)).stdout)
    assert answered == {"recipient": ANN, "sender": SENDER, "answer": "250 queued as 4711"}


def test_the_test_says_why_the_server_refused(run, mailbox):
    mailbox.to_recipient = "550 no such user"
    done = run("test", ANN, **of(mailbox))
    assert done.exit_code == 1
    assert "The message was not sent. 550 no such user" in done.stderr
    mailbox.to_recipient = "250 OK"
    assert run("test", "ann", **of(mailbox)).exit_code == 2


def test_the_test_without_settings_names_them(run):
    done = run("test", ANN)
    assert done.exit_code != 0
    assert "GINJA_SMTP_HOST and GINJA_MAIL_FROM" in done.stderr


def test_messages_are_listed(run):
    assert json.loads(run("mails", "--json").stdout) == {"mails": []}
    assert run("mails", "--status", "failed").exit_code == 0


def test_failed_messages_are_sent_again(run, database_url: str):
    with psycopg.connect(database_url) as connection:
        for number, status in ((1, "failed"), (2, "failed"), (3, "sent")):
            connection.execute(
                "INSERT INTO mails (mail_id, recipient, subject, body, created_at, status, attempts, answer,"
                " finished_at) VALUES (%s, %s, 's', 'b', now(), %s, 8, '550 no', now())",
                [f"mail_{number}", ANN, status],
            )
    one = run("retry", "mail_1")
    assert (one.exit_code, one.output) == (0, f"mail_1 to {ANN} is sent again.\n")
    assert "the message is pending" in run("retry", "mail_1").output
    assert "the message is sent" in run("retry", "mail_3").output
    assert "message not found" in run("retry", "mail_4").output
    rest = run("retry", "--all-failed", "--json")
    assert [one["mail_id"] for one in json.loads(rest.output)["retried"]] == ["mail_2"]
    assert run("retry", "--all-failed").output == "No message has failed.\n"
    assert run("retry").exit_code == run("retry", "mail_1", "--all-failed").exit_code == 2
    with psycopg.connect(database_url) as connection:
        stored = connection.execute("SELECT mail_id, status, attempts FROM mails ORDER BY mail_id").fetchall()
        acts = connection.execute("SELECT details ->> 'mail_id' FROM audit_log WHERE act = 'mail.retry'").fetchall()
    assert stored == [("mail_1", "pending", 0), ("mail_2", "pending", 0), ("mail_3", "sent", 8)]
    assert sorted(acts) == [("mail_1",), ("mail_2",)]
