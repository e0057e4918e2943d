"""Every other family of models, trained like the evaluated one and scored on the same claims."""

from collections.abc import Callable
from dataclasses import dataclass, field

from models.artefact import Artefact
from models.families import FAMILIES, installed
from pipelines.evaluate import EvaluationSet, Window
from pipelines.train import steps
from pipelines.train.options import TrainOptions


@dataclass(slots=True)
class Contenders:
    """Adds the families to an evaluation; with default parameters, on the features and slices of the model."""

    step: Callable[[str], None] = lambda words: None
    missing: list[str] = field(default_factory=list)
    """Families whose library is not installed, so that they are not compared."""

    def add(self, claims: EvaluationSet, window: Window, artefact: Artefact) -> None:
        """Train each family on the claims before the window, and add its scores and probabilities to `claims`."""
        again = artefact.document.provenance.get("refit") is True
        x = window.examples.matrix(window.rows, artefact.schema)
        for family in FAMILIES:
            if family.spec == artefact.document.family:
                continue
            if not installed(family.library):
                self.missing.append(family.spec)
                continue
            self.step(f"Training a model of the family {family.spec}")
            options = TrainOptions(family=family, refit="always" if again else "never")
            model = steps.fit(window.examples, window.slices, artefact.schema, options)
            margins = model.margins(x)
            claims.scores[family.spec] = margins.astype(float)
            claims.probabilities[family.spec] = model.calibrator.probabilities(margins)
