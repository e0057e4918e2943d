"""Weekly lists by expected recovery: which claims are on them, and what the findings teach."""

from datetime import UTC, date, datetime

import numpy as np
import psycopg
import pytest

from models.recovery import PRIOR_WHOLE_SHARE, RecoveryCentre, prior_model
from pipelines.loop import LoopError, recovery_of_findings, select

IDS = [f"c{number:02d}" for number in range(10)]
P = np.linspace(0.05, 0.5, 10)
CENTRE = RecoveryCentre(-4.0, 9.0)
WEEK = date(2026, 3, 2)


def test_the_list_has_the_claims_of_highest_expected_recovery():
    recovery = np.array([900.0, 10, 20, 30, 40, 50, 60, 70, 80, 800])
    chosen = select(IDS, P, capacity=3, audit_share=0.0, salt="s", recovery_cents=recovery)
    assert [one.claim_id for one in chosen] == ["c00", "c09", "c08"]
    assert {one.propensity for one in chosen} == {1.0}


def test_claims_whose_review_does_not_return_its_cost_are_selected_by_the_audit_only():
    recovery = np.where(np.arange(10) < 2, 100.0, -5.0)
    chosen = select(IDS, P, capacity=6, audit_share=0.3, salt="s", recovery_cents=recovery)
    assert {one.claim_id for one in chosen if one.selected_by == "score"} == {"c00", "c01"}
    audited = [one for one in chosen if one.selected_by == "audit"]
    assert len(audited) == 2
    assert all(0 < one.propensity < 1 for one in audited)


def test_an_expected_recovery_that_is_not_finite_is_refused():
    with pytest.raises(LoopError, match="finite"):
        select(IDS, P, capacity=3, audit_share=0.0, salt="s", recovery_cents=np.full(10, np.nan))


def add_finding(url, claim_id, *, disposition, recovered=0, amount=10_000, propensity=1.0):
    """A claim of a list with a finding; its procedure costs 4,000 on average."""
    at = datetime(2026, 3, 2, 12, tzinfo=UTC)
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO procedures (procedure_code, average_cents) VALUES ('P1', 4000) ON CONFLICT DO NOTHING"
        )
        connection.execute(
            "INSERT INTO claims (claim_id, received_at, service_from, service_to, amount_cents, approved_cents, status,"
            " procedure_code, source) VALUES (%s, %s, %s, %s, %s, %s, 'approved', 'P1', 'api')",
            [claim_id, at, WEEK, WEEK, amount, amount],
        )
        connection.execute(
            "INSERT INTO selections (claim_id, week, selected_by, propensity, probability, model_version, made_at)"
            " VALUES (%s, %s, %s, %s, 0.3, 'm1', %s)",
            [claim_id, WEEK, "score" if propensity == 1 else "audit", propensity, at],
        )
        if disposition:
            connection.execute(
                "INSERT INTO dispositions (claim_id, known_at, disposition, amount_recovered_cents, decided_by)"
                " VALUES (%s, %s, %s, %s, 'ann')",
                [claim_id, at, disposition, recovered],
            )


def test_before_any_finding_expected_recovery_is_the_prior(database_url):
    add_finding(database_url, "c1", disposition=None)
    assert recovery_of_findings(database_url, CENTRE) == prior_model(CENTRE)


def test_findings_teach_the_share_that_is_recovered_and_withdrawn_ones_nothing(database_url):
    for number in range(12):
        add_finding(database_url, f"whole-{number}", disposition="confirmed", recovered=10_000)
    add_finding(database_url, "clean", disposition="cleared", propensity=0.25)
    add_finding(database_url, "open", disposition="inconclusive")
    add_finding(database_url, "error", disposition="billing_error", recovered=9_000)
    found = recovery_of_findings(database_url, CENTRE)
    assert found.centre == CENTRE
    assert (found.labels, found.frauds, found.recoveries) == (13, 12, 12)
    assert found.whole_share > PRIOR_WHOLE_SHARE


def test_an_unavailable_database_is_named():
    with pytest.raises(LoopError, match="database unavailable"):
        recovery_of_findings("postgresql://127.0.0.1:1/none", CENTRE)
