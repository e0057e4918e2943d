"""The training set: claims, and for each the vector it would have been scored with, read through Feast only.

training_set(home, claims, labels) -> TrainingSet(x: float32[N, F], index: one row per claim)
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa

from features.declare import CLAIMS, DERIVED_SQL, LABELS, PLANS
from features.feast.definitions import SERVICE
from features.feast.registry import open_store
from features.feast.retrieval_jobs import AsofJob
from features.offline import EVENT_TIME, Relation, check_claims, check_columns, labels_as_of, relation, scratch_duckdb
from features.vector import FEATURE_NAMES, SLICE_ROWS, available, build_many


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """Vectors and the claims they describe, in the order of receipt."""

    x: np.ndarray
    """float32[N, F], NaN where missing; the columns are `features.vector.FEATURE_NAMES`."""
    index: pa.Table
    """The claims frame's columns, then `is_fraud`, `kind`, `known_at` and `label_source`, null where the outcome is not
    known."""
    available: tuple[str, ...]
    """The features whose columns the claims have; a column of nulls counts as missing."""


def training_set(
    home: Path,
    claims: Relation,
    labels: Relation | None = None,
    *,
    only: str = "TRUE",
    labels_as_of_us: int | None = None,
) -> TrainingSet:
    """Vectors of claims as of their receipt, from the offline features of `home`, which were built with these claims.

    `only` is SQL over the claims frame that keeps part of the claims. A claim's label is the finding in force at
    `labels_as_of_us` (default: after the last label), with the time it became known; a claim about which nothing was
    known by then has the finding that became known first after it (`features.offline.labels_as_of`).
    Raises `NotBuiltError`, `RegistryChangedError`, `MissingColumnError`, `NaiveTimeError`, `InvalidFrameError`.
    """
    with scratch_duckdb(home / "features" / "spill") as connection:
        source = relation(connection, claims, "claims_frame")
        check_claims(connection, source)
        truth = relation(connection, LABELS.empty_table() if labels is None else labels, "labels_frame")
        check_columns(connection, truth, "the labels frame", LABELS, ("known_at",))
        sequence = connection.sql(f"SELECT {', '.join(LABELS.names)} FROM {truth}").to_arrow_table()
        connection.register("current_labels", labels_as_of(sequence, as_of_us=labels_as_of_us))
        index = connection.sql(f"""
            SELECT c.*, l.is_fraud, l.kind, l.known_at, l.source AS label_source
            FROM (SELECT {", ".join(CLAIMS.names)} FROM {source} WHERE {only}) c
            LEFT JOIN current_labels l USING (claim_id)
            ORDER BY received_at, claim_id""").to_arrow_table()
    x = np.empty((len(index), len(FEATURE_NAMES)), dtype=np.float32)
    start = 0
    for batch in historical_features(home, index.select(CLAIMS.names)):
        x[start : start + len(batch)] = build_many(batch)
        start += len(batch)
    held = [name for name in CLAIMS.names if index[name].null_count < len(index)]
    return TrainingSet(x, index, available(held))


def historical_features(home: Path, claims: pa.Table) -> Iterator[pa.Table]:
    """The claims with their rows side by side, in order and in batches: the input of `build_many`."""
    derived = [key for key in dict.fromkeys(k for plan in PLANS.values() for k in plan.keys) if key in DERIVED_SQL]
    with scratch_duckdb() as connection:
        connection.register("claims_frame", claims.append_column("place", pa.array(np.arange(len(claims)))))
        keys = connection.sql(
            f"SELECT {', '.join(f'{DERIVED_SQL[key]} AS {key}' for key in derived)} FROM claims_frame ORDER BY place"
        ).to_arrow_table()
    frame = claims.append_column(EVENT_TIME, claims["received_at"])
    for key in derived:
        frame = frame.append_column(key, keys[key])
    store = open_store(home)
    job = store.get_historical_features(frame, store.get_feature_service(SERVICE), full_feature_names=True)
    yield from cast(AsofJob, job).batches(SLICE_ROWS)
