"""Offline features of a data set: built once for the same claims and labels, read as of each claim's receipt."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from core import clock
from features.feast import TrainingSet, training_set
from pipelines.datasets.errors import EmptyWindowError
from pipelines.datasets.sources import Source

OFFLINE_ONLY_REDIS_URL = "redis://127.0.0.1:1/0"
"""For the feature registry of a data set that is never served online: nothing listens there."""


def build_features(
    source: Source, redis_url: str = OFFLINE_ONLY_REDIS_URL, *, done: Callable[[str], None] = lambda view: None
) -> None:
    """Write the offline features of a data set, and its feature registry where there is none yet.

    Raises `RegistryChangedError` before anything is built where the registry differs from this version's.
    """
    from features.feast import apply, registry_path, verify_registry
    from features.offline import build

    applied = registry_path(source.home).exists()
    if applied:
        verify_registry(source.home)
    _stamp(source).unlink(missing_ok=True)
    build(source.home, source.claims, source.labels, done=done)
    if not applied:
        apply(source.home, redis_url)
    _stamp(source).write_text(_built_from(source))


def ensure_features(source: Source) -> None:
    """Build the offline features unless they were built from the same claims, labels and feature layout."""
    stamp = _stamp(source)
    if not stamp.exists() or stamp.read_text() != _built_from(source):
        build_features(source)


def _built_from(source: Source) -> str:
    from features.feast import layout_hash

    return f"{source.sha256} {layout_hash()}"


def _stamp(source: Source) -> Path:
    return source.home / "features" / "built-from.sha256"


def read_vectors(source: Source, *, as_of_us: int) -> TrainingSet:
    """Read the vectors of every claim received by `as_of_us`, through Feast. Raises `EmptyWindowError`."""
    built = training_set(
        source.home,
        source.claims,
        source.labels,
        only=f"epoch_us(received_at) <= {as_of_us}",
        labels_as_of_us=as_of_us,
    )
    if len(built.index) == 0:
        raise EmptyWindowError(f"no claim was received by {clock.from_micros(as_of_us):%Y-%m-%d}")
    return built


def as_of_us(source: Source, requested: datetime | None) -> int:
    """The time of training in microseconds: as requested, and never later than the last claim or label."""
    import pyarrow as pa
    import pyarrow.compute as pc

    last = max(int(pc.max(source.claims["received_at"]).cast(pa.int64()).as_py()), _labels_until(source))
    return last if requested is None else min(last, clock.micros(requested))


def _labels_until(source: Source) -> int:
    """When the last label became known that is known by now, in microseconds; 0 where that is not stated.

    Labels learned after the last claim are used: the findings on exported claims, and the dated labels of a file. Those
    of simulated claims are not, because a simulation states what will be found out.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    findings = source.about.get("findings_until")
    if findings is not None:
        return clock.micros(datetime.fromisoformat(findings))
    if "exported_from" in source.about or source.about.get("seed") is not None or not source.dated_labels:
        return 0
    return min(int(pc.max(source.labels["known_at"]).cast(pa.int64()).as_py()), clock.micros(clock.now()))
