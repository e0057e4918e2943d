import json

import numpy as np
import pytest
import xgboost as xgb

from models.errors import ExplainerError, SchemaMismatchError, UnsupportedBoosterError
from models.explain import LeafTables, build_tables, read_tables, tables_to_bytes
from tests.models import makers

FEATURES = 12


def strange_rows(count: int) -> np.ndarray:
    """Rows as trained on, rows far outside, rows exactly at thresholds, rows with many or all values missing."""
    x = makers.vectors(count, FEATURES, seed=9).copy()
    x[::5] *= -1000
    x[1::5] = np.round(x[1::5])
    x[2::25] = np.nan
    x[3::25, : FEATURES // 2] = np.nan
    x[4::25] = 0.0
    return x


def boost(depth: int, rounds: int = 30, **params: object) -> xgb.Booster:
    x, y = makers.vectors(4000, FEATURES), makers.labels(4000, FEATURES)
    native = {"objective": "binary:logistic", "max_depth": depth, "eta": 0.2, "nthread": 1, "min_child_weight": 0.5}
    return xgb.train({**native, **params}, xgb.DMatrix(x, y, nthread=1), rounds)


def differences(booster: xgb.Booster, tables: LeafTables, rows: np.ndarray) -> tuple[float, float, float]:
    """Largest difference of contributions, bias and margin from XGBoost's own."""
    matrix = xgb.DMatrix(rows, feature_names=booster.feature_names)
    theirs = booster.predict(matrix, pred_contribs=True)
    margins, contributions = tables.explain_many(rows)
    return (
        float(np.abs(theirs[:, :-1] - contributions).max()),
        float(np.abs(theirs[:, -1] - tables.base_margin).max()),
        float(np.abs(booster.predict(matrix, output_margin=True) - margins).max()),
    )


@pytest.mark.parametrize("depth", range(1, 9))
def test_contributions_are_those_of_xgboost_at_every_depth(depth):
    booster = boost(depth)
    contribution, bias, margin = differences(booster, build_tables(booster), strange_rows(500))
    assert contribution < 1e-5
    assert bias < 1e-5
    assert margin == 0


def test_contributions_agree_on_ten_thousand_rows_of_an_early_stopped_model():
    trained = makers.trained(depth=6, rounds=60)
    tables = build_tables(trained.model.booster)
    contribution, _, margin = differences(trained.model.booster, tables, strange_rows(10_000))
    assert contribution < 1e-5
    assert margin == 0
    assert len(tables.first) - 1 == trained.rounds < 60


def test_contributions_sum_to_the_margin_more_exactly_than_those_of_xgboost():
    booster = boost(6, 200)
    rows = strange_rows(500)
    margins, contributions = build_tables(booster).explain_many(rows)
    leaves = booster.predict(xgb.DMatrix(rows), pred_leaf=True).astype(int)
    model = json.loads(bytes(booster.save_raw("json")))["learner"]["gradient_booster"]["model"]
    values = [np.array(tree["split_conditions"]) for tree in model["trees"]]
    tables = build_tables(booster)
    exact = tables.base[0] + sum(values[t][leaves[:, t]] for t in range(len(values)))
    assert np.abs(contributions.sum(axis=1) + tables.base_margin - exact).max() < 1e-6
    assert np.abs(margins - exact).max() < 1e-4


@pytest.mark.parametrize(
    "params",
    [
        {"monotone_constraints": "(1,0,0,-1,0,0,0,0,0,0,0,0)"},
        {"base_score": 0.03},
        {"gamma": 1e9},
        {"grow_policy": "lossguide", "max_leaves": 24, "max_depth": 0},
        {"objective": "reg:squarederror"},
        {"max_delta_step": 0.3, "subsample": 0.5, "colsample_bytree": 0.4},
        {"num_parallel_tree": 3},
        {"tree_method": "exact"},
    ],
    ids=lambda p: next(iter(p)),
)
def test_contributions_agree_for_models_of_other_shapes(params):
    booster = boost(**{"depth": 5, **{("depth" if k == "max_depth" else k): v for k, v in params.items()}})
    contribution, bias, margin = differences(booster, build_tables(booster), strange_rows(500))
    assert max(contribution, bias, margin) < 1e-5


def test_one_row_is_explained_like_many():
    booster = boost(6)
    tables = build_tables(booster)
    rows = strange_rows(300)
    margins, contributions = tables.explain_many(rows, threads=2)
    for i in (0, 1, 2, 3, 150, 299):  # with eight trees at once, where many are explained eight rows at once
        margin, own = tables.explain(rows[i])
        assert margin == margins[i]
        assert np.array_equal(own, contributions[i])


def test_a_strided_view_of_rows_is_explained_like_a_copy():
    tables = build_tables(boost(4))
    rows = strange_rows(40)
    assert np.array_equal(tables.explain_many(rows[::2])[1], tables.explain_many(rows[::2].copy())[1])


def test_tables_round_trip_through_their_file_bit_for_bit():
    tables = build_tables(boost(5))
    raw = tables_to_bytes(tables)
    again = read_tables(raw, features=FEATURES)
    rows = strange_rows(50)
    assert np.array_equal(tables.explain_many(rows)[1], again.explain_many(rows)[1])
    assert tables_to_bytes(again) == raw


def test_trees_of_forty_splits_in_a_row_are_explained():
    x = np.arange(1500, dtype=np.float32).reshape(-1, 1).repeat(40, axis=1)
    x = np.random.default_rng(0).permuted(x, axis=0)
    y = np.random.default_rng(1).random(1500)
    booster = xgb.train(
        {
            "max_depth": 40,
            "colsample_bynode": 0.1,
            "min_child_weight": 0,
            "lambda": 0,
            "objective": "reg:squarederror",
            "nthread": 1,
        },
        xgb.DMatrix(x, y),
        1,
    )
    tables = build_tables(booster)
    assert tables.depth > 20
    contribution, bias, margin = differences(booster, tables, x[:40])
    assert max(contribution, bias, margin) < 1e-5


@pytest.mark.parametrize(
    "params",
    [{"booster": "gblinear"}, {"booster": "dart", "rate_drop": 0.9}, {"objective": "multi:softprob", "num_class": 2}],
    ids=["linear", "dart", "classes"],
)
def test_unsupported_boosters_are_refused(params):
    x, y = makers.vectors(4000, FEATURES), makers.labels(4000, FEATURES)
    booster = xgb.train({"objective": "binary:logistic", **params}, xgb.DMatrix(np.nan_to_num(x), y), 3)
    with pytest.raises(UnsupportedBoosterError):
        build_tables(booster)


def test_categorical_splits_are_refused():
    codes = np.arange(400, dtype=np.float32).reshape(-1, 1) % 7
    matrix = xgb.DMatrix(codes, (codes[:, 0] % 2).astype(int), feature_types=["c"], enable_categorical=True)
    with pytest.raises(ExplainerError, match="categorical"):
        build_tables(xgb.train({"objective": "binary:logistic", "max_cat_to_onehot": 1}, matrix, 2))


@pytest.mark.parametrize("rows", [np.zeros((2, 11), np.float32), np.zeros((2, 12)), np.zeros(12, np.float32)])
def test_vectors_of_another_schema_are_refused(rows):
    with pytest.raises(SchemaMismatchError):
        build_tables(boost(2, 3)).explain_many(rows)


def test_a_table_file_with_an_index_outside_is_refused():
    tables = build_tables(boost(4, 5))
    for name in ("first", "inner", "first_leaf", "split", "points", "features"):
        broken = {f: getattr(tables, f).copy() for f in LeafTables.__dataclass_fields__}
        broken[name].reshape(-1)[-1] += 1 << 20
        with pytest.raises(ValueError, match=r"tables"):
            read_tables(tables_to_bytes(LeafTables(**broken)), features=FEATURES)
