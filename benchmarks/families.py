"""Compare families of models on simulated insurers, as JSON lines: `python -m benchmarks.families --seeds 1 2 3`.

Each family is trained with its default parameters as `ginja model train` trains it: the same slices in time, features
and monotone constraints, early stopping, and with few frauds once more on every claim before the test. Calibration is
left out, because it keeps the order of claims. Each is measured on the claims after an embargo. Intervals of an insurer
are 95 %, by bootstrap over providers; the difference is the default family's average precision less the rival's, on the
same draws. The last line has the mean of each difference over the insurers, with Student's 95 % interval.
"""

import argparse
import json
import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from core.scratch import scratch_folder
from features.feast import apply, training_set
from features.offline import build
from features.vector import ModelSchema
from models.evaluation import Interval, Ranking, at_k, average_precision, bootstrap
from models.families import DEFAULT_FAMILY, FAMILIES, Family, Fit, TrainingSample, installed
from pipelines.datasets import OFFLINE_ONLY_REDIS_URL, Examples, Slices, SplitPolicy, examples_of
from pipelines.datasets.split import split_in_time
from pipelines.simulate import SimulationConfig, simulate
from pipelines.train import TrainOptions, steps
from pipelines.train.options import family_from
from pipelines.train.refit import chosen_rounds, folds_of

END = date(2026, 11, 2)
DAYS = 730
Comparison = dict[str, dict[str, object]]


def examples_of_insurer(seed: int, claims: int, fraud_rate: float) -> Examples:
    """The labelled vectors of one simulated insurer."""
    insurer = simulate(SimulationConfig(claims, seed, END, DAYS, fraud_rate=fraud_rate, live_days=0))
    with scratch_folder("ginja-families-") as home:
        build(home, insurer.claims)
        apply(home, OFFLINE_ONLY_REDIS_URL)
        return examples_of(training_set(home, insurer.claims, insurer.labels))


def compare(examples: Examples, families: Mapping[str, Family], replicates: int) -> Comparison:
    """Name → average precision, dollars in 1 % of the claims, and the default family's lead over it."""
    end = int(np.datetime64(END, "us").astype(np.int64))
    slices = split_in_time(
        examples.received_us, examples.known_us, as_of_us=end, policy=SplitPolicy(), least_frauds_of=examples.fraud
    )
    schema, _ = steps.select_features(examples, slices.train)
    test = slices.test
    x, fraud = examples.matrix(test, schema), examples.fraud[test]
    providers, cents = examples.providers[test].astype(str), examples.amounts_cents[test]
    rankings: dict[str, Ranking] = {}
    found: Comparison = {}
    for name, family in families.items():
        begun = time.process_time()
        trained = _trained(examples, slices, schema, family)
        seconds = time.process_time() - begun
        rankings[name] = Ranking.of(trained.model.margins(x).astype(float))
        found[name] = {
            "dollars_at_1_percent": round(at_k(fraud, rankings[name], len(test) / 100, cents).dollars, 4),
            "rounds": trained.rounds,
            "cpu_s": round(seconds, 1),
        }
    ours = rankings[DEFAULT_FAMILY.spec]
    for name, theirs in rankings.items():
        ap = bootstrap(lambda w, r=theirs: average_precision(fraud, r, w), providers, replicates=replicates)  # type: ignore[misc]
        lead = bootstrap(
            lambda w, r=theirs: average_precision(fraud, ours, w) - average_precision(fraud, r, w),  # type: ignore[misc]
            providers,
            replicates=replicates,
        )
        found[name] = {
            "ap": round(ap.value, 4),
            "ap_ci": _ends(ap),
            "paired_difference": round(lead.value, 4),
            "paired_ci": _ends(lead),
            **found[name],
        }
    return found


def _trained(examples: Examples, slices: Slices, schema: ModelSchema, family: Family) -> Fit:
    """A model as `ginja model train` trains it."""
    monotone = {one.name: int(one.monotone) for one in schema.features if one.monotone is not None}

    def sample(rows: NDArray[np.intp]) -> TrainingSample:
        return TrainingSample(examples.matrix(rows, schema), examples.fraud[rows], examples.training_weights(rows))

    stopped = family.fit(sample(slices.train), sample(slices.stop), features=schema.names, monotone=monotone)
    if not steps.refits(TrainOptions(family=family), examples, slices):
        return stopped
    whole, folds = sample(slices.learned), folds_of(examples, slices)
    rounds = chosen_rounds(whole, folds, features=schema.names, monotone=monotone, stopped=stopped)
    return family.fit_rounds(whole, rounds, features=schema.names, monotone=monotone)


def mean_of(compared: list[Comparison]) -> Comparison:
    """Name → means over the insurers; differences with Student's 95 % interval, if there are at least two."""
    found: Comparison = {}
    for name in compared[0]:
        leads = np.array([one[name]["paired_difference"] for one in compared], dtype=np.float64)
        found[name] = {
            measure: round(float(np.mean([one[name][measure] for one in compared])), 4)
            for measure in ("ap", "dollars_at_1_percent", "paired_difference", "cpu_s")
        }
        found[name]["behind"] = int((leads > 0).sum())
        if len(leads) > 1:
            reach = float(student.ppf(0.975, len(leads) - 1) * leads.std(ddof=1) / np.sqrt(len(leads)))
            found[name]["interval"] = [round(float(leads.mean()) + way * reach, 4) for way in (-1, 1)]
    return found


def _ends(interval: Interval) -> list[float]:
    return [round(interval.low, 4), round(interval.high, 4)]


def main() -> None:
    """Print one line for each insurer, and their mean."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--claims", type=int, default=20_000)
    parser.add_argument("--fraud-rate", type=float, default=0.02)
    parser.add_argument("--replicates", type=int, default=200)
    parser.add_argument(
        "--params", type=Path, nargs="*", default=[], help="files of further parameters of the default family"
    )
    parser.add_argument("--only-params", action="store_true", help="leave out the other families")
    options = parser.parse_args()
    families: dict[str, Family] = {
        one.spec: one
        for one in FAMILIES
        if installed(one.library) and (one is DEFAULT_FAMILY or not options.only_params)
    }
    families |= {path.stem: family_from(DEFAULT_FAMILY.spec, path) for path in options.params}
    compared = []
    for seed in options.seeds:
        examples = examples_of_insurer(seed, options.claims, options.fraud_rate)
        compared.append(compare(examples, families, options.replicates))
        line = {"seed": seed, "claims": len(examples), "frauds": int(examples.fraud.sum())}
        print(json.dumps({**line, "families": compared[-1]}), flush=True)
    print(json.dumps({"insurers": len(compared), "mean": mean_of(compared)}), flush=True)


if __name__ == "__main__":
    main()
