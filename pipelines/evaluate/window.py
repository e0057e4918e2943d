"""The newest window: the latest labelled claims of a data set that none of the evaluated models was trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core import clock
from models.artefact import Artefact
from pipelines.datasets import (
    Examples,
    Slices,
    Source,
    as_of_us,
    ensure_features,
    examples_of,
    open_named,
    read_vectors,
    split_examples,
)
from pipelines.evaluate.errors import OverlapError
from pipelines.evaluate.evaluation_set import MODEL, EvaluationSet, evaluation_set_of
from pipelines.evaluate.provenance import Provenance


@dataclass(frozen=True, slots=True)
class Window:
    """Examples of a data set and the rows of its newest window."""

    source: Source
    examples: Examples
    slices: Slices
    rows: NDArray[np.intp]

    @property
    def claims_a_day(self) -> float:
        """Claims received a day, over all of the data."""
        return self.examples.claims_a_day

    def evaluation_set(self, artefact: Artefact) -> EvaluationSet:
        """The window's claims with the scores of `artefact` as the model's."""
        refit = artefact.document.provenance.get("refit") is True
        claims = evaluation_set_of(self.examples, self.rows, self.slices.learned if refit else self.slices.train)
        self.add(claims, artefact)
        return claims

    def add(self, claims: EvaluationSet, artefact: Artefact, *, name: str = MODEL) -> None:
        """Add a model's scores and probabilities under `name`."""
        add_model(claims, artefact, self.examples, self.rows, name=name)


def add_model(
    claims: EvaluationSet, artefact: Artefact, examples: Examples, rows: NDArray[np.intp], *, name: str = MODEL
) -> None:
    """Add a model's scores and probabilities for `rows` to an evaluation set under `name`."""
    margins = artefact.margins(examples.matrix(rows, artefact.schema))
    claims.scores[name] = margins.astype(np.float64)
    claims.probabilities[name] = artefact.calibrator.probabilities(margins)


def newest_window(
    home: Path, artefact: Artefact, *, source: Source | None = None, also: Sequence[Artefact] = ()
) -> Window:
    """The newest window of the data set a model was trained on (or of `source`), as the data are now.

    On the data it was trained on these are the claims that were kept out of its training. On newer data they are the
    newest; claims that it, or one of `also`, may have been trained on are left out. Raises `OverlapError` where none is
    left, `ProvenanceError` where a model does not state what it was trained on.
    """
    provenance = Provenance.of(artefact)
    source = source or open_named(provenance.dataset, home)
    same_data = source.sha256 == provenance.data_sha256
    ensure_features(source)
    moment = as_of_us(source, clock.from_micros(provenance.as_of_us) if same_data else None)
    examples = examples_of(read_vectors(source, as_of_us=moment), source.weights, source.attributes)
    slices = split_examples(examples, source, provenance.policy, as_of_us=moment)
    rows = slices.test
    if source.label_of == "claim":
        since = max(_trained_until(source, (artefact, *also)), default=slices.test_from_us)
        rows = rows[examples.received_us[rows] >= since]
        if not examples.fraud[rows].any():
            raise OverlapError(
                f"the newest window of {source.name} has no fraud after {clock.from_micros(since):%Y-%m-%d}, up to "
                "which a model was trained; wait for newer labels"
            )
    return Window(source, examples, slices, rows)


def _trained_until(source: Source, models: Sequence[Artefact]) -> list[int]:
    """From when on each model that may have learned from these claims left them out, in microseconds.

    Another data set of the same use may hold the same claims.
    """
    trained = [Provenance.of(one) for one in models]
    uses = {source.use, *(one.use for one in trained if one.dataset == source.name)}
    return [one.test_from_us for one in trained if one.dataset == source.name or one.use in uses]
