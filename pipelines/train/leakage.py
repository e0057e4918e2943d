"""Check the training claims for features that reveal the label, before a model is trained."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from claims.attributes import PREFIX
from models.evaluation import roc_auc
from pipelines.train.errors import LeakageError

MAX_AUC = 0.98
"""A single feature that ranks better than this is assumed to be derived from the label."""
POST_DECISION = frozenset(
    {
        "approved_cents",
        "case_id",
        "case_status",
        "closed_at",
        "decided_by",
        "decision",
        "denied_cents",
        "disposition",
        "fraud_flag",
        "investigator",
        "is_fraud",
        "kind",
        "known_at",
        "label",
        "outcome",
        "paid_cents",
        "recovered_cents",
        "rejected",
        "replaces",
        "review_note",
        "score",
        "status",
        "voided_at",
    }
)
"""Fields that exist only after a claim was decided or investigated: none may be a feature."""
AMOUNT = "amount"
AMOUNT_COMPARISONS = ("amount_to_", "amount_score_", "amount_percentile_")
"""Prefixes of the features that compare the claim's own amount with earlier amounts."""
_SAMPLE = 200_000


@dataclass(frozen=True, slots=True)
class FeatureAuc:
    """How well one feature ranks alone; `missing`: by whether its value is missing."""

    feature: str
    auc: float
    missing: bool


def single_feature_auc(x: NDArray[np.float32], fraud: NDArray[np.bool_], features: Sequence[str]) -> list[FeatureAuc]:
    """How well each feature ranks alone, in either direction, by its value and by whether it is missing; best first.

    `x` is (N, features). Raises `LeakageError` where a feature cannot be measured: without both classes, or without a
    column of its own.
    """
    if x.shape[1] != len(features):
        raise LeakageError(f"{len(features)} features for {x.shape[1]} columns: leakage cannot be measured")
    if not fraud.any() or fraud.all():
        raise LeakageError("the training claims are all of one class: leakage cannot be measured")
    rows = np.arange(len(x))
    if len(x) > _SAMPLE:
        rng = np.random.default_rng(0)
        negatives = np.flatnonzero(~fraud)
        rows = np.concatenate(
            [np.flatnonzero(fraud), rng.choice(negatives, min(_SAMPLE, len(negatives)), replace=False)]
        )
    found = []
    for place, name in enumerate(features):
        column = x[rows, place].astype(np.float64)
        absent = np.isnan(column)
        present = ~absent
        both = fraud[rows][present]
        if both.any() and not both.all():
            auc = roc_auc(both, column[present])
            # Where a feature is mostly missing, a perfect ranking of the few values is no evidence.
            weight = present[fraud[rows]].mean()
            found.append(FeatureAuc(name, 0.5 + (max(auc, 1 - auc) - 0.5) * float(weight), missing=False))
        if absent.any() and present.any():
            auc = roc_auc(fraud[rows], absent.astype(np.float64))
            found.append(FeatureAuc(name, max(auc, 1 - auc), missing=True))
    unmeasured = sorted(set(features) - {one.feature for one in found if math.isfinite(one.auc)})
    if unmeasured:
        raise LeakageError(f"leakage cannot be measured for {', '.join(unmeasured)}: leave it out (--without)")
    return sorted(found, key=lambda one: -one.auc)


def refuse_leakage(
    x: NDArray[np.float32], fraud: NDArray[np.bool_], features: Sequence[str], *, trusted: Collection[str] = ()
) -> list[FeatureAuc]:
    """Raise `LeakageError` for a feature known only after the decision, or one that alone ranks above `MAX_AUC`.

    `trusted` features are exempt. So are comparisons of the amount where the amount itself ranks below the limit: an
    excessive amount alone may identify fraud; `leak_checks` warns of them. Returns the measurement of every feature.
    """
    after = sorted(name for name in features if name.removeprefix(PREFIX) in POST_DECISION)
    if after:
        raise LeakageError(
            f"{', '.join(after)} is known only after a claim was decided and is never available to the scorer: "
            "leave it out"
        )
    measured = single_feature_auc(x, fraud, features)
    over = [one for one in measured if one.auc > MAX_AUC and one.feature not in trusted]
    amount_ranks_less = AMOUNT in features and all(one.feature != AMOUNT for one in over)
    leaking = [
        one for one in over if one.missing or not (amount_ranks_less and one.feature.startswith(AMOUNT_COMPARISONS))
    ]
    if leaking:
        first = leaking[0]
        how = "whether it is missing" if first.missing else "its value"
        raise LeakageError(
            f"feature {first.feature} alone ranks the training claims with AUC {first.auc:.4f} (by {how}), above "
            f"{MAX_AUC}: it is probably derived from the label. Correct its source or leave it out "
            f"(--without {first.feature}); if it is known before the decision, trust it (--trust {first.feature} "
            "--reason TEXT)"
        )
    return measured
