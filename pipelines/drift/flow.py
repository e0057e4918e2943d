"""The daily run: score what came in, compare each day with the quiet stretch before, tell whoever should know.

Left behind: `reports/drift.json` (for the console), `reports/drift.prom` (for a node exporter's textfile collector),
and a run in MLflow with the page. An alarm that stands is told once, and again only after a quiet week.
"""

import json
import shlex
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.settings import settings
from features.feast import training_set
from features.vector import FEATURE_NAMES
from models import registry
from models.artefact import Artefact, load_pointed, read_pointer
from models.errors import RegistryError
from models.registry import MlflowStore, RunRecord
from pipelines.drift.errors import DriftError
from pipelines.drift.measures import Alarm, Day, Stream, measure, reference_of
from pipelines.drift.page import render
from pipelines.evaluate.flow import latest, named
from pipelines.evaluate.page import rounded
from pipelines.evaluate.record import git_commit
from pipelines.gates.profile import Profile, from_json, stability
from pipelines.train import steps
from pipelines.train.dataset import Source
from pipelines.train.split import DAY_US

QUIET_DAYS = 7
"""Days an alarm must be silent before it is told again."""


@dataclass(frozen=True, slots=True)
class Drift:
    """The days measured, the alarms raised, and what they were compared with."""

    model: str
    dataset: str
    reference: tuple[str, str]
    days: tuple[Day, ...]
    raised: tuple[Alarm, ...]
    since_training: dict[str, float] = field(default_factory=dict)
    """Stability index of each feature, the days together against the model's training set; empty: not to be had.

    What creeps is no alarm on any day, because the quiet days before creep along; here it shows.
    """

    def furthest(self, count: int = 5) -> list[tuple[str, float]]:
        """The features furthest from what the model was trained on."""
        return sorted(self.since_training.items(), key=lambda item: -item[1])[:count]

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        found: dict[str, Any] = rounded(asdict(self))
        return found


def watch(
    stream: Stream, *, threshold: float, until: int, days: int, reference_days: int
) -> tuple[range, list[Day], list[Alarm]]:
    """Measure `days` days before `until` (a day number, not included) against the `reference_days` before those."""
    compared = range(until - days - reference_days, until - days)
    reference = reference_of(stream, compared, threshold)
    measured = [measure(stream, day, reference) for day in range(until - days, until)]
    return compared, measured, raised(measured)


def raised(days: list[Day]) -> list[Alarm]:
    """The alarms that are news: not those that stood within the `QUIET_DAYS` before."""
    last: dict[str, np.datetime64] = {}
    news = []
    for day in days:
        today = np.datetime64(day.day, "D")
        for alarm in day.alarms:
            before = last.get(alarm.measure)
            if before is None or (today - before).astype(int) > QUIET_DAYS:
                news.append(alarm)
            last[alarm.measure] = today
    return news


def stream_of(artefact: Artefact, source: Source) -> Stream:
    """Every claim of a data set, scored as of its receipt; findings as they stood when the last claim was received."""
    steps.ensure_features(source, "redis://127.0.0.1:1/0")
    last_us = int(pc.max(source.claims["received_at"]).cast(pa.int64()).as_py())
    built = training_set(source.home, source.claims, source.labels, labels_as_of_us=last_us)
    columns = np.array([FEATURE_NAMES.index(name) for name in artefact.features], dtype=np.intp)
    x = np.ascontiguousarray(built.x[:, columns])
    margins = artefact.booster.inplace_predict(x, predict_type="margin")
    received = built.index["received_at"].cast("int64").to_numpy()
    known = built.index["known_at"].cast("int64").fill_null(np.iinfo(np.int64).max).to_numpy()
    return Stream(
        features=artefact.features,
        x=x,
        probabilities=artefact.calibrator.probabilities(margins),
        day=received // DAY_US,
        known_day=np.where(known <= last_us, known // DAY_US, -1),
        fraud=built.index["is_fraud"].fill_null(False).to_numpy().astype(bool),
    )


def check(
    home: Path, source: Source, *, version: str | None = None, days: int = 30, reference_days: int = 60,
    store: MlflowStore | None = None,
) -> Drift:  # fmt: skip
    """Measure the last days of a data set with the champion, or a version, and leave reports. Raises `DriftError`."""
    artefact = _model(home, source, version)
    stream = stream_of(artefact, source)
    until = int(stream.day.max())  # the last day may not be over
    if until - days - reference_days < int(stream.day.min()):
        raise DriftError(
            f"{days} days and {reference_days} of reference want more than the data have "
            f"({until - int(stream.day.min())} days); ask for fewer"
        )
    compared, measured, alarms = watch(
        stream, threshold=artefact.threshold, until=until, days=days, reference_days=reference_days
    )
    names = tuple(str(np.datetime64(day, "D")) for day in (compared.start, compared.stop - 1))
    store = store or MlflowStore.of(home, settings().mlflow_url)
    found = Drift(
        model=artefact.version,
        dataset=source.name,
        reference=(names[0], names[1]),
        days=tuple(measured),
        raised=tuple(alarms),
        since_training=since_training(stream, range(until - days, until), training_profile(store, artefact.version)),
    )
    _keep(home, found)
    record = RunRecord(
        name=f"drift-{artefact.version}",
        command=shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        git_commit=git_commit(),
        params={"dataset": source.name, "model": artefact.version, "days": days, "reference_days": reference_days},
        metrics={"alarms": float(len(alarms))},
        series={
            "score_psi": [day.score_psi for day in measured if np.isfinite(day.score_psi)],
            "volume_ratio": [day.volume_ratio for day in measured],
        },
        texts={"drift.html": render(found), "drift.json": json.dumps(found.as_json())},
    )
    registry.log_run(store, record)
    return found


def training_profile(store: MlflowStore, version: str) -> Profile | None:
    """The profile of a version's training set, as its run kept it; None where MLflow does not know the version."""
    try:
        text = registry.text_of(store, version, "profile.json")
    except RegistryError:
        return None  # a model that was copied here without its run drifts all the same
    return None if text is None else from_json(text)


def since_training(stream: Stream, days: range, profile: Profile | None) -> dict[str, float]:
    """Each feature's stability index, the days together against the training set."""
    if profile is None:
        return {}
    rows = (stream.day >= days.start) & (stream.day < days.stop)
    return {
        name: stability(stream.x[rows, place], profile.features[name])
        for place, name in enumerate(stream.features)
        if name in profile.features
    }


def _model(home: Path, source: Source, version: str | None) -> Artefact:
    if version is not None:
        return named(home, version)
    pointer = read_pointer(home)
    if pointer is not None:
        champion = load_pointed(home, pointer)
        if champion.document.provenance.get("dataset") == source.name:
            return champion
    return latest(home, source.name)


def _keep(home: Path, found: Drift) -> None:
    folder = steps.reports_folder(home)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (
        ("drift.json", json.dumps(found.as_json())),
        ("drift.html", render(found)),
        ("drift.prom", metrics_text(found)),
    ):
        beside = folder / f".{name}.new"
        beside.write_text(text)
        beside.replace(folder / name)


def metrics_text(found: Drift) -> str:
    """The last day in Prometheus's text format."""
    from prometheus_client import CollectorRegistry, Gauge, generate_latest

    collector = CollectorRegistry()
    day = found.days[-1]

    def gauge(name: str, help_: str, value: float) -> None:
        Gauge(f"ginja_drift_{name}", help_, registry=collector).set(value)

    gauge("score_stability_index", "Population stability index of the score, last day.", day.score_psi)
    gauge("volume_ratio", "Claims of the last day over those usual for the weekday.", day.volume_ratio)
    gauge("calibration_ratio", "Frauds known on the last day over those expected.", day.calibration_ratio)
    gauge("flagged_share", "Share of the last day's claims at or above the threshold.", day.flagged)
    feature = Gauge(
        "ginja_drift_feature_stability_index", "Of each feature, last day.", ["feature"], registry=collector
    )
    for name, value in day.psi.items():
        feature.labels(name).set(value)
    trained = Gauge(
        "ginja_drift_since_training",
        "Stability index of each feature, all days, to training.",
        ["feature"],
        registry=collector,
    )
    for name, value in found.since_training.items():
        trained.labels(name).set(value)
    missing = Gauge("ginja_drift_feature_missing_share", "Of each feature, last day.", ["feature"], registry=collector)
    for name, value in day.missing.items():
        missing.labels(name).set(value)
    alarm = Gauge(
        "ginja_drift_alarm", "1 where a limit was passed on the last day.", ["measure", "feature"], registry=collector
    )
    for one in day.alarms:
        alarm.labels(one.measure, one.feature).set(1)
    return generate_latest(collector).decode()
