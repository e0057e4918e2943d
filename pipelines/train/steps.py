"""The steps of training as pure functions; `flow.py` calls them in their order."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import JsonValue

from claims.attributes import AttributeType, feature_name
from features.vector import FEATURE, ModelSchema, column_of, fit_encoder, schema_hash
from models.artefact import Calibration, ModelDocument, ThresholdRecord, version_of
from models.calibration import BetaCalibrator, fit_calibrator
from models.errors import ThresholdError
from models.evaluation import (
    LabelledScores,
    ScoredClaims,
    ThresholdChoice,
    evaluate_threshold,
    threshold_by_capacity,
)
from models.explain import (
    FORMAT,
    Additive,
    HonestPeers,
    TypicalClaim,
    choose_peers,
    sample_rows,
    typical_claim,
)
from models.families import DEFAULT_FAMILY, Fit, TrainingSample, explained_by
from models.training_range import TrainingRange, training_range
from models.use import ModelUse
from pipelines.datasets import (
    DatasetError,
    Examples,
    Slices,
    Source,
    score_population,
)
from pipelines.train.options import TrainOptions
from pipelines.train.refit import REFIT_BELOW, folds_of, refit
from pipelines.train.search import SearchResult, search

DEFAULT_REVIEW_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A trained, calibrated model that is not on disk yet."""

    trained: Fit
    calibrator: BetaCalibrator
    choice: ThresholdChoice
    schema: ModelSchema
    monotone: dict[str, int]
    reviews_a_week: float
    search: SearchResult | None
    training_range: TrainingRange

    def margins(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Log-odds (N,) of vectors in the model's schema."""
        return self.trained.model.margins(x)

    def probabilities(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """Calibrated probabilities (N,) of vectors in the model's schema."""
        return self.calibrator.probabilities(self.margins(x))


def refuse_unknown(features: Iterable[str], source: Source) -> None:
    """Raise `DatasetError` for a name that is not a feature: a misspelt one would have no effect."""
    own = set() if source.attributes is None else set(map(feature_name, source.attributes.declared))
    unknown = sorted(set(features) - set(FEATURE) - own)
    if unknown:
        known = f"; those of attributes are {', '.join(sorted(own))}" if own else ""
        raise DatasetError(f"no feature named {', '.join(unknown)}; docs/reference/features.md lists them{known}")


def select_features(
    examples: Examples, train: NDArray[np.intp], *, without: tuple[str, ...] = ()
) -> tuple[ModelSchema, dict[str, str]]:
    """The schema of the features that vary over the training claims, and why the others are left out.

    Attributes are encoded by the values and labels of the training claims alone.
    """
    kept, encoders, left_out = [], [], dict(examples.left_out)
    for name in examples.features:
        why = _useless(name, examples.column(name)[train], without)
        if why is None:
            kept.append(name)
        else:
            left_out[name] = why
    claims = examples.claims.take(pa.array(train))
    values = None if examples.attributes is None else examples.attributes.take(pa.array(train))
    for attribute, declared in examples.declared.items():
        name = feature_name(attribute)
        if declared.type is AttributeType.KEY:
            left_out[name] = "names an entity: a key of windows"
            continue
        column = column_of(attribute, declared, claims, values)
        if column is None or column.null_count == len(column):
            left_out[name] = "missing for every training claim"
            continue
        encoder = fit_encoder(attribute, declared, column, examples.fraud[train])
        why = _useless(name, encoder.encode_many(claims, values), without)
        if why is None:
            encoders.append(encoder)
        else:
            left_out[name] = why
    return ModelSchema.of([*kept, *(encoder.feature for encoder in encoders)], encoders), left_out


def _useless(name: str, column: NDArray[np.float32], without: tuple[str, ...]) -> str | None:
    """Why a model cannot learn from a feature with these training values; None where it can."""
    if name in without:
        return "excluded by an option"
    if np.isnan(column).all():
        return "missing for every training claim"
    if not np.isnan(column).any() and column.min() == column.max():
        return f"the same for every training claim ({column[0]:g})"
    return None


def fit(
    examples: Examples,
    slices: Slices,
    schema: ModelSchema,
    options: TrainOptions,
    *,
    on_round: Callable[[int, float], bool] | None = None,
    on_trial: Callable[[int, float], None] = lambda trial, best: None,
) -> TrainedModel:
    """Search parameters (if requested), train with early stopping, calibrate on the later slice, place the threshold.

    Of small data the model is trained again on every claim before the test, and calibrated by cross-fitting. Examples
    that represent more than one claim weigh more (`Examples.training_weights`).
    """
    monotone = {feature.name: int(feature.monotone) for feature in schema.features if feature.monotone is not None}

    def sample(rows: NDArray[np.intp]) -> TrainingSample:
        return TrainingSample(examples.matrix(rows, schema), examples.fraud[rows], examples.training_weights(rows))

    train, stop, later = sample(slices.train), sample(slices.stop), sample(slices.calibrate)
    found = None
    if options.trials:
        found = search(
            train,
            stop,
            features=schema.names,
            monotone=monotone,
            base=options.family,
            trials=options.trials,
            seconds=options.search_seconds,
            done=on_trial,
        )
    family = found.family if found else options.family
    trained = family.fit(train, stop, features=schema.names, monotone=monotone, on_round=on_round)
    if refits(options, examples, slices):
        whole, folds = sample(slices.learned), folds_of(examples, slices)
        again = refit(whole, folds, features=schema.names, monotone=monotone, stopped=trained)
        calibrator = fit_calibrator(again.margins, whole.fraud, weights=whole.weights)
        trained, margins = again.trained, again.margins[np.searchsorted(slices.learned, slices.calibrate)]
    else:
        margins = trained.model.margins(later.x)
        calibrator = fit_calibrator(margins, later.fraud, weights=later.weights)
    reviews = capacity(examples, options)
    probabilities = calibrator.probabilities(margins)
    everything = score_population(
        examples,
        slices.calibrate,
        probabilities,
        schema,
        lambda x: calibrator.probabilities(trained.model.margins(x)),
    )
    choice = _threshold(examples, slices.calibrate, probabilities, reviews, everything)
    return TrainedModel(
        trained, calibrator, choice, schema, monotone, reviews, found, training_range(schema, train.x, later.x)
    )


def refits(options: TrainOptions, examples: Examples, slices: Slices) -> bool:
    """Whether the final model is trained on every claim before the test."""
    few = int(examples.fraud[slices.learned].sum()) < REFIT_BELOW
    return options.refit == "always" or (options.refit == "auto" and few)


def capacity(examples: Examples, options: TrainOptions) -> float:
    """Reviews a week: as requested, or one claim in a hundred."""
    if options.reviews_a_week is not None:
        return options.reviews_a_week
    return max(1.0, examples.claims_a_day * 7 * DEFAULT_REVIEW_SHARE)


def _threshold(
    examples: Examples,
    rows: NDArray[np.intp],
    probabilities: NDArray[np.float64],
    reviews_a_week: float,
    everything: ScoredClaims | None,
) -> ThresholdChoice:
    """The threshold that fills the capacity, by the share of all claims it lets review, labelled or not."""
    weights = examples.represented(rows)
    claims = weights.sum() if everything is None else everything.weights.sum()
    days = float(claims) / examples.claims_a_day  # of business that as many claims take, however they were sampled
    labelled = LabelledScores(
        probabilities,
        examples.fraud[rows],
        examples.amounts_cents[rows],
        days,
        weights=weights,
        everything=everything,
    )
    try:
        return threshold_by_capacity(labelled, max(reviews_a_week / 7, 1.0 / days))
    except ThresholdError:
        # The highest scores are all equal: the threshold flags them all, and the metrics show how many.
        return evaluate_threshold(labelled, float(probabilities.max()))


def peers(examples: Examples, rows: NDArray[np.intp], schema: ModelSchema) -> HonestPeers | None:
    """Honest claims of each specialty among these, for comparisons; None where there are too few of any."""
    chosen = choose_peers(examples.claims["specialty"].take(pa.array(rows)).to_pylist(), ~examples.fraud[rows])
    if not chosen:
        return None
    first = np.cumsum([0, *map(len, chosen.values())], dtype=np.int64)
    return HonestPeers(np.array(list(chosen)), first, examples.matrix(rows[np.concatenate([*chosen.values()])], schema))


def typical(
    model: TrainedModel, explainer: Additive | None, examples: Examples, rows: NDArray[np.intp]
) -> TypicalClaim | None:
    """The typical claim that reasons are relative to: on the claims that calibrate, which only a refit trains on.

    None: without exact contributions there are no reasons.
    """
    if explainer is None:
        return None
    x = examples.matrix(sample_rows(rows), model.schema)
    return typical_claim(model.schema, x, explainer.explain_many(x)[1])


def document(
    model: TrainedModel,
    explainer: Additive | None,
    *,
    left_out: dict[str, str],
    base_rate: float,
    provenance: Mapping[str, JsonValue],
    last_day_us: int,
    use: ModelUse,
    typical: TypicalClaim | None,
) -> ModelDocument:
    """The model's document. Its version is derived from its content: the same inputs have the same version."""
    from models.artefact import canonical_json

    family = model.trained.family
    calibration = Calibration.of(model.calibrator)
    # Not the threshold alone: two capacities may place it equally, and the document holds both.
    placed = [model.choice.threshold, model.reviews_a_week]
    # The format of the tables too: trained again after a change of format, a model has a new folder.
    training = model.training_range.model_dump(mode="json")
    encoders = [encoder.model_dump(mode="json") for encoder in model.schema.encoders]
    content = [
        calibration.model_dump(),
        placed,
        model.schema.names,
        training,
        provenance,
        FORMAT,
        use.model_dump(mode="json"),
        *(() if family.spec == DEFAULT_FAMILY.spec else (family.spec,)),
    ]
    salt = canonical_json([*content, encoders] if encoders else content).decode()
    day = str(np.datetime64(last_day_us, "us").astype("datetime64[D]"))
    return ModelDocument(
        version=version_of(model.trained.model, trained_until=day, salt=salt),
        features=model.schema.names,
        schema_hash=schema_hash(model.schema.names),
        attributes=model.schema.encoders,
        left_out=left_out,
        monotone=model.monotone,
        family=family.spec,
        trees=model.trained.model.trees,
        calibration=calibration,
        threshold=model.choice.threshold,
        threshold_choice=ThresholdRecord.with_effect(
            model.choice.as_dict(),
            how="capacity",
            by="ginja model train",
            why=f"{model.reviews_a_week:.1f} reviews a week",
            reviews_a_week=model.reviews_a_week,
        ),
        base_rate=base_rate,
        training_range=model.training_range,
        typical=typical,
        use=use,
        explained_by=explained_by(explainer),
        libraries=family.libraries(),
        provenance=provenance,
    )
