"""The newest window: the latest labelled claims of a data set that none of the evaluated models was trained on."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
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
    score_population,
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
        """Claims received a day over all of the data, with a label or without."""
        return self.examples.claims_a_day

    def choosing(self, artefact: Artefact) -> "Window":
        """The half of the window, by provider, on which a threshold of the model is chosen.

        The other half is the newest window of the model with the chosen threshold. Raises `OverlapError` where this
        half has no claim.
        """
        chosen = Provenance.thresholds_chosen(artefact)
        rows = self.rows[_halvings(self.examples, self.rows) == chosen]
        if not len(rows):
            raise OverlapError(
                f"no claim of {self.source.name} is left to choose a threshold of {artefact.version} on, after "
                f"{chosen} choices; wait for newer labels, or choose one of the model it was made from"
            )
        return replace(self, rows=rows)

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
    """Add a model's scores and probabilities for `rows`, and for all claims of their days, under `name`."""
    margins = artefact.margins(examples.matrix(rows, artefact.schema))
    claims.scores[name] = margins.astype(np.float64)
    claims.probabilities[name] = artefact.calibrator.probabilities(margins)
    everything = score_population(
        examples,
        rows,
        claims.probabilities[name],
        artefact.schema,
        lambda x: artefact.calibrator.probabilities(artefact.margins(x)),
    )
    if everything is not None:
        claims.everything[name] = everything


def newest_window(
    home: Path, artefact: Artefact, *, source: Source | None = None, also: Sequence[Artefact] = ()
) -> Window:
    """The newest window of the data set a model was trained on (or of `source`), as the data are now.

    On the data it was trained on these are the claims that were kept out of its training. On newer data they are the
    newest; claims that it, or one of `also`, may have been trained on are left out, and those on which its threshold
    was chosen. Raises `OverlapError` where none is left, `ProvenanceError` where a model does not state what it was
    trained on.
    """
    provenance = Provenance.of(artefact)
    source = source or open_named(provenance.dataset, home)
    same_data = source.sha256 == provenance.data_sha256
    ensure_features(source)
    moment = as_of_us(source, clock.from_micros(provenance.as_of_us) if same_data else None)
    examples = examples_of(read_vectors(source, as_of_us=moment), source.weights, source.attributes)
    slices = split_examples(examples, source, provenance.policy, as_of_us=moment)
    return window_of(source, examples, slices, artefact, also=also)


def window_of(
    source: Source, examples: Examples, slices: Slices, artefact: Artefact, *, also: Sequence[Artefact] = ()
) -> Window:
    """The claims of the test slice that neither trained a model nor chose the threshold of `artefact`.

    Raises `OverlapError` where none is left.
    """
    rows = slices.test
    if source.label_of == "claim":
        since = max(_trained_until(source, (artefact, *also)), default=slices.test_from_us)
        rows = rows[examples.received_us[rows] >= since]
        if not examples.fraud[rows].any():
            raise OverlapError(
                f"the newest window of {source.name} has no fraud after {clock.from_micros(since):%Y-%m-%d}, up to "
                "which a model was trained; wait for newer labels"
            )
    chosen = Provenance.thresholds_chosen(artefact)
    if chosen:
        rows = rows[_halvings(examples, rows) >= chosen]
        if not examples.fraud[rows].any():
            raise OverlapError(
                f"the newest window of {source.name} has no fraud beside the claims on which the threshold of "
                f"{artefact.version} was chosen; wait for newer labels"
            )
    return Window(source, examples, slices, rows)


def _halvings(examples: Examples, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """How many choices of a threshold leave each claim out (N,): 0 for half of the providers, 1 for a quarter, ...

    By a hash of the provider, or of the claim where it is unknown.
    """
    units: dict[str, int] = {}
    found = np.empty(len(rows), dtype=np.intp)
    ids = examples.claims["claim_id"]
    for place, row in enumerate(rows.tolist()):
        provider = examples.providers[row]
        unit = f"claim {ids[row].as_py()}" if provider is None else f"provider {provider}"
        if unit not in units:
            digest = int.from_bytes(hashlib.sha256(f"threshold:{unit}".encode()).digest()[:8])
            units[unit] = 64 - (digest ^ (2**64 - 1)).bit_length()  # leading ones
        found[place] = units[unit]
    return found


def _trained_until(source: Source, models: Sequence[Artefact]) -> list[int]:
    """From when on each model that may have learned from these claims left them out, in microseconds.

    Another data set of the same use may hold the same claims.
    """
    trained = [Provenance.of(one) for one in models]
    uses = {source.use, *(one.use for one in trained if one.dataset == source.name)}
    return [one.test_from_us for one in trained if one.dataset == source.name or one.use in uses]
