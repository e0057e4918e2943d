"""False alarms and detection of drift on simulated insurers: `python -m benchmarks.drift [CLAIMS,DAYS,SEED ...]`.

Each insurer's claims are scored by a model of their first half. A period is 30 normal days after 60 days of reference;
periods of one insurer overlap by half. A planted change begins on one day; it is measured on the days after it, and
found on the first day with an alarm of an expected measure.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from core.clock import DAY_US
from features.feast import apply, training_set
from features.offline import build
from features.vector import ModelSchema
from models.calibration import fit_calibrator
from models.families import TrainingSample, XGBoost
from pipelines.datasets import usable_features
from pipelines.drift.flow import codes_of, measure_days
from pipelines.drift.measures import measure
from pipelines.drift.reference import reference_of
from pipelines.drift.stream import ScoredStream
from pipelines.simulate import SimulationConfig, simulate

FAMILY = XGBoost(
    rounds=60,
    early_stopping=10,
    depth=3,
    learning_rate=0.2,
    min_child_weight=5.0,
    colsample=0.8,
    l2=2.0,
    max_bin=64,
    threads=1,
)
INSURERS = ((30_000, 240, 11), (20_000, 365, 12))
"""Claims, days and seed of each; limits were set on those of the seeds 1, 2 and 4."""
PERIOD, REFERENCE = 30, 60


def simulated_stream(folder: Path, *, claims: int, days: int, seed: int) -> tuple[ScoredStream, float]:
    """The stream of an insurer and the threshold of a model that learned from its first half."""
    insurer = simulate(SimulationConfig(claims, seed, date(2026, 1, 1), days, live_days=0))
    build(folder, insurer.claims, insurer.labels)
    apply(folder, "redis://127.0.0.1:1/0")
    built = training_set(folder, insurer.claims, insurer.labels)
    names, _ = usable_features(built.x, built.available, built.index)
    schema = ModelSchema.of(names)
    x = schema.rows(built.x, built.index)
    received = built.index["received_at"].cast("int64").to_numpy()
    known = built.index["known_at"].cast("int64").fill_null(np.iinfo(np.int64).max).to_numpy()
    fraud = built.index["is_fraud"].fill_null(False).to_numpy(zero_copy_only=False).astype(bool)
    half = len(x) // 2
    place = np.arange(half)
    parts = [np.flatnonzero(place % 4 < 2), np.flatnonzero(place % 4 == 2), np.flatnonzero(place % 4 == 3)]
    train, stop, later = (TrainingSample(x[rows], fraud[rows]) for rows in parts)
    model = FAMILY.fit(train, stop, features=names).model
    calibrator = fit_calibrator(model.margins(later.x), later.fraud)
    probabilities = calibrator.probabilities(model.margins(x))
    stream = ScoredStream(
        schema=schema,
        x=x,
        probabilities=probabilities,
        day=received // DAY_US,
        known_day=np.where(known <= received.max(), known // DAY_US, -1),
        fraud=fraud,
        codes=codes_of(built.index),
    )
    return stream, float(np.quantile(probabilities[half:], 0.99))


Plant = Callable[[ScoredStream, int], ScoredStream]
"""Changes a stream from a day on."""


def _feature(name: str, change: Callable[[NDArray[np.float32]], NDArray[np.floating]]) -> Plant:
    def planted(stream: ScoredStream, first: int) -> ScoredStream:
        x, rows = stream.x.copy(), stream.day >= first
        place = stream.features.index(name)
        x[rows, place] = change(x[rows, place])
        return replace(stream, x=x)

    return planted


def _labels(change: Callable[[NDArray[np.bool_]], NDArray[np.bool_]]) -> Plant:
    """Change the labels that became known since the first day."""

    def planted(stream: ScoredStream, first: int) -> ScoredStream:
        rows = stream.known_day >= first
        fraud = stream.fraud.copy()
        fraud[rows] = change(fraud[rows])
        return replace(stream, fraud=fraud)

    return planted


def _no_labels(stream: ScoredStream, first: int) -> ScoredStream:
    return replace(stream, known_day=np.where(stream.known_day >= first, -1, stream.known_day))


def _no_flags(stream: ScoredStream, first: int) -> ScoredStream:
    quiet = np.where(stream.day >= first, np.minimum(stream.probabilities, 1e-4), stream.probabilities)
    return replace(stream, probabilities=quiet)


def _swapped_codes(stream: ScoredStream, first: int) -> ScoredStream:
    codes = stream.codes["procedure_code"]
    values, rows = codes.values.copy(), stream.day >= first
    values[rows & (codes.values == 0)], values[rows & (codes.values == 15)] = 15, 0
    return replace(stream, codes={**stream.codes, "procedure_code": replace(codes, values=values)})


def _every(count: int, step: int) -> NDArray[np.bool_]:
    """True for one row in so many."""
    chosen: NDArray[np.bool_] = np.arange(count) % step == 0
    return chosen


PLANTED: dict[str, tuple[frozenset[str], Plant]] = {
    "amount times 3": (frozenset({"feature"}), _feature("amount", lambda values: values * 3)),
    "a third of a column missing": (
        frozenset({"missing"}),
        _feature("amount", lambda values: np.where(_every(len(values), 3), np.nan, values)),
    ),
    "a flag always set": (frozenset({"feature"}), _feature("service_weekend", lambda values: values * 0 + 1)),
    "a flag never set": (frozenset({"feature"}), _feature("service_weekend", lambda values: values * 0)),
    "codes swapped": (frozenset({"code"}), _swapped_codes),
    "no flagged claim": (frozenset({"flagged", "score"}), _no_flags),
    "no label": (frozenset({"labels"}), _no_labels),
    "no fraud among the labels": (
        frozenset({"calibration", "fraud_share"}),
        _labels(lambda fraud: np.zeros(len(fraud), dtype=bool)),
    ),
    "fraud share +8 points": (
        frozenset({"calibration", "fraud_share"}),
        _labels(lambda fraud: fraud | _every(len(fraud), 12)),
    ),
}
"""Change → the measures that are to find it, and how it is made."""


def false_alarms(stream: ScoredStream, threshold: float) -> tuple[list[int], Counter[str]]:
    """The causes raised in each period, and how many there are by measure."""
    counts: list[int] = []
    measures: Counter[str] = Counter()
    last, first = int(stream.day.max()), int(stream.day.min())
    for until in range(last, first + REFERENCE + PERIOD + 60, -PERIOD // 2):
        _, _, causes = measure_days(stream, threshold=threshold, until=until, days=PERIOD, reference_days=REFERENCE)
        counts.append(len(causes))
        measures.update(f"{cause.measure} {cause.group} {cause.alarms[0].window}" for cause in causes)
        if "-v" in sys.argv:
            for cause in causes:
                print("   ", cause.text(), flush=True)
    return counts, measures


def days_to_find(stream: ScoredStream, threshold: float, measures: frozenset[str], changed: ScoredStream) -> int | None:
    """The day after the change on which it is found, the first being 1; None: not within 28 days."""
    first = int(stream.day.max()) - 30
    reference = reference_of(stream, range(first - REFERENCE, first), threshold)
    for day in range(first, first + 28):
        if measures & {str(alarm.measure) for alarm in measure(changed, day, reference).alarms}:
            return day - first + 1
    return None


def main() -> None:
    """Print the false alarms and the days to detection for each insurer, and the false alarms of all together."""
    periods: list[int] = []
    given = [tuple(map(int, one.split(","))) for one in sys.argv[1:] if one != "-v"]
    for claims, days, seed in given or INSURERS:
        with TemporaryDirectory() as folder:
            stream, threshold = simulated_stream(Path(folder), claims=claims, days=days, seed=seed)
        counts, measures = false_alarms(stream, threshold)
        periods += counts
        first = int(stream.day.max()) - 30
        found = {
            name: days_to_find(stream, threshold, expected, planted(stream, first))
            for name, (expected, planted) in PLANTED.items()
        }
        row = {"claims_a_day": claims // days, "periods": counts, "false_alarms": dict(measures), "found_on_day": found}
        print(json.dumps(row), flush=True)
    print(json.dumps({"periods": len(periods), "alarms_in_a_period": dict(sorted(Counter(periods).items()))}))


if __name__ == "__main__":
    main()
