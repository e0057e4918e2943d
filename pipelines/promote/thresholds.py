"""Compare thresholds of a model, and store the chosen one with who chose it and why.

A model's folder is never edited: choosing creates a new version with the same trees, registered as the candidate, which
the gates check like any other. Thresholds are compared on one half of the newest window, by provider; the other half is
the newest window of the new version, so that no claim both chooses and evaluates a threshold.
"""

from dataclasses import dataclass
from pathlib import Path

from core import clock
from core.settings import settings
from models import registry
from models.artefact import (
    Artefact,
    ModelDocument,
    ThresholdRecord,
    canonical_json,
    load_artefact,
    models_folder,
    version_of,
    write_artefact,
)
from models.evaluation import (
    ThresholdChoice,
    evaluate_threshold,
    threshold_by_capacity,
    threshold_by_cost,
    threshold_table,
)
from models.registry import MlflowStore, RegisteredModel, RunRecord
from pipelines import audit_trail
from pipelines.datasets import labels_file
from pipelines.evaluate import (
    MODEL,
    THRESHOLDS_CHOSEN,
    GroupFalsePositives,
    Provenance,
    Window,
    false_positives_by_group,
)
from pipelines.promote.errors import UnnamedForceError
from pipelines.run_data import RunKind, run_tags
from pipelines.runs import command_line, git_commit


@dataclass(frozen=True, slots=True)
class ThresholdOptions:
    """Thresholds with their metrics on the choosing half of the newest window."""

    model: str
    current: ThresholdChoice
    requested: ThresholdChoice
    choices: tuple[ThresholdChoice, ...]
    group_false_positives: tuple[GroupFalsePositives, ...]
    """The groups with the highest false-positive rates at the requested threshold."""


def threshold_options(
    artefact: Artefact,
    window: Window,
    *,
    reviews_a_week: float | None = None,
    review_cents: float | None = None,
    threshold: float | None = None,
) -> ThresholdOptions:
    """Compute thresholds on the choosing half of the newest window: by capacity, by the cost of a review, or a number.

    Raises `ThresholdError`, and `OverlapError` where no claim is left to choose on.
    """
    claims = window.choosing(artefact).evaluation_set(artefact)
    p = claims.probabilities[MODEL]
    labelled = claims.labelled_scores(MODEL, claims_a_day=window.claims_a_day)
    cost = review_cents or 0.0
    current = evaluate_threshold(labelled, artefact.threshold, review_cents=cost)
    requested = current
    if threshold is not None:
        requested = evaluate_threshold(labelled, threshold, review_cents=cost)
    elif reviews_a_week is not None:
        requested = threshold_by_capacity(labelled, reviews_a_week / 7, review_cents=cost)
    elif review_cents is not None:
        requested = threshold_by_cost(labelled, review_cents)
    groups = false_positives_by_group(claims, p >= requested.threshold, replicates=100)
    worst = sorted(groups, key=lambda row: -row.false_positive_rate)[:8]
    table = threshold_table(labelled, review_cents=cost)
    few = tuple(choice for choice in table if choice.alerts_per_day <= window.claims_a_day / 5)
    return ThresholdOptions(artefact.version, current, requested, few, tuple(worst))


def choose_threshold(
    home: Path,
    artefact: Artefact,
    choice: ThresholdChoice,
    *,
    by: str,
    why: str,
    how: str,
    store: MlflowStore | None = None,
) -> RegisteredModel:
    """Register the same model at another threshold as the candidate, and record who chose it and why.

    Raises `UnnamedForceError` without a name or a reason.
    """
    if not by.strip() or not why.strip():
        raise UnnamedForceError("choosing a threshold requires --by NAME and --reason TEXT")
    document = _chosen(artefact, choice, by=by, why=why, how=how)
    path, manifest = write_artefact(
        models_folder(home),
        model=artefact.model,
        document=document,
        tables=artefact.tables,
        peers=artefact.peers,
    )
    made = load_artefact(path, expected_manifest_sha256=manifest)
    store = store or MlflowStore.of(home, settings().mlflow_url)
    record = _run_of(made, choice, by=by, why=why, of=artefact.version)
    registered = registry.register(store, record, made, labels=labels_file(home, made.document))
    audit_trail.record(
        home, "threshold", version=made.version, by=by, reason=why, previous=artefact.version,
        threshold=choice.threshold,
    )  # fmt: skip
    return registered


def _chosen(artefact: Artefact, choice: ThresholdChoice, *, by: str, why: str, how: str) -> ModelDocument:
    """The document of the same model at another threshold, under a version of its own."""
    chosen = ThresholdRecord.with_effect(
        choice.as_dict(),
        how=how,
        by=by,
        why=why,
        reviews_a_week=artefact.document.threshold_choice.reviews_a_week,
        at=clock.now().isoformat(timespec="seconds"),
        of=artefact.version,
    )
    day = f"{artefact.version[:4]}-{artefact.version[4:6]}-{artefact.version[6:8]}"
    salt = canonical_json([choice.threshold, chosen.model_dump(), artefact.version]).decode()
    return artefact.document.model_copy(
        update={
            "version": version_of(artefact.model, trained_until=day, salt=salt),
            "threshold": choice.threshold,
            "threshold_choice": chosen,
            "provenance": {
                **artefact.document.provenance,
                THRESHOLDS_CHOSEN: Provenance.thresholds_chosen(artefact) + 1,
            },
        }
    )


def _run_of(made: Artefact, choice: ThresholdChoice, *, by: str, why: str, of: str) -> RunRecord:
    """What the run in MLflow states about a threshold chosen for the model `of`."""
    dataset = str(made.document.provenance.get("dataset", ""))
    return RunRecord(
        name=made.version,
        command=command_line(),
        git_commit=git_commit(),
        params={"threshold": choice.threshold, "of": of, "by": by, "why": why},
        metrics={f"threshold.{name}": value for name, value in choice.as_dict().items()},
        tags=run_tags(RunKind.THRESHOLD, dataset=dataset, model=made.version, use=made.document.use_name)
        | {"ginja.threshold_of": of},
    )
