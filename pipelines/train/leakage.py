"""Does a feature know the answer? Checked on the training claims, before a model is trained."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.evaluation import roc_auc
from pipelines.train.errors import LeakageError

MOST_AUC = 0.98
"""A single feature that ranks better than this was made from the answer."""
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
"""Fields that exist only once the claim was decided or looked into: none may be a feature."""
AMOUNT = "amount"
COMPARED = ("amount_to_", "amount_score_", "amount_percentile_")
"""Beginnings of the features that compare the claim's own amount with earlier ones."""
_SAMPLE = 200_000


@dataclass(frozen=True, slots=True)
class Suspect:
    """A feature and how well it ranks alone; `missing` says that it is its absence that ranks."""

    feature: str
    auc: float
    missing: bool


def single_feature_auc(x: NDArray[np.float32], fraud: NDArray[np.bool_], features: Sequence[str]) -> list[Suspect]:
    """How well each feature ranks alone, either way round, and how well its absence does; best first."""
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
            # Where a feature is mostly absent, a perfect ranking of the few it has is no proof.
            weight = present[fraud[rows]].mean()
            found.append(Suspect(name, 0.5 + (max(auc, 1 - auc) - 0.5) * float(weight), missing=False))
        if absent.any() and present.any():
            auc = roc_auc(fraud[rows], absent.astype(np.float64))
            found.append(Suspect(name, max(auc, 1 - auc), missing=True))
    return sorted(found, key=lambda suspect: -suspect.auc)


def refuse_leakage(
    x: NDArray[np.float32], fraud: NDArray[np.bool_], features: Sequence[str], *, trusted: Collection[str] = ()
) -> list[Suspect]:
    """Raise `LeakageError` for a feature known only after the decision, or one that ranks over `MOST_AUC` alone.

    `trusted` features may rank as they like. So may the comparisons of the amount where the amount itself does not: it
    is what the claim asks for, and its excess alone may tell. Returns every feature with how well it ranks alone, for
    the record.
    """
    after = sorted(set(features) & POST_DECISION)
    if after:
        raise LeakageError(
            f"{', '.join(after)} is known only after a claim was decided; a model asked before would never have it: "
            "leave it out"
        )
    suspects = single_feature_auc(x, fraud, features)
    over = [suspect for suspect in suspects if suspect.auc > MOST_AUC and suspect.feature not in trusted]
    asked = AMOUNT in features and all(suspect.feature != AMOUNT for suspect in over)
    caught = [suspect for suspect in over if suspect.missing or not (asked and suspect.feature.startswith(COMPARED))]
    if caught:
        first = caught[0]
        how = "whether it is missing" if first.missing else "its value"
        raise LeakageError(
            f"feature {first.feature} alone ranks the training claims with AUC {first.auc:.4f} (by {how}), over "
            f"{MOST_AUC}: it looks made from the answer. Mend its source or leave it out (--without {first.feature}); "
            f"if it is honestly known before the decision, say so (--trust {first.feature})"
        )
    return suspects
