"""The threshold as a decision of people: what each would mean, and the one chosen, with who chose it and why.

A model's folder is never edited: choosing makes a new version with the same trees, registered as the candidate, which
the gates look at like any other.
"""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core import clock
from core.settings import settings
from models import registry
from models.artefact import Artefact, canonical_json, load_artefact, models_folder, version_of, write_artefact
from models.evaluation import (
    LabelledScores,
    ThresholdChoice,
    evaluate_threshold,
    threshold_by_capacity,
    threshold_by_cost,
    threshold_table,
)
from models.registry import MlflowStore, RegisteredModel, RunRecord
from pipelines.evaluate.abrasion import abrasion
from pipelines.evaluate.judged import MODEL
from pipelines.evaluate.record import git_commit
from pipelines.evaluate.window import Window
from pipelines.promote import audit
from pipelines.promote.errors import UnnamedForceError
from pipelines.train.record import requirements


@dataclass(frozen=True, slots=True)
class Options:
    """What thresholds would mean on the newest window, and the one that was asked about."""

    model: str
    now: ThresholdChoice
    asked: ThresholdChoice
    choices: tuple[ThresholdChoice, ...]
    hit: tuple[dict[str, Any], ...]
    """Whom false alarms of the asked threshold hit most."""


def options(
    artefact: Artefact,
    window: Window,
    *,
    reviews_a_week: float | None = None,
    review_cents: float | None = None,
    threshold: float | None = None,
) -> Options:
    """Thresholds on the newest window: by capacity, by what a review costs, or a number. Raises `ThresholdError`."""
    judged = window.judged_with(artefact)
    p = judged.probabilities[MODEL]
    labelled = LabelledScores(p, judged.fraud, judged.amounts_cents, len(judged) / window.claims_a_day)
    cost = review_cents or 0.0
    now = evaluate_threshold(labelled, artefact.threshold, review_cents=cost)
    asked = now
    if threshold is not None:
        asked = evaluate_threshold(labelled, threshold, review_cents=cost)
    elif reviews_a_week is not None:
        asked = threshold_by_capacity(labelled, reviews_a_week / 7, review_cents=cost)
    elif review_cents is not None:
        asked = threshold_by_cost(labelled, review_cents)
    groups = abrasion(judged, p >= asked.threshold, replicates=100)
    hit = sorted(groups, key=lambda row: -float(row["false_positive_rate"]))[:8]
    few = tuple(
        choice
        for choice in threshold_table(labelled, review_cents=cost)
        if choice.alerts_per_day <= window.claims_a_day / 5
    )
    return Options(artefact.version, now, asked, few, tuple(hit))


def choose(
    home: Path,
    artefact: Artefact,
    choice: ThresholdChoice,
    *,
    by: str,
    why: str,
    how: str,
    store: MlflowStore | None = None,
) -> RegisteredModel:
    """Register the same model at another threshold as the candidate, and note who chose it and why."""
    if not by.strip() or not why.strip():
        raise UnnamedForceError("a threshold is chosen by somebody for a reason: --by NAME and --why TEXT")
    before = artefact.document
    chosen = {
        **before.threshold_choice,
        "how": how,
        "by": by,
        "why": why,
        "at": clock.now().isoformat(timespec="seconds"),
        "of": artefact.version,
        **{name: value for name, value in choice.as_dict().items() if np.isfinite(value)},
    }
    salt = canonical_json([choice.threshold, chosen, artefact.version]).decode()
    day = f"{artefact.version[:4]}-{artefact.version[4:6]}-{artefact.version[6:8]}"
    document = before.model_copy(
        update={
            "version": version_of(artefact.booster, trained_until=day, salt=salt),
            "threshold": choice.threshold,
            "threshold_choice": chosen,
        }
    )
    path, manifest = write_artefact(
        models_folder(home), booster=artefact.booster, document=document, tables=artefact.tables
    )
    record = RunRecord(
        name=document.version,
        command=shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        git_commit=git_commit(),
        params={"threshold": choice.threshold, "of": artefact.version, "by": by, "why": why},
        metrics={f"threshold.{name}": value for name, value in choice.as_dict().items()},
        tags={"ginja.dataset": str(before.provenance.get("dataset", "")), "ginja.threshold_of": artefact.version},
        requirements=requirements(),
    )
    made = load_artefact(path, expected_manifest_sha256=manifest)
    registered = registry.register(store or MlflowStore.of(home, settings().mlflow_url), record, made)
    audit.record(
        home, "threshold", version=document.version, by=by, reason=why, previous=artefact.version,
        threshold=choice.threshold,
    )  # fmt: skip
    return registered
