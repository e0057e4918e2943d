"""Labelled claims for training and evaluation: vectors, labels, and the columns that reports need."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from claims.attributes import Attribute
from core.clock import DAY_US
from features.feast import TrainingSet
from features.vector import FEATURE, FEATURE_NAMES, DeclaredAttributes, ModelSchema, columns_of
from pipelines.datasets.errors import LabelTimeError, MissingLabelsError
from pipelines.datasets.weights import MAX_TRAINING_WEIGHT, training_weights

PEER_RATIO = "amount_to_procedure_mean"
"""The feature that the 2× rule reads."""
RULE_FACTOR = 2.0
_LABEL_COLUMNS = ["is_fraud", "kind", "known_at", "label_source"]


@dataclass(frozen=True, slots=True)
class UnlabelledClaims:
    """Claims without a label (M), in the order of receipt: volumes and capacities count them too."""

    claims: pa.Table
    """The claims frame's columns."""
    full: NDArray[np.float32]
    """(M, every built-in feature) in the order of `features.vector.FEATURE_NAMES`."""
    received_us: NDArray[np.int64]
    attributes: pa.Table | None = None

    def __len__(self) -> int:
        return len(self.received_us)

    def between(self, first_us: int, last_us: int) -> NDArray[np.intp]:
        """The rows of those received from `first_us` to `last_us`, both included."""
        return np.flatnonzero((self.received_us >= first_us) & (self.received_us <= last_us))

    def matrix(self, rows: NDArray[np.intp], schema: ModelSchema) -> NDArray[np.float32]:
        """(rows, features) of a schema, contiguous."""
        return _matrix(self.full, self.claims, self.attributes, rows, schema)


@dataclass(frozen=True, slots=True)
class Examples:
    """Labelled claims in the order of receipt; every array has one row per claim (N rows)."""

    claims: pa.Table
    """The claims frame's columns."""
    full: NDArray[np.float32]
    """(N, every built-in feature) in the order of `features.vector.FEATURE_NAMES`."""
    features: tuple[str, ...]
    """Built-in features that a model of these claims can use."""
    left_out: dict[str, str]
    """Feature → why it cannot be used."""
    fraud: NDArray[np.bool_]
    kind: NDArray[np.object_]
    """The kind of fraud; None for a clean claim or an unknown kind."""
    received_us: NDArray[np.int64]
    known_us: NDArray[np.int64]
    amounts_cents: NDArray[np.int64]
    providers: NDArray[np.object_]
    label_source: NDArray[np.object_] | None = None
    """Who states each label, None where that is unknown; None: of no label."""
    unlabelled: UnlabelledClaims | None = None
    """The claims without a label; None: every claim has one."""
    weights: NDArray[np.float64] | None = None
    """How many claims each represents; None: each represents itself."""
    attributes: pa.Table | None = None
    """The attributes of the claims, as the source has them: each model encodes them by its own levels."""
    declared: Mapping[str, Attribute] = field(default_factory=dict)
    """Attribute → its declaration, also of those that are claim fields."""

    def __len__(self) -> int:
        return len(self.fraud)

    @property
    def claims_a_day(self) -> float:
        """Claims received a day over all of the data, with a label or without."""
        received = self.received_us
        if self.unlabelled is not None:
            received = np.concatenate([received, self.unlabelled.received_us])
        return len(received) / max(1.0, float(received.max() - received.min()) / DAY_US)

    def represented(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """How many claims each of the rows represents: its weight, 1 without weights."""
        return np.ones(len(rows)) if self.weights is None else self.weights[rows]

    def training_weights(self, rows: NDArray[np.intp]) -> NDArray[np.float64] | None:
        """The weights of the rows for whatever learns from them, up to `MAX_TRAINING_WEIGHT`; None without weights."""
        return None if self.weights is None else training_weights(self.weights[rows], maximum=MAX_TRAINING_WEIGHT)

    def matrix(self, rows: NDArray[np.intp], schema: ModelSchema) -> NDArray[np.float32]:
        """(rows, features) of a schema, contiguous."""
        return _matrix(self.full, self.claims, self.attributes, rows, schema)

    def column(self, name: str) -> NDArray[np.float32]:
        """One built-in feature of every claim, whether or not a model uses it."""
        values: NDArray[np.float32] = self.full[:, FEATURE_NAMES.index(name)]
        return values

    def peers_cents(self) -> NDArray[np.float64]:
        """The average of each claim's procedure, which the 2× rule compares with (N,); NaN where there is none."""
        ratio = self.column(PEER_RATIO).astype(np.float64)
        peers = np.full(len(self), np.nan)
        known = np.isfinite(ratio) & (ratio > 0)
        peers[known] = self.amounts_cents[known] / ratio[known]
        return peers

    def rule_flags(self) -> NDArray[np.bool_]:
        """What the 2× rule flags: an amount above twice the procedure's average; nothing where there is no average."""
        return np.nan_to_num(self.column(PEER_RATIO), nan=0.0) > RULE_FACTOR


def _matrix(
    full: NDArray[np.float32],
    claims: pa.Table,
    attributes: pa.Table | None,
    rows: NDArray[np.intp],
    schema: ModelSchema,
) -> NDArray[np.float32]:
    if not schema.encoders:
        return np.ascontiguousarray(full[np.ix_(rows, schema.places)])
    taken = pa.array(rows)
    return schema.rows(full[rows], claims.take(taken), None if attributes is None else attributes.take(taken))


def examples_of(
    built: TrainingSet, weights: pa.Table | None = None, attributes: DeclaredAttributes | None = None
) -> Examples:
    """Select the labelled claims of a training set; `weights` (`claim_id`, `weight`) lists weights other than 1.

    Raises `MissingLabelsError`, `LabelTimeError`.
    """
    truth = built.index["is_fraud"]
    if truth.null_count == len(truth):
        raise MissingLabelsError("none of the claims has a label; check the claim identifiers of the labels")
    labelled = np.flatnonzero(truth.is_valid().to_numpy())
    index = built.index.take(pa.array(labelled))
    received = index["received_at"].cast(pa.int64()).to_numpy()
    known = index["known_at"].cast(pa.int64()).to_numpy()
    early = np.flatnonzero(known < received)
    if len(early):
        raise LabelTimeError(
            f"{len(early)} labels are dated before their claim was received "
            f"(for example {index['claim_id'][int(early[0])].as_py()}); check the column mapped to label_known_at"
        )
    x = built.x if len(labelled) == len(built.x) else built.x[labelled]
    features, left_out = usable_features(x, built.available, index)
    return Examples(
        claims=index.drop_columns(_LABEL_COLUMNS),
        full=x,
        features=features,
        left_out=left_out,
        fraud=index["is_fraud"].to_numpy().astype(bool),
        kind=np.array(index["kind"].to_pylist(), dtype=object),
        received_us=received,
        known_us=known,
        amounts_cents=index["amount_cents"].to_numpy(),
        providers=np.array(index["provider_id"].to_pylist(), dtype=object),
        label_source=np.array(index["label_source"].to_pylist(), dtype=object),
        unlabelled=_unlabelled(built, attributes),
        weights=None if weights is None else _weights(index["claim_id"], weights),
        attributes=None if attributes is None else attributes.of(index["claim_id"]),
        declared={} if attributes is None else attributes.declared,
    )


def _unlabelled(built: TrainingSet, attributes: DeclaredAttributes | None) -> UnlabelledClaims | None:
    rows = np.flatnonzero(built.index["is_fraud"].is_null().to_numpy())
    if not len(rows):
        return None
    index = built.index.take(pa.array(rows)).drop_columns(_LABEL_COLUMNS)
    return UnlabelledClaims(
        claims=index,
        full=built.x[rows],
        received_us=index["received_at"].cast(pa.int64()).to_numpy(),
        attributes=None if attributes is None else attributes.of(index["claim_id"]),
    )


def _weights(claim_ids: pa.ChunkedArray, weights: pa.Table) -> NDArray[np.float64]:
    place = pc.index_in(claim_ids, value_set=weights["claim_id"].combine_chunks())
    found = np.ones(len(claim_ids))
    known = place.is_valid().to_numpy()
    found[known] = weights["weight"].to_numpy()[place.drop_null().to_numpy()]
    return found


def usable_features(
    x: NDArray[np.float32], available: tuple[str, ...], index: pa.Table
) -> tuple[tuple[str, ...], dict[str, str]]:
    """The features that vary over these claims, in the vector's order, and why the others are left out."""
    held = {name for name in index.column_names if index[name].null_count < len(index)}
    kept, left_out = [], {}
    for place, name in enumerate(FEATURE_NAMES):
        column = x[:, place]
        if name not in available:
            absent = sorted(columns_of(FEATURE[name]) - held)
            left_out[name] = f"the data have no {' and no '.join(absent)}"
        elif np.isnan(column).all():
            left_out[name] = "missing for every claim"
        elif not np.isnan(column).any() and column.min() == column.max():
            left_out[name] = f"the same for every claim ({column[0]:g})"
        else:
            kept.append(name)
    return tuple(kept), left_out
