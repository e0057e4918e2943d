"""The steps of training, each data in, data out; `flow.py` names them in their order."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core import clock
from features.feast import TrainingSet, training_set
from features.vector import FEATURE, schema_hash
from models.artefact import Calibration, ModelDocument, version_of
from models.booster import TrainedBooster, TrainingSample, train_booster
from models.calibration import BetaCalibrator, fit_calibrator
from models.errors import TablesTooLargeError, ThresholdError, UnsupportedBoosterError
from models.evaluation import LabelledScores, ThresholdChoice, evaluate_threshold, threshold_by_capacity
from models.explain import FORMAT, LeafTables, TypicalClaim, build_tables, contributions, sample_rows, typical_claim
from models.training_range import TrainingRange, training_range
from pipelines.loop.estimate import MOST_WEIGHT, training_weights
from pipelines.train.dataset import Source
from pipelines.train.errors import DatasetError, EmptyWindowError, FutureLabelsError
from pipelines.train.examples import Examples
from pipelines.train.options import TrainOptions
from pipelines.train.search import Found, search
from pipelines.train.split import DAY_US, Slices, split_by_provider, split_in_time

DEFAULT_REVIEW_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class Model:
    """A trained, calibrated model that is not on disk yet."""

    trained: TrainedBooster
    calibrator: BetaCalibrator
    choice: ThresholdChoice
    features: tuple[str, ...]
    monotone: dict[str, int]
    reviews_a_week: float
    found: Found | None
    training_range: TrainingRange

    def margins(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Log-odds (N,) of vectors in the model's schema."""
        margins: NDArray[np.float32] = self.trained.booster.inplace_predict(x, predict_type="margin")
        return margins

    def probabilities(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """Calibrated probabilities (N,) of vectors in the model's schema."""
        return self.calibrator.probabilities(self.margins(x))


def build_features(source: Source, redis_url: str, *, done: Callable[[str], None] = lambda view: None) -> None:
    """Write the offline features of a data set, and its registry where there is none yet.

    Raises `RegistryChangedError` before anything is built where the registry is not this version's.
    """
    from features.feast import apply, registry_path, verify_registry
    from features.offline import build

    applied = registry_path(source.home).exists()
    if applied:
        verify_registry(source.home)
    _stamp(source).unlink(missing_ok=True)
    build(source.home, source.claims, source.labels, done=done)
    if not applied:
        apply(source.home, redis_url)
    _stamp(source).write_text(_built_from(source))


def ensure_features(source: Source, redis_url: str) -> None:
    """Build the offline features unless they were built from these very claims and labels, as declared now."""
    stamp = _stamp(source)
    if not stamp.exists() or stamp.read_text() != _built_from(source):
        build_features(source, redis_url)


def _built_from(source: Source) -> str:
    from features.feast import layout_hash

    return f"{source.sha256} {layout_hash()}"


def _stamp(source: Source) -> Path:
    return source.home / "features" / "built-from.sha256"


def read_vectors(source: Source, *, as_of_us: int) -> TrainingSet:
    """The vectors of every claim received by then, through Feast. Raises `EmptyWindowError`."""
    built = training_set(
        source.home,
        source.claims,
        source.labels,
        only=f"epoch_us(received_at) <= {as_of_us}",
        labels_as_of_us=as_of_us,
    )
    if len(built.index) == 0:
        raise EmptyWindowError(f"no claim was received by {clock.from_micros(as_of_us):%Y-%m-%d}")
    return built


def as_of(source: Source, options: TrainOptions) -> int:
    """The moment of training in microseconds: the one asked for, or that of the last claim."""
    import pyarrow as pa
    import pyarrow.compute as pc

    last = int(pc.max(source.claims["received_at"]).cast(pa.int64()).as_py())
    return last if options.as_of is None else min(last, clock.micros(options.as_of))


def split(examples: Examples, source: Source, options: TrainOptions, *, as_of_us: int) -> Slices:
    """In time where labels belong to claims, by provider where they are the provider's."""
    if source.label_of == "provider":
        return split_by_provider(
            examples.received_us, examples.providers, examples.fraud, as_of_us=as_of_us, policy=options.policy
        )
    dated = examples.known_us if source.dated_labels else None
    if dated is not None and not (dated <= as_of_us).any():
        raise FutureLabelsError(
            f"none of the {len(examples):,} labels was known by {clock.from_micros(as_of_us):%Y-%m-%d}: they come from "
            "the future of the claims; look at label_known_at, or train as of a later day"
        )
    return split_in_time(
        examples.received_us, dated, as_of_us=as_of_us, policy=options.policy, least_frauds_of=examples.fraud
    )


def refuse_unknown(features: Iterable[str]) -> None:
    """Raise `DatasetError` where a name is that of no feature: a misspelt one would be without effect."""
    unknown = sorted(set(features) - set(FEATURE))
    if unknown:
        raise DatasetError(f"no feature {', '.join(unknown)}; docs/reference/features.md has their names")


def narrow(
    examples: Examples, train: NDArray[np.intp], *, without: tuple[str, ...] = ()
) -> tuple[tuple[str, ...], dict[str, str]]:
    """The features that say something about the training claims; what only later claims have cannot be learned."""
    kept, left_out = [], dict(examples.left_out)
    for name in examples.features:
        column = examples.column(name)[train]
        if name in without:
            left_out[name] = "asked to do without"
        elif np.isnan(column).all():
            left_out[name] = "missing for every training claim"
        elif not np.isnan(column).any() and column.min() == column.max():
            left_out[name] = f"the same for every training claim ({column[0]:g})"
        else:
            kept.append(name)
    return tuple(kept), left_out


def fit(
    examples: Examples,
    slices: Slices,
    features: tuple[str, ...],
    options: TrainOptions,
    *,
    on_round: Callable[[int, float], bool] | None = None,
    on_trial: Callable[[int, float], None] = lambda trial, best: None,
) -> Model:
    """Search (where asked), train with early stopping, calibrate on the later slice, place the threshold.

    Examples that stand for more claims than themselves weigh more, up to `MOST_WEIGHT`.
    """
    monotone = {name: int(direction) for name in features if (direction := FEATURE[name].monotone) is not None}

    weights = None if examples.weights is None else training_weights(examples.weights, most=MOST_WEIGHT)

    def sample(rows: NDArray[np.intp]) -> TrainingSample:
        return TrainingSample(
            examples.matrix(rows, features), examples.fraud[rows], None if weights is None else weights[rows]
        )

    train, stop, later = sample(slices.train), sample(slices.stop), sample(slices.calibrate)
    found = None
    if options.trials:
        found = search(
            train,
            stop,
            features=features,
            monotone=monotone,
            base=options.params,
            trials=options.trials,
            seconds=options.search_seconds,
            done=on_trial,
        )
    trained = train_booster(
        train,
        stop,
        features=features,
        params=found.params if found else options.params,
        monotone=monotone,
        on_round=on_round,
    )
    margins = trained.booster.inplace_predict(later.x, predict_type="margin")
    calibrator = fit_calibrator(margins, later.fraud, weights=later.weights)
    reviews = capacity(examples, options)
    choice = _threshold(examples, slices.calibrate, calibrator.probabilities(margins), reviews)
    return Model(
        trained, calibrator, choice, features, monotone, reviews, found, training_range(features, train.x, later.x)
    )


def capacity(examples: Examples, options: TrainOptions) -> float:
    """Reviews a week: as asked, or of one claim in a hundred."""
    if options.reviews_a_week is not None:
        return options.reviews_a_week
    return max(1.0, claims_a_day(examples) * 7 * DEFAULT_REVIEW_SHARE)


def claims_a_day(examples: Examples) -> float:
    """Claims received a day, over the whole of the data."""
    return len(examples) / max(1.0, float(examples.received_us[-1] - examples.received_us[0]) / DAY_US)


def _threshold(
    examples: Examples, rows: NDArray[np.intp], probabilities: NDArray[np.float64], reviews_a_week: float
) -> ThresholdChoice:
    """The threshold that fills the capacity, by the share of all claims it lets review."""
    days = len(rows) / claims_a_day(examples)  # as many days of business as there are claims, whoever was dealt in
    labelled = LabelledScores(probabilities, examples.fraud[rows], examples.amounts_cents[rows], days)
    try:
        return threshold_by_capacity(labelled, max(reviews_a_week / 7, 1.0 / days))
    except ThresholdError:
        # So coarse a model that its best claims are all equal: it flags them all, and the figures say how many.
        return evaluate_threshold(labelled, float(probabilities.max()))


def explain(trained: TrainedBooster) -> LeafTables | None:
    """The explainer's tables; None where they would be too large, so that the model explains itself more slowly."""
    try:
        return build_tables(trained.booster)
    except (TablesTooLargeError, UnsupportedBoosterError):
        return None


def typical(model: Model, tables: LeafTables | None, examples: Examples, rows: NDArray[np.intp]) -> TypicalClaim:
    """What reasons are measured against, on claims the booster was not fitted to, by the explainer that serves."""
    x = examples.matrix(sample_rows(rows), model.features)
    return typical_claim(model.features, x, contributions(model.trained.booster, tables, x))


def document(
    model: Model, tables: LeafTables | None, *, left_out: dict[str, str], base_rate: float, provenance: dict[str, Any],
    last_day_us: int, typical: TypicalClaim,
) -> ModelDocument:  # fmt: skip
    """The model's page. The version comes from its content: the same inputs have the same version."""
    import xgboost

    from models.artefact import canonical_json

    calibration = Calibration(a=model.calibrator.a, b=model.calibrator.b, c=model.calibrator.c)
    # Not the threshold alone: two capacities may place it alike, and the page holds both.
    placed = [model.choice.threshold, model.reviews_a_week]
    # The format of the tables too: trained again after it changes, a model has a folder of its own beside the old one.
    training = model.training_range.model_dump(mode="json")
    salt = canonical_json([calibration.model_dump(), placed, model.features, training, provenance, FORMAT]).decode()
    day = str(np.datetime64(last_day_us, "us").astype("datetime64[D]"))
    return ModelDocument(
        version=version_of(model.trained.booster, trained_until=day, salt=salt),
        features=model.features,
        schema_hash=schema_hash(model.features),
        left_out=left_out,
        monotone=model.monotone,
        trees=model.trained.rounds,
        calibration=calibration,
        threshold=model.choice.threshold,
        threshold_choice={
            "how": "capacity",
            "by": "ginja train",
            "why": f"{model.reviews_a_week:.1f} reviews a week",
            "reviews_a_week": model.reviews_a_week,
            **{name: value for name, value in model.choice.as_dict().items() if np.isfinite(value)},
        },
        base_rate=base_rate,
        training_range=model.training_range,
        typical=typical,
        explained_by="tables" if tables is not None else "pred_contribs",
        libraries={"xgboost": xgboost.__version__, "numpy": np.__version__},
        provenance=provenance,
    )


def reports_folder(home: Path) -> Path:
    """Where reports of runs are kept."""
    return home / "reports"
