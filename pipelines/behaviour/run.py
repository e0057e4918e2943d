"""`ginja policy backtest`: the claims of a home, the model that serves, and the policy over them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

from models.artefact import Artefact, load_pointed, read_pointer
from models.scorer import Scorer
from pipelines.behaviour.backtest import Backtest, backtest
from pipelines.behaviour.submissions import read_submissions
from pipelines.evaluate.flow import latest, named
from pipelines.train import steps
from pipelines.train.dataset import Source, open_named
from pipelines.train.errors import EmptyWindowError
from pipelines.train.examples import Examples, examples_of
from pipelines.train.options import TrainOptions
from pipelines.train.split import DAY_US

OFFLINE_ONLY = "redis://127.0.0.1:1/0"


def run_backtest(
    home: Path,
    *,
    dataset: str,
    data_dir: Path,
    version: str | None = None,
    with_model: bool = True,
    days: int = 90,
    most: int = 20_000,
    step: Callable[[str], None] = lambda words: None,
) -> Backtest:
    """Run the policy of the settings over the last `days` of labelled claims, the newest `most` of them.

    Claims that the model learned from are left out. Raises `EmptyWindowError` where none is left, `TrainError` for data
    that cannot be read, `NoModelError` without a model.
    """
    source = open_named(dataset, home, data_dir)
    artefact = _model(home, dataset, version) if with_model else None
    step("Reading the claims and their past")
    steps.ensure_features(source, OFFLINE_ONLY)
    moment = steps.as_of(source, TrainOptions())
    examples = examples_of(steps.read_vectors(source, as_of_us=moment), source.weights)
    since = max(moment - days * DAY_US, _learned_until(artefact, source))
    rows = _rows(examples, since, most)
    if not len(rows):
        raise EmptyWindowError(
            f"no labelled claim of {source.name} in the last {days} days that the model has not learned from; "
            "take more days, or --no-model"
        )
    found = read_submissions(source, examples.claims.take(pa.array(rows)), examples.fraud[rows])
    return backtest(source, found.claims, scorer=None if artefact is None else Scorer(artefact), step=step)


def _model(home: Path, dataset: str, version: str | None) -> Artefact:
    if version is not None:
        return named(home, version)
    pointer = read_pointer(home)
    return latest(home, dataset) if pointer is None else load_pointed(home, pointer)


def _learned_until(artefact: Artefact | None, source: Source) -> int:
    """The moment up to which a model was taught by these data; by provider it is taught at all times."""
    if artefact is None or source.label_of != "claim":
        return 0
    provenance = artefact.document.provenance
    return int(provenance["test_from_us"]) if provenance.get("dataset") == source.name else 0


def _rows(examples: Examples, since_us: int, most: int) -> "np.ndarray[tuple[int], np.dtype[np.intp]]":
    """Places of the newest claims received since then, at most so many, that were not taken back."""
    stands = examples.claims["voided_at"].is_null().to_numpy()
    return np.flatnonzero((examples.received_us >= since_us) & stands)[-most:]
