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
from pipelines.train.refit import FOLDS, REFIT_BELOW, folds_of, refit
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
    noise = TrainingSample(rng.normal(size=(600, 2)).astype(np.float32), rng.random(600) < 0.3)
    halves = np.arange(600) < 300
    stopped = FAMILY.fit(noise.only(halves), noise.only(halves), features=NAMES)
    folds = (np.arange(600) % FOLDS).astype(np.int8)
    again = refit(noise, folds, features=NAMES, monotone={}, stopped=stopped)
    assert again.trained.rounds == stopped.rounds
    assert again.trained.history == stopped.history
    own = again.trained.model.margins(noise.x)
    assert roc_auc(noise.fraud, Ranking.of(own.astype(float)), np.ones(600)) > 0.7
    assert roc_auc(noise.fraud, Ranking.of(again.margins.astype(float)), np.ones(600)) < 0.6
    assert not np.isnan(again.margins).any()


@pytest.mark.parametrize(
    ("choice", "frauds", "expected"),
    [("auto", REFIT_BELOW - 1, True), ("auto", REFIT_BELOW, False), ("always", REFIT_BELOW, True), ("never", 5, False)],
)
def test_small_data_are_refitted_unless_an_option_says_otherwise(choice: Any, frauds: int, expected: bool) -> None:
    examples, slices = learned(frauds, rows=12_000)
    parts = np.split(np.arange(12_000), [9_000, 10_000, 11_000])
    slices = Slices(*parts, how="", test_from_us=0, test_until_us=0, not_yet_known=0)
    assert refits(TrainOptions(refit=choice), examples, slices) is expected
