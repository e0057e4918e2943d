"""Parameter search by Optuna: seeded, with trials pruned by the median of the other trials at the same round.

Each trial trains on the training slice and is measured by its log loss on the stopping slice; the test slice is never
used. With a time limit the number of trials, and so the result, depends on the machine: for identical bytes set a
number of trials only.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import optuna
from scipy.special import expit

from models.evaluation.metrics import log_loss
from models.families import Family, TrainingSample

MIN_ROUNDS = 20
"""Rounds of each trial before it may be pruned."""


@dataclass(frozen=True, slots=True)
class SearchTrial:
    """One parameter set that was tried."""

    number: int
    params: Mapping[str, object]
    loss: float | None
    """On the stopping slice, where a pruned one was stopped; None: it failed before it had any."""
    rounds: int | None
    """None: pruned."""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The best parameters, and how they were found."""

    family: Family
    loss: float
    trials: tuple[SearchTrial, ...]

    @property
    def pruned(self) -> int:
        """How many trials were stopped early."""
        return sum(trial.rounds is None for trial in self.trials)


def search(
    train: TrainingSample,
    stop: TrainingSample,
    *,
    features: tuple[str, ...],
    monotone: dict[str, int],
    base: Family,
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
    study.enqueue_trial(base.searched)

    def objective(trial: optuna.Trial) -> float:
        def on_round(number: int, loss: float) -> bool:
            trial.report(loss, number)
            return trial.should_prune()

        trained = base.suggest(trial).fit(train, stop, features=features, monotone=monotone, on_round=on_round)
        if trial.should_prune():
            raise optuna.TrialPruned
        trial.set_user_attr("rounds", trained.rounds)
        losses = trained.history.get("evaluation")
        return min(losses) if losses else log_loss(stop.fraud, expit(trained.model.margins(stop.x)), stop.weights)

    def after(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        done(trial.number + 1, study.best_value)

    study.optimize(objective, n_trials=trials, timeout=seconds, callbacks=[after])
    return SearchResult(base.suggest(study.best_trial), study.best_value, tuple(map(_tried, study.trials)))


def _tried(trial: optuna.trial.FrozenTrial) -> SearchTrial:
    return SearchTrial(trial.number, dict(trial.params), trial.value, trial.user_attrs.get("rounds"))
