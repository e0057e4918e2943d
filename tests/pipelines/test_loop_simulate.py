"""The simulated year: the same claims and hands for every policy, and what each learns."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from pipelines.loop.picture import draw
from pipelines.loop.policies import play
from pipelines.loop.simulate import AUDIT, FLAGGED, NEVER, POLICIES
from pipelines.loop.world import APPEAR, MONTH_DAYS, VANISH, make

MONTHS = 2


@pytest.fixture(scope="module")
def played():
    told = []
    found = play(
        claims=6_000,
        months=MONTHS,
        seeds=[1],
        review_share=0.05,
        audit_share=0.3,
        done=lambda done, of, words: told.append((done, of)),
    )
    return found, told


def months_of(found, policy):
    return found["policies"][policy]["runs"]["1"]


def test_two_kinds_vanish_and_two_appear_at_half_time():
    world = make(6_000, 1, months=MONTHS)
    kinds = world.examples.kind
    turn = (world.turn_month - 1) * MONTH_DAYS
    assert set(VANISH) & set(kinds[world.day >= turn]) == set()
    assert set(APPEAR) & set(kinds[world.day < turn]) == set()
    assert set(VANISH) & set(kinds[world.day < turn])
    assert world.day.max() == MONTHS * MONTH_DAYS - 1


def test_every_policy_has_the_same_claims_and_the_same_hands(played):
    found, _ = played
    for month in range(MONTHS):
        mine = [months_of(found, policy)[month] for policy in POLICIES]
        assert len({one["fraud_cents"] for one in mine}) == 1
        assert len({one["reviews"] for one in mine}) == 1
        assert len({one["base_rate"] for one in mine}) == 1


def test_the_first_month_has_the_first_model_whatever_the_policy(played):
    found, _ = played
    assert len({months_of(found, policy)[0]["average_precision"] for policy in POLICIES}) == 1


def test_who_retrains_ranks_otherwise_in_the_second_month(played):
    found, _ = played
    second = {policy: months_of(found, policy)[1]["average_precision"] for policy in POLICIES}
    assert second[FLAGGED] != second[NEVER] != second[AUDIT]


def test_flagged_claims_alone_believe_in_far_more_fraud_than_there_is(played):
    found, _ = played
    months = months_of(found, FLAGGED)
    assert [one["believed_base_rate"] for one in months] == pytest.approx([one["precision"] for one in months])
    # Of the months together: one month of so few claims has a handful of frauds, and each XGBoost finds others.
    assert sum(one["believed_base_rate"] for one in months) > 1.5 * sum(one["base_rate"] for one in months)


def test_the_summary_adds_the_months_up(played):
    found, _ = played
    for policy in POLICIES:
        months = months_of(found, policy)
        one = found["policies"][policy]
        assert one["found_cents"]["mean"] == sum(month["found_cents"] for month in months)
        assert one["after_turn"]["found_cents"]["mean"] == months[1]["found_cents"]
        assert one["calibration_error"]["mean"] == pytest.approx(
            np.mean([month["calibration_error"] for month in months])
        )


def test_progress_is_told_to_the_end(played):
    _, told = played
    assert told[-1] == (1 + len(POLICIES) * MONTHS, 1 + len(POLICIES) * MONTHS)
    assert told == sorted(told)


def test_the_picture_names_every_policy(played, tmp_path):
    found, _ = played
    draw(found, tmp_path / "loop.svg")
    text = (tmp_path / "loop.svg").read_text()
    assert ET.fromstring(text).tag.endswith("svg")
    assert all(policy in text for policy in POLICIES)
    first = (tmp_path / "loop.svg").read_bytes()
    draw(found, tmp_path / "loop.svg")
    assert (tmp_path / "loop.svg").read_bytes() == first
