"""The daily drift run: score the claims of a data set, compare each day with the reference period before, report
alarms.

It writes `reports/drift.json` (for the console), `reports/drift.html`, `reports/drift.prom` (for the textfile collector
of a node exporter), and a run in MLflow. A continuing alarm of a column is raised once, and again only after a week
without it.
"""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.clock import DAY_US
from core.settings import settings
from features.feast import training_set
from models import registry
from models.artefact import Artefact, load_pointed, read_pointer
from models.errors import RegistryError
from models.registry import DataRecord, MlflowStore, RunRecord
from pipelines.datasets import Source, ensure_features
from pipelines.drift.alarms import Cause, new_causes
from pipelines.drift.errors import DriftError
from pipelines.drift.measures import DayMeasures, measure
from pipelines.drift.page import render
from pipelines.drift.prometheus import prometheus_text
from pipelines.drift.reference import reference_of
from pipelines.drift.report import Drift
from pipelines.drift.stream import Codes, ScoredStream
from pipelines.evaluate import latest, named
from pipelines.gates import TrainingProfile, profile_from_json, stability
from pipelines.run_data import RunKind, data_texts, describe_data, run_tags
from pipelines.runs import command_line, git_commit, reports_folder

CODE_COLUMNS = ("procedure_code", "diagnosis_code", "place_of_service", "region", "specialty", "sex")
"""Columns of the claims frame whose codes are compared."""


def measure_days(
    stream: ScoredStream, *, threshold: float, until: int, days: int, reference_days: int
) -> tuple[range, list[DayMeasures], list[Cause]]:
    """Compare the `days` before `until` (exclusive, days since the epoch) with the `reference_days` before those."""
    compared = range(until - days - reference_days, until - days)
    reference = reference_of(stream, compared, threshold)
    measured = [measure(stream, day, reference) for day in range(until - days, until)]
    return compared, measured, new_causes(day.alarms for day in measured)


def codes_of(claims: pa.Table) -> dict[str, Codes]:
    """The columns of codes that the claims have; codes are numbered by descending frequency."""
    found = {}
    for name in CODE_COLUMNS:
        column = claims[name].combine_chunks().dictionary_encode()
        if column.null_count == len(column):
            continue
        place = column.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        order = np.argsort(-np.bincount(place[place >= 0], minlength=len(column.dictionary)), kind="stable")
        rank = np.empty(len(order), dtype=np.float32)
        rank[order] = np.arange(len(order))
        texts = column.dictionary.to_pylist()
        values = np.where(place >= 0, rank[place], np.float32(np.nan))
        found[name] = Codes(values, tuple(texts[at] for at in order))
    return found


def stream_of(artefact: Artefact, source: Source) -> ScoredStream:
    """Score every claim of a data set as of its receipt; labels are as of the receipt of the last claim."""
    ensure_features(source)
    last_us = int(pc.max(source.claims["received_at"]).cast(pa.int64()).as_py())
    built = training_set(source.home, source.claims, source.labels, labels_as_of_us=last_us)
    schema = artefact.schema
    attributes = None if source.attributes is None else source.attributes.of(built.index["claim_id"])
    x = schema.rows(built.x, built.index, attributes)
    margins = artefact.margins(x)
    received = built.index["received_at"].cast("int64").to_numpy()
    known = built.index["known_at"].cast("int64").fill_null(np.iinfo(np.int64).max).to_numpy()
    return ScoredStream(
        schema=schema,
        x=x,
        probabilities=artefact.calibrator.probabilities(margins),
        day=received // DAY_US,
        known_day=np.where(known <= last_us, known // DAY_US, -1),
        fraud=built.index["is_fraud"].fill_null(False).to_numpy().astype(bool),
        codes=codes_of(built.index),
    )


def check_drift(
    home: Path, source: Source, *, version: str | None = None, days: int = 30, reference_days: int = 60,
    store: MlflowStore | None = None,
) -> Drift:  # fmt: skip
    """Measure the last days of a data set with the champion (or a version) and write the reports.

    Raises `DriftError` where the data have too few days, `NoModelError` without a model.
    """
    artefact = _model(home, source, version)
    stream = stream_of(artefact, source)
    until = int(stream.day.max())  # the last day may not be over
    if until - days - reference_days < int(stream.day.min()):
        raise DriftError(
            f"{days} days and {reference_days} days of reference are more than the data have "
            f"({until - int(stream.day.min())} days); use fewer (--days, --reference-days)"
        )
    compared, measured, causes = measure_days(
        stream, threshold=artefact.threshold, until=until, days=days, reference_days=reference_days
    )
    names = tuple(str(np.datetime64(day, "D")) for day in (compared.start, compared.stop - 1))
    store = store or MlflowStore.of(home, settings().mlflow_url)
    profile = training_profile(store, artefact.version)
    found = Drift(
        model=artefact.version,
        dataset=source.name,
        reference=(names[0], names[1]),
        days=tuple(measured),
        raised=tuple(causes),
        since_training=since_training(stream, range(until - days, until), profile),
        not_compared=not_compared(stream, profile),
    )
    _write(home, found)
    record = RunRecord(
        name=f"drift-{artefact.version}",
        command=command_line(),
        git_commit=git_commit(),
        params={"dataset": source.name, "model": artefact.version, "days": days, "reference_days": reference_days},
        metrics={"alarms": float(len(causes))},
        series={
            "score_stability": [day.score_stability for day in measured if np.isfinite(day.score_stability)],
            "volume_ratio": [day.volume_ratio for day in measured],
        },
        texts={"drift.html": render(found), "drift.json": json.dumps(found.as_json()), **data_texts(source)},
        data=DataRecord(
            source.name, source.uri, source.sha256, stream.schema.names, stream.x, stream.fraud, context="drift"
        ),
        tags=run_tags(RunKind.DRIFT, dataset=source.name, model=artefact.version, use=artefact.document.use_name)
        | {"ginja.alarms": ", ".join(sorted({cause.measure.value for cause in causes})) or "none"},
        description=describe_data(source),
    )
    registry.log_run(store, record)
    return found


def training_profile(store: MlflowStore, version: str) -> TrainingProfile | None:
    """The profile of a version's training set from its run; None where MLflow does not have it."""
    try:
        text = registry.text_of(store, version, "profile.json")
    except RegistryError:
        return None  # a model that was copied without its run is compared with the reference period only
    return None if text is None else profile_from_json(text)


def since_training(stream: ScoredStream, days: range, profile: TrainingProfile | None) -> dict[str, float]:
    """Each feature's stability index, all days together against the training set."""
    if profile is None:
        return {}
    rows = (stream.day >= days.start) & (stream.day < days.stop)
    return {
        name: stability(stream.x[rows, place], profile.features[name])
        for place, name in enumerate(stream.features)
        if name in profile.features
    }


def not_compared(stream: ScoredStream, profile: TrainingProfile | None) -> tuple[str, ...]:
    """The features that the profile of the training set does not have; all of them without one."""
    return tuple(name for name in stream.features if profile is None or name not in profile.features)


def _model(home: Path, source: Source, version: str | None) -> Artefact:
    if version is not None:
        return named(home, version)
    pointer = read_pointer(home)
    if pointer is not None:
        champion = load_pointed(home, pointer)
        if champion.document.provenance.get("dataset") == source.name:
            return champion
    return latest(home, source.name)


def _write(home: Path, found: Drift) -> None:
    folder = reports_folder(home)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (
        ("drift.json", json.dumps(found.as_json())),
        ("drift.html", render(found)),
        ("drift.prom", prometheus_text(found)),
    ):
        partial = folder / f".{name}.new"
        partial.write_text(text)
        partial.replace(folder / name)
