"""`ginja review edits` and `ginja review resume-edit`."""

import json

import psycopg
from click.testing import CliRunner

from cli.main import main

_SUSPENDED = """
INSERT INTO claims (claim_id, received_at, service_from, service_to, amount_cents, status, source)
VALUES ('c', now(), '2026-01-01', '2026-01-01', 100, 'rejected', 'api');
INSERT INTO appeals (appeal_id, claim_id, level, filed_at, appellant, reason, documents, due_on, status, caused_by,
                     api_key_id, filed_by)
VALUES ('a', 'c', 1, now(), 'member', 'x', '[]', '2026-03-01', 'rejected', '{duplicate}', 'k', 'n');
INSERT INTO edit_suspensions (edit, suspended_at, decided, overturned, limit_percent, appeal_id)
VALUES ('duplicate', now(), 20, 9, 40, 'a');
"""


def test_suspended_edits_are_listed_and_resumed_once(database_url):
    environment = {"GINJA_DATABASE_URL": database_url}

    def run(*words):
        return CliRunner().invoke(main, ["review", *words], env=environment)

    assert run("edits").stdout == "No edit is suspended.\n"
    with psycopg.connect(database_url) as connection:
        connection.execute(_SUSPENDED)
    (listed,) = json.loads(run("edits", "--json").stdout)["edits"]
    assert (listed["edit"], listed["decided"], listed["overturned"]) == ("duplicate", 20, 9)
    assert "9 of 20 appeals were overturned, more than 40 %" in run("edits").stdout
    resumed = run("resume-edit", "duplicate", "--reason", "compares times now", "--by", "ann", "--json")
    assert json.loads(resumed.stdout) == {"edit": "duplicate", "resumed_by": "ann"}
    assert run("edits").stdout == "No edit is suspended.\n"
    again = run("resume-edit", "duplicate", "--reason", "again")
    assert (again.exit_code, "is not suspended" in again.stderr) == (2, True)
    with psycopg.connect(database_url) as connection:
        kept = connection.execute("SELECT resumed_by, resume_reason FROM edit_suspensions").fetchall()
        topics = connection.execute("SELECT topic, entity_key FROM outbox").fetchall()
    assert kept == [("ann", "compares times now")]
    assert topics == [("edit.resumed", "duplicate")]
