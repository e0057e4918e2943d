"""The pictures of an evaluation, for MLflow and for the page."""

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.artefact import Artefact
from models.evaluation import figures
from models.scorer import Scorer
from pipelines.evaluate.judged import AMOUNT, CHAMPION, LOGISTIC, MODEL, RULE, Judged

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_EXPLAINED = 20_000
"""Judged claims whose contributions are drawn."""


@dataclass(frozen=True, slots=True)
class Drawings:
    """Pictures by file name, and the features that move the judged claims most, strongest first."""

    figures: dict[str, "Figure"]
    strongest: list[tuple[str, float]]

    def encoded(self) -> dict[str, str]:
        """Each picture as PNG in base64, by its name without the ending."""
        found = {}
        for name, figure in self.figures.items():
            out = io.BytesIO()
            figure.savefig(out, format="png")
            found[name.removesuffix(".png").replace("_", " ")] = base64.b64encode(out.getvalue()).decode()
        return found


def draw(artefact: Artefact, judged: Judged, x: NDArray[np.float32]) -> Drawings:
    """Pictures of the model on the judged claims; `x` are their vectors in the model's schema."""
    _, phi, _ = Scorer(artefact).explain(x[:_EXPLAINED])
    strength = np.abs(phi).mean(axis=0)
    order = np.argsort(-strength)[:15]
    kinds = [str(kind or "fraud") if fraud else "clean" for kind, fraud in zip(judged.kind, judged.fraud, strict=True)]
    shown = {name: judged.scores[name] for name in (MODEL, RULE, AMOUNT, LOGISTIC, CHAMPION) if name in judged.scores}
    probabilities = judged.probabilities[MODEL]
    drawn = {
        "precision_recall.png": figures.precision_recall(judged.fraud, shown),
        "gains.png": figures.gains(judged.fraud, judged.amounts_cents, shown),
        "calibration.png": figures.calibration(judged.fraud, probabilities),
        "contributions.png": figures.contributions(artefact.features, phi),
        "confusion.png": figures.confusion(kinds, probabilities >= artefact.threshold),
    }
    return Drawings(drawn, [(artefact.features[i], float(strength[i])) for i in order])
