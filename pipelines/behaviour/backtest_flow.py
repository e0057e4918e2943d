"""`ginja policy backtest`: the claims of a home, the model that serves, and the policy over them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

from core.clock import DAY_US
from models.artefact import Artefact, load_pointed, read_pointer
from models.scorer import Scorer
from pipelines.behaviour.policy_backtest import Backtest, backtest
from pipelines.behaviour.submissions import read_submissions
from pipelines.datasets import (
    EmptyWindowError,
    Examples,
    Source,
    as_of_us,
    ensure_features,
    examples_of,
    open_named,
    read_vectors,
)
from pipelines.evaluate import Provenance, latest, named


def run_backtest(
    home: Path,
    *,
    dataset: str,
    version: str | None = None,
    with_model: bool = True,
    days: int = 90,
    maximum: int = 20_000,
    step: Callable[[str], None] = lambda words: None,
) -> Backtest:
    """Run the policy of the settings over the labelled claims of the last `days`, at most the newest `maximum`.

    Claims that the model was trained on are left out. Raises `EmptyWindowError` where none is left, `DataError` for
    data that cannot be read, `NoModelError` without a model.
    """
    source = open_named(dataset, home)
    artefact = _model(home, dataset, version) if with_model else None
    step("Reading the claims and their history")
    ensure_features(source)
    moment = as_of_us(source, None)
    examples = examples_of(read_vectors(source, as_of_us=moment), source.weights, source.attributes)
    newest = min(moment, int(examples.received_us[-1]))
    since = max(newest - days * DAY_US, _trained_until(artefact, source))
    rows = _rows(examples, since, maximum)
    if not len(rows):
        raise EmptyWindowError(
            f"no labelled claim of {source.name} in the last {days} days that the model was not trained on; "
            "take more days, or --no-model"
        )
    found = read_submissions(source, examples.claims.take(pa.array(rows)), examples.fraud[rows])
    return backtest(source, found.claims, scorer=None if artefact is None else Scorer(artefact), step=step)


def _model(home: Path, dataset: str, version: str | None) -> Artefact:
    if version is not None:
        return named(home, version)
    pointer = read_pointer(home)
    return latest(home, dataset) if pointer is None else load_pointed(home, pointer)


def _trained_until(artefact: Artefact | None, source: Source) -> int:
    """Until when the model was trained on these data; with labels of providers it was trained on all times."""
    if artefact is None or source.label_of != "claim":
        return 0
    provenance = Provenance.of(artefact)
    return provenance.test_from_us if provenance.dataset == source.name else 0


def _rows(examples: Examples, since_us: int, maximum: int) -> "np.ndarray[tuple[int], np.dtype[np.intp]]":
    """Rows of the newest claims received since then, at most `maximum`, that were not voided."""
    valid = examples.claims["voided_at"].is_null().to_numpy()
    return np.flatnonzero((examples.received_us >= since_us) & valid)[-maximum:]
