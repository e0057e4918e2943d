"""Champion and challenger on the same claims: the comparison, and what the database gives it."""

import json
import math
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from click.testing import CliRunner
from psycopg.types.json import Jsonb

from cli.main import main
from core import clock
from pipelines.challenger import ComparedAssessment, assessed, compare

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


def row(claim_id, champion, challenger, *, canary=False, line=0.5, fraud=None, amount_cents=10_000):
    """A claim scored by `old`, the champion, and `new`, the challenger; both flag from `line` on."""
    outputs = [("old", champion, champion >= line), ("new", challenger, challenger >= line)]
    decided, shadow = reversed(outputs) if canary else outputs
    return ComparedAssessment(claim_id, amount_cents, *decided, *shadow, fraud)


def test_flags_are_counted_in_a_two_by_two_table():
    rows = [row("a", 0.9, 0.8), row("b", 0.9, 0.1), row("c", 0.1, 0.6), row("d", 0.2, 0.6), row("e", 0.1, 0.1)]
    found = compare(rows, challenger="new")
    assert (found.both_flagged, found.champion_only, found.challenger_only, found.neither_flagged) == (1, 1, 2, 1)
    assert (found.claims, found.agreement, found.champions) == (5, pytest.approx(0.4), ("old",))


def test_a_claim_the_challenger_decided_is_compared_the_same_way_round():
    shadow = compare([row("a", 0.9, 0.2, fraud=True)], challenger="new")
    canary = compare([row("a", 0.9, 0.2, fraud=True, canary=True)], challenger="new")
    assert canary.widest == shadow.widest
    assert (canary.champions, canary.champion_only, canary.champion_right) == (("old",), 1, 1)
    assert (shadow.canary_claims, canary.canary_claims) == (0, 1)


def test_a_claim_scored_by_only_one_model_is_not_compared():
    others = ComparedAssessment("a", 1, "old", 0.1, False, "third", 0.9, True, None)
    itself = ComparedAssessment("b", 1, "new", 0.1, False, "new", 0.1, False, None)
    assert compare([others, itself, row("c", 0.1, 0.1)], challenger="new").claims == 1


@pytest.mark.parametrize(
    ("champion", "challenger", "expected"),
    [
        ([0.1, 0.2, 0.9], [0.3, 0.4, 0.5], 1.0),
        ([0.1, 0.2, 0.9], [0.5, 0.4, 0.3], -1.0),
        ([0.1, 0.1, 0.2, 0.2], [0.1, 0.2, 0.1, 0.2], 0.0),
        ([0.1, 0.2, 0.3], [0.4, 0.4, 0.4], math.nan),
        ([0.1], [0.2], math.nan),
        ([], [], math.nan),
    ],
)
def test_the_order_of_claims_is_compared_by_rank(champion, challenger, expected):
    rows = [row(f"c{i}", *pair) for i, pair in enumerate(zip(champion, challenger, strict=True))]
    assert compare(rows, challenger="new").rank_correlation == pytest.approx(expected, nan_ok=True)


def test_the_mean_difference_does_not_let_differences_cancel():
    found = compare([row("a", 0.1, 0.3), row("b", 0.3, 0.1)], challenger="new")
    assert found.mean_difference == pytest.approx(0.2)


def test_correct_decisions_are_counted_on_labelled_disagreements_only():
    rows = [
        row("a", 0.9, 0.1, fraud=True),
        row("b", 0.9, 0.1, fraud=False),
        row("c", 0.1, 0.9, fraud=True),
        row("d", 0.9, 0.1),
        row("e", 0.9, 0.9, fraud=True),
    ]
    found = compare(rows, challenger="new")
    assert (found.labelled_disagreements, found.champion_right, found.challenger_right) == (3, 1, 2)


def test_claims_flagged_by_one_model_are_first_and_then_those_with_the_largest_difference():
    rows = [row("a", 0.0, 0.4), row("b", 0.45, 0.55), row("c", 0.9, 0.1), row("d", 0.3, 0.3)]
    found = compare(rows, challenger="new", widest=3)
    assert [pair.claim_id for pair in found.widest] == ["c", "b", "a"]


def store(url, claim_id, *, at=NOW, probability=0.2, shadow=("new", 0.7, True), version="old", labels=()):
    """Insert a claim with one more assessment, and its label."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO claims (claim_id, received_at, service_from, service_to, amount_cents, status, source)"
            " VALUES (%s, %s, '2026-03-01', '2026-03-01', 12345, 'approved', 'api') ON CONFLICT DO NOTHING",
            [claim_id, NOW],
        )
        made = connection.execute("SELECT count(*) FROM assessments").fetchone()[0]
        shadowed = (
            None if shadow is None else dict(zip(("model_version", "probability", "flagged"), shadow, strict=True))
        )
        connection.execute(
            "INSERT INTO assessments (assessment_id, claim_id, made_at, decided_by, breaker_state, outcome,"
            " approved_cents, flagged, findings, reasons, probability, model_version, shadow)"
            " VALUES (%s, %s, %s, 'model', 'closed', 'approved', 0, %s, '[]', '[]', %s, %s, %s)",
            [f"asm_{made}", claim_id, at, probability >= 0.5, probability, version, shadowed and Jsonb(shadowed)],
        )
        for known_at, is_fraud in labels:
            connection.execute(
                "INSERT INTO labels (claim_id, known_at, is_fraud, source) VALUES (%s, %s, %s, 'disposition')",
                [claim_id, known_at, is_fraud],
            )


def test_the_database_gives_each_claims_last_assessment_with_the_challenger_and_its_latest_label(database_url):
    store(database_url, "c1", labels=[(NOW, False), (NOW + timedelta(days=1), True)])
    store(database_url, "c1", at=NOW + timedelta(minutes=1), probability=0.3)
    store(database_url, "c1", at=NOW + timedelta(minutes=2), shadow=None)
    store(database_url, "c2", version="new", probability=0.6, shadow=("old", 0.1, False))
    store(database_url, "c3", at=NOW - timedelta(days=8))
    store(database_url, "c4", shadow=("third", 0.9, True))
    store(database_url, "c5", shadow=None)
    assert assessed(database_url, "new", since=NOW - timedelta(days=7)) == [
        ComparedAssessment("c1", 12345, "old", 0.3, False, "new", 0.7, True, True),
        ComparedAssessment("c2", 12345, "new", 0.6, True, "old", 0.1, False, None),
    ]


def test_the_report_shows_claims_on_which_the_two_models_disagree(database_url, tmp_path):
    store(database_url, "c1", labels=[(NOW, True)])
    store(database_url, "c2", shadow=("new", 0.3, False))
    environment = {"GINJA_HOME": str(tmp_path), "GINJA_DATABASE_URL": database_url, "COLUMNS": "120"}
    with clock.held(NOW + timedelta(days=1)):
        shown, plain, none, unnamed = (
            CliRunner().invoke(main, ["model", "trial", "report", *words], env=environment)
            for words in (["--model", "new"], ["--model", "new", "--json"], ["--model", "third"], [])
        )
    assert "champion was right on 0, the challenger on 1" in shown.output
    assert "fraud" in next(line for line in shown.output.splitlines() if "c1" in line)
    found = json.loads(plain.stdout)
    assert (found["claims"], found["challenger_only"], found["neither_flagged"], found["agreement"]) == (2, 1, 1, 0.5)
    assert [pair["claim_id"] for pair in found["widest"]] == ["c1", "c2"]
    assert found["rank_correlation"] is None
    assert "No claim of the last 7 days" in none.output
    assert (unnamed.exit_code, "there is no challenger" in unnamed.output) == (2, True)
