"""The newest window: the latest labelled claims of a data set that none of the models judged has learned from."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core import clock
from core.settings import settings
from models.artefact import Artefact
from pipelines.evaluate.errors import OverlapError
from pipelines.evaluate.judged import MODEL, Judged, judged_of
from pipelines.train import steps
from pipelines.train.dataset import Source, open_named
from pipelines.train.examples import Examples, examples_of
from pipelines.train.options import TrainOptions
from pipelines.train.split import Slices, SplitPolicy

OFFLINE_ONLY = "redis://127.0.0.1:1/0"


@dataclass(frozen=True, slots=True)
class Window:
    """Examples of a data set and the rows of its newest window."""

    source: Source
    examples: Examples
    slices: Slices
    rows: NDArray[np.intp]

    @property
    def claims_a_day(self) -> float:
        """Claims received a day over the whole of the data."""
        return steps.claims_a_day(self.examples)

    def judged_with(self, artefact: Artefact) -> Judged:
        """The window's claims with the scores of `artefact` as the model's."""
        judged = judged_of(self.examples, self.rows, self.slices.train)
        self.add(judged, artefact)
        return judged

    def add(self, judged: Judged, artefact: Artefact, *, name: str = MODEL) -> None:
        """Put a model's scores and probabilities beside the others'."""
        add_model(judged, artefact, self.examples, self.rows, name=name)


def add_model(
    judged: Judged, artefact: Artefact, examples: Examples, rows: NDArray[np.intp], *, name: str = MODEL
) -> None:
    """Put a model's scores and probabilities beside the others'."""
    margins = artefact.booster.inplace_predict(examples.matrix(rows, artefact.features), predict_type="margin")
    judged.scores[name] = margins.astype(np.float64)
    judged.probabilities[name] = artefact.calibrator.probabilities(margins)


def policy_of(artefact: Artefact) -> SplitPolicy:
    """The split a model was trained with."""
    return SplitPolicy(**artefact.document.provenance.get("policy", {}))


def newest_window(
    home: Path, artefact: Artefact, *, source: Source | None = None, also: Sequence[Artefact] = ()
) -> Window:
    """The newest window of the data set a model was trained on (or of `source`), as the data are now.

    On the data it was trained on these are the very claims that were kept from it. On newer data they are the newest;
    claims that it, or one of `also`, could have learned from are left out. Raises `OverlapError` where none is left.
    """
    provenance = artefact.document.provenance
    if source is None:
        source = open_named(str(provenance.get("dataset", "simulated")), home, settings().data_dir)
    options = TrainOptions(policy=policy_of(artefact))
    if source.sha256 == provenance.get("data_sha256"):
        options = TrainOptions(policy=options.policy, as_of=clock.from_micros(int(provenance["as_of_us"])))
    steps.ensure_features(source, OFFLINE_ONLY)
    moment = steps.as_of(source, options)
    examples = examples_of(steps.read_vectors(source, as_of_us=moment), source.weights)
    slices = steps.split(examples, source, options, as_of_us=moment)
    rows = slices.test
    if source.label_of == "claim":
        taught = [one.document.provenance for one in (artefact, *also)]
        since = max(
            (int(p["test_from_us"]) for p in taught if p.get("dataset") == source.name), default=slices.test_from_us
        )
        rows = rows[examples.received_us[rows] >= since]
        if not examples.fraud[rows].any():
            raise OverlapError(
                f"no fraud in the newest window of {source.name} after {clock.from_micros(since):%Y-%m-%d}, up to "
                "which a model was taught; wait for newer labels"
            )
    return Window(source, examples, slices, rows)
