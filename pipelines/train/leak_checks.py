"""Checks for leaks that are no proof: each returns warnings with their evidence."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from claims.attributes import PREFIX, AttributeType
from features.declare import CLAIMS
from features.vector import FEATURE, ModelSchema, columns_of
from models.evaluation import Ranking, average_precision, roc_auc
from pipelines.datasets import Examples, Slices, Source
from pipelines.train.leakage import FeatureAuc
from pipelines.train.steps import TrainedModel
from pipelines.train.suspicion import LeakCheck, LeakWarning
from pipelines.train.time_drift import by_time_of_built_in

WARN_AUC = 0.95
"""A feature, or a shallow tree of two, that ranks better than this is suspected to be derived from the label."""
MAX_GROUP_CORRELATION = 0.9
"""Rank correlation of an attribute of a provider, member or code with the labels of its claims over the whole file."""
MAX_TIME_AUC = 0.99
MAX_COPIES = 0.1
"""Share of the test claims with a near-copy among the earlier ones; 0.006 of 8,000 simulated ones, 0.035 of 100,000."""
MAX_GAIN_SHARE = 0.5
"""Of the model's gain by one feature, where the model ranks better than `STRONG_AUC`."""
STRONG_AUC = 0.9
MAX_AVERAGE_PRECISION = 0.9
"""Where at most `RARE` of the test claims are fraud."""
RARE = 0.3
FIELDS = frozenset({*CLAIMS.names, "benefit_limit", "birth_date"})
"""Fields that a mapping may read from a column with a suspicious name."""
_PAIRED = 16
_SAMPLE = 10_000
_NOT_FEATURES = frozenset(
    {"label", "label_kind", "label_source", "label_known_at", "claim_id", "voided_at", "replaces", "amount"}
)
_DATES = frozenset({"received_at", "service_from", "service_to"})
_FRAME_COLUMN = {"benefit_limit": "benefit_limit_cents", "birth_date": "age_years"}
Matrix = NDArray[np.float32]


def by_column_name(source: Source, schema: ModelSchema) -> list[LeakWarning]:
    """Fields and attributes whose column is named like something known only after the decision.

    The amount is not among them: a file may have no other than the amount paid.
    """
    from pipelines.ingest import known_afterwards

    found = []
    for entry, columns in source.about.get("columns", {}).items():
        named = [column for column in columns if known_afterwards(column)]
        users = _users(entry, schema)
        if named and users:
            found.append(
                LeakWarning(
                    LeakCheck.COLUMN_NAME,
                    entry,
                    f"column {named[0]!r} is named like something known only after the decision; it is read by "
                    f"{_few(users)}",
                )
            )
    return found


def _users(entry: str, schema: ModelSchema) -> list[str]:
    """The features of a schema that read a field, or the feature of an attribute."""
    if entry in _NOT_FEATURES:
        return []
    if entry in _DATES:
        return ["every feature of history"]
    if entry.startswith(PREFIX):
        return [entry] if entry in schema.names else []
    column = _FRAME_COLUMN.get(entry, entry)
    built_in = [name for name in schema.names if name in FEATURE and column in columns_of(FEATURE[name])]
    return built_in + [encoder.feature for encoder in schema.encoders if encoder.attribute.field == column]


def by_ranking_alone(measured: Sequence[FeatureAuc]) -> list[LeakWarning]:
    """Features that rank better alone than anything honest is known to."""
    found: dict[str, LeakWarning] = {}
    for one in measured:
        if one.auc > WARN_AUC:
            how = "whether it is missing" if one.missing else "its value"
            text = f"ranks the training claims alone with AUC {one.auc:.4f} (by {how}), above {WARN_AUC}"
            found.setdefault(one.feature, LeakWarning(LeakCheck.RANKS_ALONE, one.feature, text))
    return list(found.values())


def by_pairs(
    x: Matrix, fraud: NDArray[np.bool_], features: Sequence[str], measured: Sequence[FeatureAuc]
) -> list[LeakWarning]:
    """Pairs of features of which a tree of depth 4 on half of the training claims ranks the other half too well.

    `x` is (N, features). The pairs are those of the strongest features and of attributes; features that rank too well
    alone are left out. One warning for each feature that is in the strongest such pair.
    """
    from sklearn.tree import DecisionTreeClassifier

    alone = {one.feature for one in measured if one.auc > WARN_AUC}
    strongest = dict.fromkeys(one.feature for one in measured if one.feature not in alone)
    own = [name for name in strongest if name.startswith(PREFIX)]
    names = list(dict.fromkeys([*list(strongest)[: _PAIRED // 2], *own, *strongest]))[:_PAIRED]
    rows = _sample(fraud)
    values = np.nan_to_num(x[rows][:, [features.index(name) for name in names]], nan=-1e9)
    half = np.arange(len(rows)) % 2 == 0
    label = fraud[rows]
    best: tuple[float, tuple[str, str]] | None = None
    for one, other in combinations(range(len(names)), 2):
        tree = DecisionTreeClassifier(max_depth=4, min_samples_leaf=10, random_state=0)
        tree.fit(values[half][:, [one, other]], label[half])
        auc = roc_auc(label[~half], tree.predict_proba(values[~half][:, [one, other]])[:, -1])
        if auc > WARN_AUC and (best is None or auc > best[0]):
            best = auc, (names[one], names[other])
    if best is None:
        return []
    how = f"ranks held-out training claims with AUC {best[0]:.4f} by a tree of depth 4, above {WARN_AUC}"
    return [
        LeakWarning(LeakCheck.PAIR_RANKS, name, f"together with {other} it {how}")
        for name, other in (best[1], best[1][::-1])
    ]


def by_labels_of_groups(examples: Examples, schema: ModelSchema) -> list[LeakWarning]:
    """Attributes that are constant for a provider, member or code and follow how many of its claims are fraud.

    All labelled claims count, the test claims too: what a file states of the whole of it is not known when a claim is
    received. A correlation that the number of claims explains is no sign.
    """
    if not schema.encoders:
        return []
    x = examples.matrix(np.arange(len(examples)), schema)[:, -len(schema.encoders) :]
    fraud = examples.fraud.astype(np.float64)
    found: list[LeakWarning] = []
    for key in ("provider_id", "member_id", "procedure_code", "diagnosis_code"):
        group = pc.fill_null(examples.claims[key], "").combine_chunks().dictionary_encode()
        of = group.indices.to_numpy()
        size: NDArray[np.float64] = np.bincount(of).astype(np.float64)
        frauds: NDArray[np.float64] = np.bincount(of, weights=fraud).astype(np.float64)
        if len(size) < 10 or (frauds > 0).sum() < 10 or len(examples) < 2 * len(size):
            continue
        for place, encoder in enumerate(schema.encoders):
            if encoder.attribute.type is AttributeType.CATEGORY or encoder.attribute.window is not None:
                continue  # a window counts what was known at receipt
            if any(one.subject == encoder.feature for one in found):
                continue
            value = _constant_of_group(x[:, place].astype(np.float64), of, size)
            if value is None:
                continue
            explained = abs(_rank_correlation(size, frauds))
            by_count, by_rate = abs(_rank_correlation(value, frauds)), abs(_rank_correlation(value, frauds / size))
            excess = by_count > 1 - (1 - explained) / 2
            if by_rate > MAX_GROUP_CORRELATION or (by_count > MAX_GROUP_CORRELATION and excess):
                most = max(by_count, by_rate)
                text = f"follows the frauds of each {key} over the whole file (rank correlation {most:.3f})"
                found.append(LeakWarning(LeakCheck.LABELS_OF_GROUP, encoder.feature, text))
    return found


def _constant_of_group(
    column: NDArray[np.float64], of: NDArray[np.integer], size: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    """The mean (groups,) of a column that varies between groups and hardly within them; None for another."""
    if not np.isfinite(column).all() or column.min() == column.max():
        return None
    mean = np.bincount(of, weights=column) / size
    within = float(((column - mean[of]) ** 2).mean())
    return mean if within < 0.05 * float(column.var()) else None


def by_time(examples: Examples, schema: ModelSchema, slices: Slices) -> list[LeakWarning]:
    """Attributes that tell the claims before the test from those in it: a number of rows or batches, a year."""
    if slices.providers_apart or slices.warning or not schema.encoders:
        return []  # not split in time
    rows = np.concatenate([slices.learned, slices.test])
    later = np.arange(len(rows)) >= len(slices.learned)
    x = examples.matrix(rows, schema)[:, -len(schema.encoders) :].astype(np.float64)
    found = []
    for place, encoder in enumerate(schema.encoders):
        if encoder.attribute.window is not None:
            continue  # a window without an end counts more for later claims
        known = np.isfinite(x[:, place])
        if not later[known].any() or later[known].all():
            continue
        auc = roc_auc(later[known], x[known, place])
        if max(auc, 1 - auc) > MAX_TIME_AUC:
            text = f"tells test claims from earlier ones with AUC {max(auc, 1 - auc):.4f}, above {MAX_TIME_AUC}"
            found.append(LeakWarning(LeakCheck.TELLS_TIME, encoder.feature, text))
    return found


def by_near_copies(examples: Examples, slices: Slices) -> list[LeakWarning]:
    """Whether claims of the test are near-copies of claims before it.

    A near-copy is equal in every column but identifiers and dates, with an amount within 2 %. Values that more than
    five claims before the test share are common, and no sign.
    """
    key = _keys(examples)
    amounts = np.log(np.maximum(examples.amounts_cents, 1).astype(np.float64))
    seen: dict[int, list[float]] = defaultdict(list)
    for row in slices.learned.tolist():
        seen[int(key[row])].append(float(amounts[row]))
    copies = 0
    for row in slices.test.tolist():
        earlier = seen.get(int(key[row]), ())
        copies += 0 < len(earlier) <= 5 and any(abs(one - amounts[row]) < 0.02 for one in earlier)
    share = copies / len(slices.test)
    if share <= MAX_COPIES:
        return []
    text = f"{copies:,} test claims ({share:.1%}) are near-copies of earlier ones, above {MAX_COPIES:.0%}"
    return [LeakWarning(LeakCheck.NEAR_COPIES, LeakCheck.NEAR_COPIES.value, text)]


def _keys(examples: Examples) -> NDArray[np.intp]:
    """A number (N,) for each combination of values other than identifiers, dates and the amount."""
    claims = examples.claims
    columns = [claims[name] for name in _KEY_COLUMNS]
    for name, declared in examples.declared.items():
        own = declared.stated and declared.type not in (AttributeType.KEY, AttributeType.DATE)
        if own and examples.attributes is not None and name in examples.attributes.column_names:
            columns.append(examples.attributes[name])
    key = np.zeros(len(claims), dtype=np.intp)
    for column in columns:
        codes = pc.fill_null(column.combine_chunks().dictionary_encode().indices, -1).to_numpy() + 1
        _, key = np.unique(key * (int(codes.max()) + 1) + codes, return_inverse=True)
    return key


_KEY_COLUMNS = (
    *("procedure_code", "diagnosis_code", "place_of_service", "region", "specialty", "sex"),
    *("age_years", "units", "lines", "diagnoses", "benefit_limit_cents"),
)


def before_training(
    source: Source,
    examples: Examples,
    slices: Slices,
    schema: ModelSchema,
    x: Matrix,
    measured: Sequence[FeatureAuc],
) -> tuple[LeakWarning, ...]:
    """Every warning that needs no model; `x` are the vectors of the training slice, `measured` their single AUCs."""
    return (
        *by_column_name(source, schema),
        *by_ranking_alone(measured),
        *by_pairs(x, examples.fraud[slices.train], schema.names, measured),
        *by_labels_of_groups(examples, schema),
        *by_time(examples, schema, slices),
        *by_time_of_built_in(examples, schema, slices),
        *by_near_copies(examples, slices),
    )


def by_gain(gain: dict[str, float], auc: float) -> list[LeakWarning]:
    """A feature that most of a strong model's gain is of; `auc` is the model's on the test claims."""
    total = sum(gain.values())
    if not total or auc <= STRONG_AUC:
        return []
    name, most = max(gain.items(), key=lambda entry: entry[1])
    if most <= MAX_GAIN_SHARE * total:
        return []
    text = f"{most / total:.0%} of the gain of a model with AUC {auc:.3f} is of it, above {MAX_GAIN_SHARE:.0%}"
    return [LeakWarning(LeakCheck.GAIN_SHARE, name, text)]


def by_score(average_precision: float, base_rate: float) -> list[LeakWarning]:
    """Whether the model ranks rare frauds better than is plausible."""
    if average_precision <= MAX_AVERAGE_PRECISION or base_rate > RARE:
        return []
    text = (
        f"average precision {average_precision:.3f} on test claims of which {base_rate:.1%} are fraud, above "
        f"{MAX_AVERAGE_PRECISION}"
    )
    return [LeakWarning(LeakCheck.IMPLAUSIBLE_SCORE, LeakCheck.IMPLAUSIBLE_SCORE.value, text)]


def after_training(model: TrainedModel, examples: Examples, slices: Slices) -> tuple[LeakWarning, ...]:
    """Every warning about a trained model."""
    fraud, weights = examples.fraud[slices.test], examples.represented(slices.test)
    margins = model.margins(examples.matrix(slices.test, model.schema)).astype(np.float64)
    gains = dict(zip(model.schema.names, model.trained.model.gains().tolist(), strict=True))
    return (
        *by_gain(gains, roc_auc(fraud, margins, weights)),
        *by_score(average_precision(fraud, Ranking.of(margins), weights), float(np.average(fraud, weights=weights))),
    )


def _rank_correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Spearman's; 0 where one is constant."""
    ranks = [_ranks(values) for values in (one, other)]
    if any(values.min() == values.max() for values in ranks):
        return 0.0
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean ranks of ties."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    mean: NDArray[np.float64] = (ends - (counts - 1) / 2)[place]
    return mean


def _sample(fraud: NDArray[np.bool_]) -> NDArray[np.intp]:
    """At most `_SAMPLE` rows in their order, with up to half of them fraud."""
    if len(fraud) <= _SAMPLE:
        return np.arange(len(fraud))
    rng = np.random.default_rng(0)
    taken = [
        rng.choice(rows, min(len(rows), _SAMPLE // 2), replace=False)
        for rows in (np.flatnonzero(fraud), np.flatnonzero(~fraud))
    ]
    return np.sort(np.concatenate(taken))


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
