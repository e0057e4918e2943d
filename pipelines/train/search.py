"""Parameter search by Optuna: seeded, with trials pruned by the median of the other trials at the same round.

Each trial trains on the training slice and is measured by its log loss on the stopping slice; the test slice is never
used. With a time limit the number of trials, and so the result, depends on the machine: for identical bytes set a
number of trials only.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import optuna

from models.booster import BoosterParams, TrainingSample, train_booster

MIN_ROUNDS = 20
"""Rounds of each trial before it may be pruned."""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The best parameters, and how they were found."""

    params: BoosterParams
    loss: float
    trials: int
    pruned: int


def search(
    train: TrainingSample,
    stop: TrainingSample,
    *,
    features: tuple[str, ...],
    monotone: dict[str, int],
    base: BoosterParams,
    trials: int,
    seconds: float | None = None,
    done: Callable[[int, float], None] = lambda trial, best: None,
) -> SearchResult:
    """Find the best of `trials` parameter sets, `base` being the first; calls `done(trial, best loss)` after each."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        direction="minimize",
        sampler=optuna.samplers.TPESampler(seed=base.seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=MIN_ROUNDS, interval_steps=10),
    )
    study.enqueue_trial(
        {
            "depth": base.depth,
            "learning_rate": base.learning_rate,
            "min_child_weight": base.min_child_weight,
            "subsample": base.subsample,
            "colsample": base.colsample,
            "l2": base.l2,
        }
    )

    def objective(trial: optuna.Trial) -> float:
        params = _suggest(trial, base)

        def on_round(number: int, loss: float) -> bool:
            trial.report(loss, number)
            return trial.should_prune()

        trained = train_booster(train, stop, features=features, params=params, monotone=monotone, on_round=on_round)
        if trial.should_prune():
            raise optuna.TrialPruned
        trial.set_user_attr("rounds", trained.rounds)
        return min(trained.history["evaluation"])

    def after(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        done(trial.number + 1, study.best_value)

    study.optimize(objective, n_trials=trials, timeout=seconds, callbacks=[after])
    pruned = sum(trial.state is optuna.trial.TrialState.PRUNED for trial in study.trials)
    return SearchResult(_suggest(study.best_trial, base), study.best_value, len(study.trials), pruned)


def _suggest(trial: optuna.Trial | optuna.trial.FrozenTrial, base: BoosterParams) -> BoosterParams:
    return replace(
        base,
        depth=trial.suggest_int("depth", 3, 7),
        learning_rate=trial.suggest_float("learning_rate", 0.02, 0.15, log=True),
        min_child_weight=trial.suggest_float("min_child_weight", 1.0, 30.0, log=True),
        subsample=trial.suggest_float("subsample", 0.5, 1.0),
        colsample=trial.suggest_float("colsample", 0.2, 1.0),
        l2=trial.suggest_float("l2", 0.5, 30.0, log=True),
    )
