"""Training again on every claim before the test: folds, and margins of claims that did not train the booster."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from core.clock import DAY_US
from models.evaluation import Ranking, roc_auc
from models.families import TrainingSample, XGBoost
from pipelines.datasets import Slices
from pipelines.train.options import TrainOptions
from pipelines.train.refit import FOLDS, REFIT_BELOW, chosen_rounds, folds_of, refit
from pipelines.train.steps import refits

NAMES = ("a", "b")
FAMILY = XGBoost(
    rounds=40, early_stopping=10, learning_rate=0.05, threads=1, min_child_weight=1.0, colsample=0.8, l2=2.0
)


def learned(frauds: int, rows: int = 500, *, providers_apart: bool = False) -> tuple[Any, Slices]:
    """Claims of which the first `frauds` of every tenth are fraud, and slices that hold all of them but the last 50."""
    number = np.arange(rows)
    fraud = (number % 10 == 0) & (np.cumsum(number % 10 == 0) <= frauds)
    if providers_apart:
        fraud = number % 7 == 0
    parts = np.split(number, [300, 380, 450])
    examples = SimpleNamespace(
        fraud=fraud,
        received_us=(rows - number) * DAY_US,  # the order of receipt is not that of the rows
        providers=np.array([f"H{n % 7}-{n % 49}" for n in number], dtype=object),
    )
    slices = Slices(*parts, how="", test_from_us=0, test_until_us=0, not_yet_known=0, providers_apart=providers_apart)
    return cast("Any", examples), slices


def test_each_fold_has_its_share_of_frauds_and_is_consecutive_in_time_within_a_label() -> None:
    examples, slices = learned(45)
    folds = folds_of(examples, slices)
    rows = slices.learned
    assert np.bincount(folds[examples.fraud[rows]]).tolist() == [9] * FOLDS
    for label in (False, True):
        of_label = rows[examples.fraud[rows] == label]
        in_time = of_label[np.argsort(examples.received_us[of_label])]
        assert (np.diff(folds[np.searchsorted(rows, in_time)]) >= 0).all()


def test_a_provider_whose_label_is_its_own_is_in_one_fold() -> None:
    examples, slices = learned(0, providers_apart=True)
    folds, rows = folds_of(examples, slices), slices.learned
    by_provider = {name: set(folds[examples.providers[rows] == name]) for name in set(examples.providers[rows])}
    assert all(len(found) == 1 for found in by_provider.values())
    assert set(folds) == set(range(FOLDS))
    assert set(folds[examples.fraud[rows]]) == set(range(FOLDS))


def test_margins_are_of_boosters_that_have_not_seen_the_claim_and_the_final_one_has_seen_all() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 2)).astype(np.float32)
    noise = TrainingSample(x, (x[:, 0] > 0) != (rng.random(600) < 0.3))
    halves = np.arange(600) < 300
    stopped = FAMILY.fit(noise.only(halves), noise.only(halves), features=NAMES)
    folds = (np.arange(600) % FOLDS).astype(np.int8)
    again = refit(noise, folds, features=NAMES, monotone={}, stopped=stopped)
    assert again.trained.rounds == chosen_rounds(noise, folds, features=NAMES, monotone={}, stopped=stopped)
    assert again.trained.history == stopped.history
    own = again.trained.model.margins(noise.x)
    held = roc_auc(noise.fraud, Ranking.of(again.margins.astype(float)), np.ones(600))
    assert roc_auc(noise.fraud, Ranking.of(own.astype(float)), np.ones(600)) > held + 0.05  # it has seen them
    assert not np.isnan(again.margins).any()


def test_a_stopping_slice_of_another_kind_of_fraud_does_not_choose_the_size_of_the_final_model() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1_000, 2)).astype(np.float32)
    slice_that_stops = np.arange(1_000) >= 900
    fraud = (x[:, 0] > 1) != (slice_that_stops & (rng.random(1_000) < 0.5))  # the burst contradicts what was learned
    whole = TrainingSample(x, fraud)
    stopped = FAMILY.fit(whole.only(~slice_that_stops), whole.only(slice_that_stops), features=NAMES)
    folds = (np.arange(1_000) % FOLDS).astype(np.int8)
    of_folds = [
        FAMILY.fit(whole.only(folds != fold), whole.only(folds == fold), features=NAMES).rounds for fold in range(FOLDS)
    ]
    rounds = chosen_rounds(whole, folds, features=NAMES, monotone={}, stopped=stopped)
    assert rounds == round(sum(of_folds) / FOLDS)
    assert rounds > 2 * stopped.rounds


@pytest.mark.parametrize("held", [0, 1])
def test_folds_of_one_label_stop_nothing(held: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 2)).astype(np.float32)
    stopped = FAMILY.fit(TrainingSample(x, x[:, 0] > 1), TrainingSample(x, x[:, 0] > 1), features=NAMES)
    one_label = TrainingSample(x, np.full(500, bool(held)))
    folds = (np.arange(500) % FOLDS).astype(np.int8)
    assert chosen_rounds(one_label, folds, features=NAMES, monotone={}, stopped=stopped) == stopped.rounds


@pytest.mark.parametrize(
    ("choice", "frauds", "expected"),
    [("auto", REFIT_BELOW - 1, True), ("auto", REFIT_BELOW, False), ("always", REFIT_BELOW, True), ("never", 5, False)],
)
def test_small_data_are_refitted_unless_an_option_says_otherwise(choice: Any, frauds: int, expected: bool) -> None:
    examples, slices = learned(frauds, rows=12_000)
    parts = np.split(np.arange(12_000), [9_000, 10_000, 11_000])
    slices = Slices(*parts, how="", test_from_us=0, test_until_us=0, not_yet_known=0)
    assert refits(TrainOptions(refit=choice), examples, slices) is expected
