"""The charts of an evaluation, for MLflow and for the page."""

import base64
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from models.artefact import Artefact
from models.evaluation import figures
from pipelines.evaluate.evaluation import Evaluation
from pipelines.evaluate.evaluation_set import MODEL, EvaluationSet

_EXPLAINED = 20_000
"""Evaluated claims whose contributions are drawn."""


@dataclass(frozen=True, slots=True)
class Drawings:
    """Charts as PNG by file name, and the features with the largest mean contribution, strongest first."""

    figures: dict[str, bytes]
    strongest: list[tuple[str, float]]

    def encoded(self) -> dict[str, str]:
        """Each chart as PNG in base64, by its title."""
        return {
            name.removesuffix(".png").replace("_", " "): base64.b64encode(image).decode()
            for name, image in self.figures.items()
        }


def draw(artefact: Artefact, claims: EvaluationSet, x: NDArray[np.float32], evaluation: Evaluation) -> Drawings:
    """Draw the charts of the model and every baseline on the evaluated claims, with the intervals of the evaluation.

    `x` (N, features) are the vectors of the claims in the model's schema.
    """
    kinds = [str(kind or "fraud") if fraud else "clean" for kind, fraud in zip(claims.kind, claims.fraud, strict=True)]
    fraud, scores, weights, probabilities = claims.fraud, claims.scores, claims.weights, claims.probabilities[MODEL]
    of_ap = {name: metrics.ap for name, metrics in evaluation.rankings.items()}
    of_auc = {name: metrics.auc for name, metrics in evaluation.rankings.items()}
    drawn = {
        "precision_recall.png": figures.precision_recall(fraud, scores, weights=weights, intervals=of_ap),
        "roc.png": figures.roc(fraud, scores, weights=weights, intervals=of_auc),
        "gains.png": figures.gains(fraud, claims.amounts_cents, scores, weights=weights),
        "calibration.png": figures.calibration(fraud, probabilities, weights=weights),
        "confusion.png": figures.confusion(kinds, probabilities >= artefact.threshold, weights=weights),
    }
    if artefact.explainer is None:
        return Drawings(_as_png(drawn), [])
    _, phi = artefact.explainer.explain_many(x[:_EXPLAINED])
    drawn["contributions.png"] = figures.contributions(artefact.features, phi)
    strength = np.abs(phi).mean(axis=0)
    strongest = [(artefact.features[i], float(strength[i])) for i in np.argsort(-strength)[:15]]
    return Drawings(_as_png(drawn), strongest)


def _as_png(drawn: dict[str, Figure]) -> dict[str, bytes]:
    return {name: figures.png(figure) for name, figure in drawn.items()}
