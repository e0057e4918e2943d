"""Compare families of models on simulated insurers, as JSON lines: `python -m benchmarks.families --seeds 1 2 3`.

Each family is trained with its default parameters on the same claims and features, stops early on later ones, and is
measured on the claims after an embargo. Intervals are 95 %, by bootstrap over providers; the difference is the default
family's average precision less the rival's, on the same draws.
"""

import argparse
import json
import time
from datetime import date

import numpy as np
from numpy.typing import NDArray

from core.clock import DAY_US
from core.scratch import scratch_folder
from features.feast import apply, training_set
from features.offline import build
from features.vector import ModelSchema
from models.evaluation import Interval, Ranking, at_k, average_precision, bootstrap
from models.families import DEFAULT_FAMILY, FAMILIES, TrainingSample, installed
from pipelines.datasets import OFFLINE_ONLY_REDIS_URL, Examples, examples_of
from pipelines.simulate import SimulationConfig, simulate

END = date(2026, 11, 2)
DAYS = 730
TEST_DAYS, EMBARGO_DAYS = 180, 45
"""The last days are measured; claims just before them are not learned from, nor labels known later."""


def examples_of_insurer(seed: int, claims: int, fraud_rate: float) -> Examples:
    """The labelled vectors of one simulated insurer."""
    insurer = simulate(SimulationConfig(claims, seed, END, DAYS, fraud_rate=fraud_rate, live_days=0))
    with scratch_folder("ginja-families-") as home:
        build(home, insurer.claims)
        apply(home, OFFLINE_ONLY_REDIS_URL)
        return examples_of(training_set(home, insurer.claims, insurer.labels))


def compare(examples: Examples, replicates: int) -> dict[str, dict[str, object]]:
    """Family → its average precision, dollars in 1 % of the claims, and the default family's lead over it."""
    schema = ModelSchema.of(examples.features)
    begin = int(np.datetime64(END, "us").astype(np.int64)) - TEST_DAYS * DAY_US
    test = np.flatnonzero(examples.received_us >= begin)
    learned = np.flatnonzero((examples.received_us < begin - EMBARGO_DAYS * DAY_US) & (examples.known_us < begin))
    train, stop = np.split(learned, [int(len(learned) * 0.8)])
    monotone = {one.name: int(one.monotone) for one in schema.features if one.monotone is not None}

    def sample(rows: NDArray[np.intp]) -> TrainingSample:
        return TrainingSample(examples.matrix(rows, schema), examples.fraud[rows])

    rankings, seconds = {}, {}
    for family in FAMILIES:
        if installed(family.library):
            begun = time.process_time()
            fit = family.fit(sample(train), sample(stop), features=schema.names, monotone=monotone)
            seconds[family.spec] = round(time.process_time() - begun, 1)
            rankings[family.spec] = Ranking.of(fit.model.margins(examples.matrix(test, schema)).astype(float))
    fraud, providers, cents = examples.fraud[test], examples.providers[test].astype(str), examples.amounts_cents[test]
    ours = rankings[DEFAULT_FAMILY.spec]
    found: dict[str, dict[str, object]] = {}
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
            "dollars_at_1_percent": round(at_k(fraud, theirs, len(test) / 100, cents).dollars, 4),
            "paired_difference": round(lead.value, 4),
            "paired_ci": _ends(lead),
            "cpu_s": seconds[name],
        }
    return found


def _ends(interval: Interval) -> list[float]:
    return [round(interval.low, 4), round(interval.high, 4)]


def main() -> None:
    """Print one line for each insurer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--claims", type=int, default=8_000)
    parser.add_argument("--fraud-rate", type=float, default=0.04)
    parser.add_argument("--replicates", type=int, default=200)
    options = parser.parse_args()
    for seed in options.seeds:
        examples = examples_of_insurer(seed, options.claims, options.fraud_rate)
        line = {"seed": seed, "claims": len(examples), "frauds": int(examples.fraud.sum())}
        print(json.dumps({**line, "families": compare(examples, options.replicates)}), flush=True)


if __name__ == "__main__":
    main()
