"""Every kind of split that XGBoost makes: infinite thresholds, columns that are missing, constant or one-hot.

The oracle is XGBoost's own `pred_contribs`. XGBoost makes splits at minus infinity ("present or missing") from 3.4 on;
edited boosters have them under every version.
"""

import io
import math
from functools import cache

import numpy as np
import pytest
import xgboost as xgb
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from models.artefact import TABLES, load_artefact, write_artefact
from models.errors import ArtefactOutdatedError, OutdatedTablesError, UnsupportedBoosterError
from models.explain import FORMAT, LeafTables, build_tables, read_tables, tables_to_bytes
from models.families import XGBoostModel
from tests.models import boosters, makers

SPLITS_AT_MINUS_INFINITY = tuple(int(part) for part in xgb.__version__.split(".")[:2]) >= (3, 4)
FEATURES = 6
AMOUNT, SPARSE, EMPTY, CONSTANT, PRESENCE, FLAG = range(FEATURES)


def columns(rows: int = 3000, seed: int = 11) -> tuple[np.ndarray, np.ndarray]:
    """An amount, one half missing, one all missing, a constant, a constant that is there or missing, and a 0/1 flag."""
    rng = np.random.default_rng(seed)
    x = rng.lognormal(size=(rows, FEATURES)).astype(np.float32)
    x[rng.random(rows) < 0.5, SPARSE] = np.nan
    x[:, EMPTY] = np.nan
    x[:, CONSTANT] = 5.0
    x[:, PRESENCE] = np.where(rng.random(rows) < 0.3, np.nan, 1.0)
    x[:, FLAG] = rng.random(rows) < 0.3
    unseen = np.isnan(x[:, PRESENCE])
    y = x[:, AMOUNT] + np.isnan(x[:, SPARSE]) + 2 * unseen * (x[:, FLAG] + 0.5) + rng.normal(size=rows) > 2.5
    return x, y


def sample_rows(rows: np.ndarray) -> np.ndarray:
    """Rows as trained on, and rows with another column missing, zero, negative or far beyond every threshold."""
    many = np.repeat(rows[:60], FEATURES, axis=0)
    for i, value in enumerate((np.nan, 0.0, -7.0, 3e38, -3e38, 1.0)):
        many[i::FEATURES, (np.arange(len(many[i::FEATURES])) + i) % rows.shape[1]] = value
    many[-1] = np.nan
    return many


def assert_agrees(booster: xgb.Booster, rows: np.ndarray) -> LeafTables:
    """Tables, read back from their file, have XGBoost's margins bit for bit, and its contributions and bias."""
    tables = read_tables(tables_to_bytes(build_tables(booster)), features=booster.num_features())
    matrix = xgb.DMatrix(rows)
    theirs = booster.predict(matrix, pred_contribs=True)
    margins, contributions = tables.explain_many(rows)
    assert np.array_equal(margins, booster.predict(matrix, output_margin=True))
    assert np.array_equal(margins, tables.margins(rows))
    np.testing.assert_allclose(contributions, theirs[:, :-1], atol=1e-5, rtol=1e-5)
    np.testing.assert_allclose(tables.base_margin, theirs[:, -1], atol=1e-5, rtol=1e-5)
    return tables


@pytest.mark.parametrize("method", ["hist", "approx", "exact"])
@pytest.mark.parametrize("depth", [1, 2, 3, 6])
def test_missing_constant_and_flag_columns_are_explained_as_xgboost_does(method, depth):
    x, y = columns()
    assert_agrees(boosters.train(x, y, max_depth=depth, tree_method=method), sample_rows(x))


@pytest.mark.parametrize("depth", [1, 2, 3, 6])
def test_splits_on_presence_are_explained_as_xgboost_does(depth):
    x, y = columns()
    booster = boosters.train(
        x, y, max_depth=depth, monotone_constraints=f"({','.join(['1', '1', '0', '0', '-1', '1'])})"
    )
    if SPLITS_AT_MINUS_INFINITY:
        assert np.isneginf(boosters.split_thresholds(booster)).any()
    assert_agrees(booster, sample_rows(x))


def test_a_feature_of_which_only_the_presence_matters_is_explained():
    rng = np.random.default_rng(3)
    x = np.where(rng.random((800, 1)) < 0.5, np.nan, 1.0).astype(np.float32)
    booster = boosters.train(x, np.isnan(x[:, 0]) ^ (rng.random(800) < 0.1), max_depth=2, monotone_constraints="(-1)")
    assert_agrees(booster, np.array([[np.nan], [1.0], [0.0], [-3e38], [3e38]], dtype=np.float32))


@pytest.mark.parametrize("objective", ["binary:logistic", "binary:logitraw", "reg:squarederror", "count:poisson"])
def test_trees_of_a_single_leaf_are_explained(objective):
    x, y = columns(400)
    booster = boosters.train(x, y, gamma=1e9, objective=objective)
    assert not len(boosters.split_thresholds(booster))
    tables = assert_agrees(booster, sample_rows(x))
    assert not tables.explain_many(sample_rows(x))[1].any()
    assert not tables.inner.any()


def test_a_one_hot_column_set_is_explained():
    rng = np.random.default_rng(4)
    code = rng.integers(0, 8, size=2000)
    x = np.eye(8, dtype=np.float32)[code]
    x[rng.random(2000) < 0.1] = np.nan
    assert_agrees(boosters.train(x, (code % 3 == 0) ^ (rng.random(2000) < 0.05), max_depth=6), x[:300])


@pytest.mark.parametrize("flipped", [False, True], ids=["default side as trained", "default side flipped"])
@pytest.mark.parametrize("value", [-math.inf, math.inf])
@pytest.mark.parametrize("where", ["root", "every third", "every"])
@pytest.mark.parametrize("depth", [1, 2, 3, 5])
def test_a_split_at_an_infinite_threshold_is_a_split(depth, where, value, flipped):
    x, y = columns(1500)
    booster = boosters.train(x, y, 6, max_depth=depth)
    if flipped:
        booster = boosters.flipped_defaults(booster)
    chosen = {
        "root": lambda n, node: node == 0,
        "every third": lambda n, node: n % 3 == 0,
        "every": lambda n, node: True,
    }
    booster = boosters.with_thresholds(booster, lambda n, node: value if chosen[where](n, node) else None)
    assert np.isinf(boosters.split_thresholds(booster)).any()
    assert_agrees(booster, sample_rows(x))


def test_infinite_values_follow_the_same_branch_as_in_xgboost():
    """XGBoost's matrices refuse infinity, so its margin is read in place and contributions must sum to it."""
    x, y = columns(1500)
    thresholds = (-math.inf, None, math.inf, None)
    booster = boosters.with_thresholds(boosters.train(x, y, 8), lambda n, node: thresholds[n % 4])
    rows = sample_rows(x)
    rows[rows > 1e38], rows[rows < -1e38] = np.inf, -np.inf
    tables = build_tables(booster)
    margins, contributions = tables.explain_many(rows)
    assert np.array_equal(margins, booster.inplace_predict(rows, predict_type="margin"))
    np.testing.assert_allclose(contributions.sum(axis=1) + tables.base_margin, margins, atol=1e-5)


@st.composite
def small_problems(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, dict[str, object]]:
    """A few rows of columns that are missing, constant, there or missing, 0/1 or numbers, and ways to train on them."""
    rows, width = draw(st.integers(8, 80)), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    x = np.empty((rows, width), dtype=np.float32)
    for column in range(width):
        kind = draw(st.sampled_from(["missing", "constant", "presence", "flag", "few", "numbers"]))
        value = {
            "missing": np.full(rows, np.nan),
            "constant": np.full(rows, draw(st.sampled_from([0.0, 1.0, -2.5]))),
            "presence": np.where(rng.random(rows) < 0.5, np.nan, 1.0),
            "flag": (rng.random(rows) < 0.4) * 1.0,
            "few": rng.integers(-1, 3, size=rows) * 1.0,
            "numbers": rng.normal(size=rows),
        }[kind]
        x[:, column] = np.where(rng.random(rows) < draw(st.sampled_from([0.0, 0.2])), np.nan, value)
    y = (rng.random(rows) < 0.4) | (np.isnan(x).sum(axis=1) > width / 2)
    monotone = draw(st.lists(st.sampled_from([-1, 0, 1]), min_size=width, max_size=width))
    params = {
        "max_depth": draw(st.integers(1, 6)),
        "tree_method": draw(st.sampled_from(["hist", "hist", "approx", "exact"])),
        "monotone_constraints": f"({','.join(map(str, monotone))})",
        "min_child_weight": draw(st.sampled_from([0.0, 0.1, 1.0])),
        "lambda": draw(st.sampled_from([0.5, 1.0])),
        "base_score": draw(st.floats(0.001, 0.999)),
    }
    return x, y, params


@settings(max_examples=80)
@given(problem=small_problems(), infinite=st.lists(st.sampled_from([None, None, math.inf, -math.inf]), min_size=1))
def test_any_small_booster_is_explained_as_xgboost_does(problem, infinite):
    x, y, params = problem
    booster = boosters.train(x, y, 5, **params)
    booster = boosters.with_thresholds(booster, lambda n, node: infinite[n % len(infinite)])
    rows = np.concatenate([x, np.zeros_like(x[:1]), np.full_like(x[:1], np.nan), np.full_like(x[:1], -9.0)])
    assert_agrees(booster, rows)


@settings(max_examples=60)
@given(base_score=st.one_of(st.floats(1e-9, 1 - 1e-6), st.sampled_from([1e-7, 1e-6, 0.5, 0.999999])))
def test_margins_have_the_bits_of_xgboost_at_any_base_score(base_score):
    x, y = columns(60)
    booster = boosters.train(x, y, 2, max_depth=1, base_score=base_score)
    assert np.array_equal(build_tables(booster).margins(x), booster.predict(xgb.DMatrix(x), output_margin=True))


@pytest.mark.parametrize("label", [0, 1])
def test_an_intercept_estimated_at_a_bound_equals_that_of_xgboost(label):
    x, _ = columns(60)
    booster = boosters.train(x, np.full(60, label), 2)
    assert np.array_equal(build_tables(booster).margins(x), booster.predict(xgb.DMatrix(x), output_margin=True))


def without_cover(booster: xgb.Booster, *, from_node: int) -> xgb.Booster:
    """The booster with no cover at and below a node of each tree, as after a refresh on rows that do not get there."""

    def change(tree: boosters.Tree) -> None:
        below = [from_node] if from_node < len(tree["left_children"]) else []
        for node in below:
            tree["sum_hessian"][node] = 0.0
            if tree["left_children"][node] != -1:
                below += (tree["left_children"][node], tree["right_children"][node])
        for node in sorted(boosters.splits(tree), reverse=True):  # children have higher numbers than their parents
            children = (tree["left_children"][node], tree["right_children"][node])
            tree["sum_hessian"][node] = sum(tree["sum_hessian"][child] for child in children)

    return boosters.edited(booster, change)


@pytest.mark.parametrize("from_node", [0, 1, 2, 3])
def test_a_split_without_cover_is_weighted_evenly(from_node):
    x, y = columns(1500)
    booster = without_cover(boosters.train(x, y, 6), from_node=from_node)
    if SPLITS_AT_MINUS_INFINITY:  # before 3.4 XGBoost's own walk ends in an error there
        assert_agrees(booster, sample_rows(x))
    tables = build_tables(booster)
    margins, contributions = tables.explain_many(x)
    assert np.array_equal(margins, booster.predict(xgb.DMatrix(x), output_margin=True))
    np.testing.assert_allclose(contributions.sum(axis=1) + tables.base_margin, margins, atol=1e-5)


@pytest.mark.parametrize("cover", [-1.0, math.nan, 1.0])
def test_a_split_whose_cover_is_not_the_sum_of_its_children_is_refused(cover):
    x, y = columns(400)

    def change(tree: boosters.Tree) -> None:
        tree["sum_hessian"][0] = cover

    with pytest.raises(UnsupportedBoosterError, match="cover"):
        build_tables(boosters.edited(boosters.train(x, y, 2), change))


def arrays(tables: LeafTables) -> dict[str, np.ndarray]:
    return {name: getattr(tables, name).copy() for name in makers.build_names()}


@cache
def mixed_tables() -> LeafTables:
    """Tables of trees of several sizes, with repeated features, splits at both infinities and ordinary ones."""
    x, y = columns(1500)
    booster = boosters.train(x, y, 8, max_depth=4, gamma=2.0)
    tables = build_tables(boosters.with_thresholds(booster, lambda n, node: (-math.inf, None, math.inf)[n % 3]))
    assert len(set(np.diff(tables.first))) > 1
    assert np.isinf(tables.threshold).any()
    assert tables.split[:, 5].any()
    return tables


@pytest.mark.parametrize(
    ("name", "value"),
    [("threshold", math.nan), ("share", math.nan), ("share", 1.5), ("earlier", -0.5), ("leaf", math.inf)],
)
def test_a_number_that_no_booster_has_is_refused(name, value):
    broken = arrays(mixed_tables())
    broken[name][-1] = value
    with pytest.raises(ValueError, match="tables"):
        read_tables(tables_to_bytes(LeafTables(**broken)), features=FEATURES)


@pytest.mark.parametrize("column", range(1, 4))
def test_a_child_before_its_parent_is_refused(column):
    """The loops down a tree would not end, or read what is not written yet."""
    broken = arrays(mixed_tables())
    broken["split"][1, column] = 0 if column < 3 else 1
    with pytest.raises(ValueError, match="tables"):
        read_tables(tables_to_bytes(LeafTables(**broken)), features=FEATURES)


@settings(max_examples=200)
@given(data=st.data())
def test_no_change_to_a_split_makes_the_kernels_read_out_of_bounds(data):
    """Whatever the reader accepts stays inside its arrays for every kind of value, checked by an independent walk."""
    broken = arrays(mixed_tables())
    name = data.draw(st.sampled_from(["split", "first", "inner", "first_leaf", "points"]))
    place = data.draw(st.integers(0, broken[name].size - 1))
    broken[name].reshape(-1)[place] = data.draw(st.integers(0, 30))
    tables = LeafTables(**broken)
    try:
        read_tables(tables_to_bytes(tables), features=FEATURES)
    except ValueError:
        assume(False)
    for tree in range(len(tables.inner)):
        begin, end = int(tables.first[tree]), int(tables.first[tree + 1])
        leaves = int(tables.first_leaf[tree + 1]) - int(tables.first_leaf[tree])
        assert 0 <= tables.inner[tree] < end - begin
        for slot in range(end - begin):
            feature, left, right, above, missing_left, side = (int(value) for value in tables.split[begin + slot])
            assert feature < FEATURES
            assert slot < min(left, right) <= max(left, right) < end - begin + leaves
            assert slot < tables.inner[tree] or min(left, right) >= end - begin
            assert above < slot or (above == 0 and side == 0)
            assert missing_left < 2
            assert side < 3


def as_format_1(tables: LeafTables) -> bytes:
    """The file as versions before the presence of a split was stored wrote it."""
    out = io.BytesIO()
    earlier = {"anchor": tables.split, "anchor_threshold": tables.threshold, "table": tables.leaf}
    np.savez(out, **{name: array for name, array in (arrays(tables) | earlier).items() if name != "format"})
    return out.getvalue()


def test_tables_of_another_format_are_refused_by_number():
    tables = mixed_tables()
    with pytest.raises(OutdatedTablesError, match=rf"format 1; .* reads format {FORMAT}"):
        read_tables(as_format_1(tables), features=FEATURES)
    later = LeafTables(**(arrays(tables) | {"format": np.array([FORMAT + 1], dtype=np.int64)}))
    with pytest.raises(OutdatedTablesError, match=rf"format {FORMAT + 1}"):
        read_tables(tables_to_bytes(later), features=FEATURES)


def test_the_error_for_tables_of_an_earlier_format_states_what_to_do(tmp_path):
    booster = makers.booster()
    tables = build_tables(booster)
    folder, _ = write_artefact(
        tmp_path, model=XGBoostModel(booster), document=makers.document(booster, tables), tables=tables
    )
    makers.rewrite(folder, TABLES, as_format_1(tables))
    with pytest.raises(ArtefactOutdatedError, match="ginja model train"):
        load_artefact(folder)
