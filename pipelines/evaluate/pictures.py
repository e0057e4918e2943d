"""The charts of an evaluation, for MLflow and for the page."""

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.artefact import Artefact
from models.evaluation import figures
from pipelines.evaluate.evaluation_set import AMOUNT, CHAMPION, LOGISTIC, MODEL, RULE, EvaluationSet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_EXPLAINED = 20_000
"""Evaluated claims whose contributions are drawn."""


@dataclass(frozen=True, slots=True)
class Drawings:
    """Charts by file name, and the features with the largest mean contribution, strongest first."""

    figures: dict[str, "Figure"]
    strongest: list[tuple[str, float]]

    def encoded(self) -> dict[str, str]:
        """Each chart as PNG in base64, by its title."""
        found = {}
        for name, figure in self.figures.items():
            out = io.BytesIO()
            figure.savefig(out, format="png")
            found[name.removesuffix(".png").replace("_", " ")] = base64.b64encode(out.getvalue()).decode()
        return found


def draw(artefact: Artefact, claims: EvaluationSet, x: NDArray[np.float32]) -> Drawings:
    """Draw the charts of the model on the evaluated claims; `x` (N, features) are their vectors in its schema."""
    kinds = [str(kind or "fraud") if fraud else "clean" for kind, fraud in zip(claims.kind, claims.fraud, strict=True)]
    shown = {name: claims.scores[name] for name in (MODEL, RULE, AMOUNT, LOGISTIC, CHAMPION) if name in claims.scores}
    probabilities = claims.probabilities[MODEL]
    drawn = {
        "precision_recall.png": figures.precision_recall(claims.fraud, shown),
        "gains.png": figures.gains(claims.fraud, claims.amounts_cents, shown),
        "calibration.png": figures.calibration(claims.fraud, probabilities),
        "confusion.png": figures.confusion(kinds, probabilities >= artefact.threshold),
    }
    if artefact.explainer is None:
        return Drawings(drawn, [])
    _, phi = artefact.explainer.explain_many(x[:_EXPLAINED])
    drawn["contributions.png"] = figures.contributions(artefact.features, phi)
    strength = np.abs(phi).mean(axis=0)
    return Drawings(drawn, [(artefact.features[i], float(strength[i])) for i in np.argsort(-strength)[:15]])
