"""`ginja monitor prompt-pay` and `ginja review simulate-clock`."""

import json

import psycopg
import pytest
from click.testing import CliRunner, Result

from cli.exit_codes import ExitCode
from cli.main import main


def run(environment: dict[str, str], *words: str) -> Result:
    return CliRunner().invoke(main, list(words), env=environment)


@pytest.fixture
def environment(database_url: str) -> dict[str, str]:
    """A database with one claim in review that is a week overdue, and one that is due in four weeks."""
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO claims (claim_id, received_at, service_from, service_to, amount_cents, reserved_cents, status,"
            " source, line_of_business, state_code, pay_by)"
            " SELECT id, now() - make_interval(days => age), current_date - age, current_date - age, 1000000, 1000000,"
            " 'in_review', 'api', 'commercial', 'NY', current_date - age + 30"
            " FROM (VALUES ('late', 37), ('far', 2)) AS c (id, age)"
        )
    return {"GINJA_DATABASE_URL": database_url}


def test_claims_that_are_overdue_or_due_soon_are_listed_and_the_exit_code_says_so(environment):
    done = run(environment, "monitor", "prompt-pay", "--json")
    assert done.exit_code == ExitCode.DRIFT
    found = json.loads(done.stdout)
    assert (found["overdue"], found["due_soon"]) == (1, 0)
    (claim,) = found["claims"]
    assert (claim["claim_id"], claim["days_left"], claim["state"]) == ("late", -7, "overdue")
    assert claim["interest_amount"] in ("23.01", "22.95")  # 10,000.00 × 12 % × 7 ÷ 365, or 366
    text = run(environment, "monitor", "prompt-pay", "--days", "28")
    assert text.exit_code == ExitCode.DRIFT
    assert "1 claims in review are overdue, 1 are due soon." in text.stdout


def test_without_such_a_claim_the_command_ends_well(database_url):
    done = run({"GINJA_DATABASE_URL": database_url}, "monitor", "prompt-pay")
    assert (done.exit_code, done.stdout) == (0, "0 claims in review are overdue, 0 are due soon.\n")


@pytest.mark.parametrize("words", [("review", "simulate-clock"), ("simulate-review",)])
def test_the_capacity_needed_has_no_breach_and_one_less_has(words):
    needed = json.loads(run({}, *words, "--weeks", "12", "--capacity", "0", "--seeds", "1", "--json").stdout)
    assert needed["breaches"] > 0
    for capacity, breaches in ((needed["capacity_needed"], False), (needed["capacity_needed"] - 1, True)):
        done = run({}, *words, "--weeks", "12", "--capacity", str(capacity), "--seeds", "1", "--json")
        assert (json.loads(done.stdout)["breaches"] > 0) is breaches
        assert json.loads(done.stdout)["capacity_needed"] == needed["capacity_needed"]


def test_the_simulation_prints_breaches_and_the_capacity_needed():
    done = run({}, "review", "simulate-clock", "--weeks", "4", "--capacity", "1", "--seeds", "2")
    assert "breaches in 2 runs" in done.stdout
    assert "Smallest capacity without a breach:" in done.stdout
