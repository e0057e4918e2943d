"""`ginja tasks`: what failed is listed, shown, replayed and discarded."""

import json

import psycopg
import pytest
from click.testing import CliRunner, Result

from cli.main import main


@pytest.fixture
def tasks_url(database_url: str) -> str:
    """A database with three failed tasks, of which one is a report that is too old, and one that waits."""
    with psycopg.connect(database_url) as connection:
        connection.cursor().executemany(
            "INSERT INTO tasks (task_id, kind, queue, state, payload, attempts, max_attempts, created_at, due_at,"
            " ended_at, error) VALUES (%s, %s, 'claims', %s, '{}', %s, 10, now() - %s::interval, now(),"
            " %s::timestamptz, %s)",
            [
                ("tsk_1", "decide_claim", "failed", 10, "1 h", "2026-03-01", "OSError: no space"),
                ("tsk_2", "decide_claim", "failed", 10, "20 days", "2026-03-02", "OSError: no space"),
                ("tsk_3", "make_daily_report", "failed", 10, "7 days", "2026-03-03", "OSError: no space"),
                ("tsk_4", "decide_claim", "queued", 0, "1 s", None, None),
            ],
        )
    return database_url


def ginja(url: str, *words: str) -> Result:
    return CliRunner().invoke(main, ["tasks", *words], env={"GINJA_DATABASE_URL": url})


def listed(url: str, *words: str) -> list[str]:
    done = ginja(url, "list", "--json", *words)
    assert done.exit_code == 0, done.output
    return [one["task_id"] for one in json.loads(done.output)["tasks"]]


def test_tasks_are_listed_the_latest_first(tasks_url: str):
    assert listed(tasks_url) == ["tsk_4", "tsk_3", "tsk_2", "tsk_1"]
    assert listed(tasks_url, "--limit", "1") == ["tsk_4"]
    assert listed(tasks_url, "--failed") == ["tsk_3", "tsk_2", "tsk_1"]
    assert listed(tasks_url, "--failed", "--limit", "2") == ["tsk_3", "tsk_2"]
    shown = ginja(tasks_url, "list", "--failed")
    assert "tsk_1" in shown.output
    assert "tsk_4" not in shown.output


def test_a_list_leaves_out_what_tasks_answered_which_can_be_a_whole_claim(tasks_url: str):
    with psycopg.connect(tasks_url) as connection:
        connection.execute(
            'UPDATE tasks SET state = \'succeeded\', ended_at = now(), result = \'{"body": {"member_id": "M1"}}\''
            " WHERE task_id = 'tsk_4'"
        )
    listing = ginja(tasks_url, "list", "--json").output
    assert ("tsk_4" in listing, "M1" in listing, '"result"' in listing) == (True, False, False)
    shown = json.loads(ginja(tasks_url, "show", "tsk_4", "--json").output)
    assert shown["result"] == {"body": {"member_id": "M1"}}


def test_one_task_is_shown_with_its_error(tasks_url: str):
    shown = json.loads(ginja(tasks_url, "show", "tsk_2", "--json").output)
    assert (shown["state"], shown["error"]) == ("failed", "OSError: no space")
    missing = ginja(tasks_url, "show", "tsk_9")
    assert (missing.exit_code, "not found" in missing.output) == (2, True)


def test_a_replay_queues_one_task_and_is_recorded(tasks_url: str):
    done = ginja(tasks_url, "replay", "tsk_1", "--by", "Olu")
    assert (done.exit_code, done.output) == (0, "Replayed tsk_1.\n")
    assert listed(tasks_url, "--failed") == ["tsk_3", "tsk_2"]
    with psycopg.connect(tasks_url) as connection:
        recorded = connection.execute("SELECT name, act, details ->> 'task_id' FROM audit_log").fetchall()
    assert recorded == [("Olu", "task.replay", "tsk_1")]
    again = ginja(tasks_url, "replay", "tsk_1")
    assert (again.exit_code, "the task is queued" in again.output) == (2, True)


def test_all_that_failed_are_replayed_but_reports_that_are_too_old(tasks_url: str):
    done = json.loads(ginja(tasks_url, "replay", "--all-failed", "--json").output)
    assert [one["task_id"] for one in done["replayed"]] == ["tsk_2", "tsk_1"]
    assert len(done["refused"]) == 1
    assert "six days" in done["refused"][0]
    assert listed(tasks_url, "--failed") == ["tsk_3"]


@pytest.mark.parametrize("words", [(), ("tsk_1", "--all-failed")])
def test_a_replay_names_one_task_or_all(tasks_url: str, words: tuple[str, ...]):
    refused = ginja(tasks_url, "replay", *words)
    assert (refused.exit_code, "TASK_ID" in refused.output) == (2, True)


def test_a_discarded_task_waits_no_longer_and_is_recorded_with_the_reason(tasks_url: str):
    done = ginja(tasks_url, "discard", "tsk_2", "--reason", "sent again", "--by", "Olu")
    assert (done.exit_code, done.output) == (0, "Discarded tsk_2.\n")
    assert listed(tasks_url, "--failed") == ["tsk_3", "tsk_1"]
    with psycopg.connect(tasks_url) as connection:
        recorded = connection.execute(
            "SELECT name, act, details ->> 'task_id', details ->> 'reason' FROM audit_log"
        ).fetchall()
        assert connection.execute("SELECT payload FROM tasks WHERE task_id = 'tsk_2'").fetchall() == [(None,)]
    assert recorded == [("Olu", "task.discard", "tsk_2", "sent again")]
    for words in (("replay", "tsk_2"), ("discard", "tsk_2", "--reason", "r")):
        refused = ginja(tasks_url, *words)
        assert (refused.exit_code, "discarded" in refused.output) == (2, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [(("tsk_1",), "--reason"), (("tsk_4", "--reason", "r"), "queued"), (("tsk_9", "--reason", "r"), "not found")],
)
def test_only_a_failed_task_is_discarded_and_for_a_reason(tasks_url: str, words: tuple[str, ...], said: str):
    refused = ginja(tasks_url, "discard", *words)
    assert (refused.exit_code, said in refused.output) == (2, True)
    assert listed(tasks_url, "--failed") == ["tsk_3", "tsk_2", "tsk_1"]
