"""Interactions of two features and contributions against peers, compared with the definition on small boosters."""

import numpy as np
import pytest
import xgboost as xgb
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import SchemaMismatchError
from models.explain import build_tables, contributions_against, interactions, strongest_interaction
from tests.models import boosters, makers, naive_shapley

FEATURES = 4


@st.composite
def problems(draw: st.DrawFn) -> tuple[xgb.Booster, np.ndarray]:
    """A small booster whose trees split on few features, some of them repeatedly, and rows with missing values."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    x = np.round(rng.normal(size=(120, FEATURES)), draw(st.sampled_from([0, 2]))).astype(np.float32)
    x[rng.random(x.shape) < draw(st.sampled_from([0.0, 0.2]))] = np.nan
    z = np.nan_to_num(x)
    y = z[:, 0] * z[:, 1] + z[:, 2] - z[:, 0] * z[:, 3] + rng.normal(size=120) * 0.3 > 0
    booster = boosters.train(x, y, draw(st.integers(1, 4)), max_depth=draw(st.integers(1, 6)))
    return booster, x


@settings(max_examples=40)
@given(problem=problems())
def test_contributions_are_shapleys_by_definition(problem):
    booster, x = problem
    tables = build_tables(booster)
    for row in x[:3]:
        expected = naive_shapley.shapley_values(naive_shapley.by_cover(booster, row), FEATURES)
        np.testing.assert_allclose(tables.explain(row)[1], expected, atol=2e-6)


@settings(max_examples=40)
@given(problem=problems())
def test_interactions_are_shapleys_by_definition(problem):
    booster, x = problem
    tables = build_tables(booster)
    for row in x[:3]:
        expected = naive_shapley.shapley_interactions(naive_shapley.by_cover(booster, row), FEATURES)
        np.testing.assert_allclose(interactions(tables, row), expected, atol=1e-6)


@settings(max_examples=30)
@given(problem=problems(), count=st.integers(1, 12))
def test_contributions_against_peers_are_shapleys_by_definition(problem, count):
    booster, x = problem
    peers = x[20 : 20 + count]
    for row in x[:2]:
        base, contributions = contributions_against(build_tables(booster), row, peers)
        game = naive_shapley.by_peers(booster, row, peers)
        np.testing.assert_allclose(base, game(frozenset()), atol=1e-5)
        np.testing.assert_allclose(contributions, naive_shapley.shapley_values(game, FEATURES), atol=1e-5)


def test_interactions_are_twice_those_of_xgboost():
    booster = makers.trained(depth=6, rounds=20).model.booster
    rows = makers.vectors(20, 12, seed=3)
    theirs = booster.predict(xgb.DMatrix(rows, feature_names=booster.feature_names), pred_interactions=True)
    tables = build_tables(booster)
    for row, expected in zip(rows, theirs[:, :-1, :-1], strict=True):
        np.fill_diagonal(expected, 0.0)
        np.testing.assert_allclose(interactions(tables, row), 2 * expected, atol=2e-5)


def test_the_strongest_interaction_is_the_largest_of_all_pairs():
    booster = makers.trained(depth=6, rounds=20).model.booster
    tables, row = build_tables(booster), makers.vectors(20, 12, seed=3)[0]
    pairs = interactions(tables, row)
    strongest = strongest_interaction(tables, row)
    assert strongest is not None
    assert strongest.first < strongest.second
    assert strongest.push == pairs[strongest.first, strongest.second]
    assert abs(strongest.push) == np.abs(pairs).max() > 0


def test_trees_of_one_split_have_no_interaction():
    booster = makers.trained(depth=1, rounds=5).model.booster
    assert strongest_interaction(build_tables(booster), makers.vectors(20, 12, seed=3)[0]) is None


def test_contributions_against_many_peers_sum_to_the_difference_from_their_mean_margin():
    booster = makers.trained(depth=6, rounds=20).model.booster
    tables, rows = build_tables(booster), makers.vectors(300, 12, seed=4)
    base, contributions = contributions_against(tables, rows[0], rows[1:])
    assert base == pytest.approx(tables.margins(rows[1:]).mean(dtype=np.float64))
    assert base + contributions.sum() == pytest.approx(tables.margins(rows[:1])[0], abs=1e-5)


def test_a_claim_does_not_differ_from_itself():
    booster = makers.trained(depth=6, rounds=20).model.booster
    row = makers.vectors(20, 12, seed=3)[0]
    assert not contributions_against(build_tables(booster), row, row.reshape(1, -1))[1].any()


@pytest.mark.parametrize("peers", [np.zeros((0, 12), np.float32), np.zeros((2, 11), np.float32), np.zeros((2, 12))])
def test_peers_of_another_schema_and_none_at_all_are_refused(peers):
    tables = build_tables(makers.trained(depth=1, rounds=5).model.booster)
    with pytest.raises(SchemaMismatchError):
        contributions_against(tables, makers.vectors(20, 12)[0], peers)


def test_a_row_of_another_schema_is_refused():
    tables = build_tables(makers.trained(depth=1, rounds=5).model.booster)
    with pytest.raises(SchemaMismatchError):
        interactions(tables, np.zeros(11, np.float32))
