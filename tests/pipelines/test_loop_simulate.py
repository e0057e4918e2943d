"""The simulated year: the same claims and review capacity for every policy, and what each learns."""

import json
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from cli.review.simulate import _show_policies
from pipelines.loop import compare_policies, draw_policies
from pipelines.loop.policy_simulation import AUDIT, FLAGGED, NEVER, POLICIES
from pipelines.loop.world import ENDING_KINDS, MONTH_DAYS, NEW_KINDS, simulate_year

MONTHS = 2


@pytest.fixture(scope="module")
def compared():
    reported = []
    found = compare_policies(
        claims=6_000,
        months=MONTHS,
        seeds=[1],
        review_share=0.05,
        audit_share=0.3,
        done=lambda done, of, words: reported.append((done, of)),
    )
    return found, reported


def months_of(found, policy):
    return found.policies[policy].runs[1]


def test_two_kinds_of_fraud_end_and_two_begin_halfway():
    year = simulate_year(6_000, 1, months=MONTHS)
    kinds = year.examples.kind
    change = (year.change_month - 1) * MONTH_DAYS
    assert set(ENDING_KINDS) & set(kinds[year.day >= change]) == set()
    assert set(NEW_KINDS) & set(kinds[year.day < change]) == set()
    assert set(ENDING_KINDS) & set(kinds[year.day < change])
    assert year.day.max() == MONTHS * MONTH_DAYS - 1


def test_every_policy_has_the_same_claims_and_review_capacity(compared):
    found, _ = compared
    for month in range(MONTHS):
        mine = [months_of(found, policy)[month] for policy in POLICIES]
        assert len({one.fraud_cents for one in mine}) == 1
        assert len({one.reviews for one in mine}) == 1
        assert len({one.base_rate for one in mine}) == 1


def test_the_first_month_has_the_first_model_whatever_the_policy(compared):
    found, _ = compared
    assert len({months_of(found, policy)[0].average_precision for policy in POLICIES}) == 1


def test_retraining_changes_the_ranking_in_the_second_month(compared):
    found, _ = compared
    second = {policy: months_of(found, policy)[1].average_precision for policy in POLICIES}
    assert second[FLAGGED] != second[NEVER] != second[AUDIT]


def test_flagged_claims_alone_overestimate_the_fraud(compared):
    found, _ = compared
    months = months_of(found, FLAGGED)
    assert [one.estimated_base_rate for one in months] == pytest.approx([one.precision for one in months])
    # Of the months together: one month of so few claims has a handful of frauds, and each XGBoost finds others.
    assert sum(one.estimated_base_rate for one in months) > 1.5 * sum(one.base_rate for one in months)


def test_the_summary_adds_up_the_months(compared):
    found, _ = compared
    for policy in POLICIES:
        months = months_of(found, policy)
        one = found.policies[policy]
        assert one.total.found_cents.mean == sum(month.found_cents for month in months)
        assert one.after_change.found_cents.mean == months[1].found_cents
        assert one.total.calibration_error.mean == pytest.approx(np.mean([month.calibration_error for month in months]))


def test_progress_is_reported_until_the_end(compared):
    _, reported = compared
    assert reported[-1] == (1 + len(POLICIES) * MONTHS, 1 + len(POLICIES) * MONTHS)
    assert reported == sorted(reported)


def test_the_chart_names_every_policy(compared, tmp_path):
    found, _ = compared
    draw_policies(found, tmp_path / "loop.svg")
    text = (tmp_path / "loop.svg").read_text()
    assert ET.fromstring(text).tag.endswith("svg")
    assert all(policy in text for policy in POLICIES)
    first = (tmp_path / "loop.svg").read_bytes()
    draw_policies(found, tmp_path / "loop.svg")
    assert (tmp_path / "loop.svg").read_bytes() == first


def test_the_json_form_has_every_period_of_every_policy(compared):
    found, _ = compared
    form = json.loads(json.dumps(found.as_json()))
    assert set(form["policies"]) == set(POLICIES)
    for one in form["policies"].values():
        assert set(one["found_cents"]) == set(one["after_change"]["dollars"]) == {"mean", "minimum", "maximum"}
        assert [len(one["by_month"]), len(one["runs"]["1"])] == [MONTHS, MONTHS]
    assert set(form["audit_over"]) == {FLAGGED, NEVER}
    assert form["seeds"] == [1]


def test_the_table_shows_every_policy(compared, capsys):
    found, _ = compared
    _show_policies(found)
    shown = capsys.readouterr().out
    assert all(policy.split()[0] in shown for policy in POLICIES)
    assert "6,000 claims each" in shown
