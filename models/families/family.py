"""What every family of models can do: be trained, give margins, be stored in its native form and read again."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import TYPE_CHECKING, ClassVar, get_type_hints

import numpy as np
from numpy.typing import NDArray

from models.errors import FamilyError, TrainingError
from models.explain import Additive, TreeEnsemble

if TYPE_CHECKING:
    from typing import Self

    from optuna.trial import BaseTrial

EXTRA = "challengers"
INSTALL = f"Install the libraries of other families with: pip install 'ginja-claims[{EXTRA}]'"
OnRound = Callable[[int, float], bool]
"""Receives each round and its log loss on the evaluation claims; returns True to stop."""


@dataclass(frozen=True, slots=True)
class TrainingSample:
    """Labelled vectors: (N, F) float32 with NaN where missing, N labels, and N weights or None for ones."""

    x: NDArray[np.float32]
    fraud: NDArray[np.bool_]
    weights: NDArray[np.float64] | None = None

    def only(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> "TrainingSample":
        """Some of the rows: a mask (N,) or their numbers."""
        return TrainingSample(self.x[rows], self.fraud[rows], None if self.weights is None else self.weights[rows])

    @property
    def base_rate(self) -> float:
        """The weighted share of fraud."""
        return float(np.average(self.fraud, weights=self.weights))


class Model(ABC):
    """A trained model of F features."""

    features: tuple[str, ...]
    """In the order of its vectors."""

    @property
    def trees(self) -> int:
        """How many trees it has; 0 for a model of another kind."""
        return 0

    @abstractmethod
    def margins(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Log-odds (N,) of vectors (N, F), NaN where missing."""

    @abstractmethod
    def to_bytes(self) -> bytes:
        """Its native form; the same training gives the same bytes."""

    @abstractmethod
    def gains(self) -> NDArray[np.float64]:
        """How much each feature contributes to what it learned (F,), 0 or more, in a unit of its family."""

    def ensemble(self) -> TreeEnsemble | None:
        """Its trees, from which contribution tables can be built. Raises `UnsupportedBoosterError`."""
        return None

    def additive(self) -> Additive | None:
        """Its own exact contributions, used where it has no tables; None: it has none, so it serves in shadow only."""
        return None


@dataclass(frozen=True, slots=True)
class Fit:
    """A trained model, and how it was trained."""

    model: Model
    family: "Family"
    rounds: int
    """How many rounds of training it keeps."""
    history: dict[str, list[float]]
    """`train` and `evaluation` log loss by round, including those after the best; empty without an evaluation."""


@dataclass(frozen=True, slots=True)
class SearchRange:
    """Where a search draws a parameter: both ends included, whole numbers where the ends are."""

    low: float
    high: float
    log: bool = False
    """Evenly by the logarithm."""

    def suggest(self, trial: "BaseTrial", name: str) -> float:
        """The value of a trial."""
        if isinstance(self.low, int) and isinstance(self.high, int):
            return trial.suggest_int(name, self.low, self.high, log=self.log)
        return trial.suggest_float(name, self.low, self.high, log=self.log)


@dataclass(frozen=True, slots=True)
class ConstrainedFeatures:
    """The features of a model in the order of its vectors, and in which direction its margin may move with some."""

    names: tuple[str, ...]
    monotone: Mapping[str, int]
    """Feature → 1: the margin never decreases with it; -1: never increases."""

    @classmethod
    def of(
        cls, names: Sequence[str], monotone: Mapping[str, int] | None, **samples: TrainingSample
    ) -> "ConstrainedFeatures":
        """The features that these samples can train a model of. Raises `TrainingError`."""
        found = cls(tuple(names), dict(monotone or {}))
        found._check(samples)
        return found

    @property
    def directions(self) -> list[int]:
        """The direction of each feature; 0: free."""
        return [self.monotone.get(name, 0) for name in self.names]

    def _check(self, samples: Mapping[str, TrainingSample]) -> None:
        if not self.names or len(set(self.names)) != len(self.names):
            raise TrainingError("features must be non-empty and unique")
        unknown = sorted(set(self.monotone) - set(self.names))
        if unknown or any(direction not in (-1, 1) for direction in self.monotone.values()):
            raise TrainingError(f"monotone constraints must be 1 or -1 for known features; unknown: {unknown}")
        for name, sample in samples.items():
            _check_sample(name, sample, self.names)


@dataclass(frozen=True, slots=True)
class Family(ABC):
    """A family of models with its parameters. Rounds are what early stopping chooses: trees, or another measure of
    complexity. Classes are not reweighted: that would distort the probabilities before calibration."""

    name: ClassVar[str]
    file: ClassVar[str]
    """Name of the native form's file in an artefact."""
    library: ClassVar[str]
    """The distribution that trains it."""

    seed: int = 7
    threads: int = 2

    search: ClassVar[Mapping[str, SearchRange]] = {}
    """The parameters that a search of `--trials` changes, in the order in which it draws them."""

    def fit(
        self,
        train: TrainingSample,
        evaluation: TrainingSample,
        *,
        features: Sequence[str],
        monotone: Mapping[str, int] | None = None,
        on_round: OnRound | None = None,
    ) -> Fit:
        """Train on one sample with early stopping on another (later in time, or of other providers).

        `monotone` maps a feature to 1 (the margin never decreases with it) or -1. Raises `TrainingError`.
        """
        constrained = ConstrainedFeatures.of(features, monotone, training=train, evaluation=evaluation)
        return self._fit(train, evaluation, constrained, on_round)

    def fit_rounds(
        self,
        train: TrainingSample,
        rounds: int,
        *,
        features: Sequence[str],
        monotone: Mapping[str, int] | None = None,
    ) -> Fit:
        """Train on one sample for a number of rounds, without early stopping. Raises `TrainingError`."""
        return self._fit_rounds(train, rounds, ConstrainedFeatures.of(features, monotone, training=train))

    @abstractmethod
    def _fit(
        self,
        train: TrainingSample,
        evaluation: TrainingSample,
        features: ConstrainedFeatures,
        on_round: OnRound | None,
    ) -> Fit: ...

    @abstractmethod
    def _fit_rounds(self, train: TrainingSample, rounds: int, features: ConstrainedFeatures) -> Fit: ...

    @abstractmethod
    def load(self, raw: bytes, features: tuple[str, ...]) -> Model:
        """Read a model from its native form. Raises `ValueError` where these bytes are none for these features."""

    @property
    def spec(self) -> str:
        """What `--model` names it, which its models' documents keep."""
        return self.name

    def suggest(self, trial: "BaseTrial") -> "Self":
        """The parameters of a trial of a search; those not searched keep their value.

        Raises `FamilyError` where the family has none to search.
        """
        if not self.search:
            raise FamilyError(f"the parameters of {self.spec} cannot be searched; leave out --trials")
        drawn = {name: within.suggest(trial, name) for name, within in self.search.items()}
        return replace(self, **drawn)  # type: ignore[arg-type]

    @property
    def searched(self) -> dict[str, object]:
        """The parameters that a search changes, with their values."""
        return {name: getattr(self, name) for name in self.search}

    def libraries(self) -> dict[str, str]:
        """The libraries that train it, with their versions."""
        return {self.library: version(self.library), "numpy": np.__version__}

    def with_params(self, given: Mapping[str, object]) -> "Self":
        """The family with these parameters. Raises `FamilyError` for one it does not have, or of another type."""
        kinds = {name: kind for name, kind in get_type_hints(type(self)).items() if name in self.params()}
        if unknown := sorted(set(given) - set(kinds)):
            raise FamilyError(f"{self.spec} has no parameter {', '.join(unknown)}; it has {', '.join(sorted(kinds))}")
        values: dict[str, object] = {}
        for name, value in given.items():
            whole = kinds[name] is int
            if not isinstance(value, int | float) or isinstance(value, bool) or (whole and value != int(value)):
                raise FamilyError(f"{self.name}: {name} must be a {'whole ' * whole}number, not {value!r}")
            values[name] = kinds[name](value)
        return replace(self, **values)  # type: ignore[arg-type]

    def params(self) -> dict[str, object]:
        """The parameters as plain values."""
        return {one.name: getattr(self, one.name) for one in fields(self)}


def imported(module: str, *, family: str) -> ModuleType:
    """A library that a family needs. Raises `FamilyError`, which names the extra that brings it."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name and not module.startswith(error.name.split(".")[0]):
            raise
        raise FamilyError(
            f"the family {family} needs the library {module}, which is not installed. {INSTALL}"
        ) from None


def installed(distribution: str) -> bool:
    """Whether a distribution is installed; nothing is imported."""
    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True


def _check_sample(name: str, sample: TrainingSample, features: Sequence[str]) -> None:
    if sample.x.ndim != 2 or sample.x.shape[1] != len(features) or sample.x.dtype != np.float32:
        raise TrainingError(
            f"the {name} vectors are {sample.x.dtype} of shape {sample.x.shape}; "
            f"expected float32 with {len(features)} features"
        )
    rows = len(sample.x)
    if len(sample.fraud) != rows or (sample.weights is not None and len(sample.weights) != rows):
        raise TrainingError(f"the {name} sample has {rows} vectors but a different number of labels or weights")
    if np.isinf(sample.x).any():
        column = features[int(np.isinf(sample.x).any(axis=0).argmax())]
        raise TrainingError(f"the {name} vectors contain infinity in {column}; use NaN for a missing value")
    if sample.fraud.dtype != np.bool_:
        raise TrainingError(f"the {name} labels are {sample.fraud.dtype}; expected bool without missing values")
    positives = int(sample.fraud.sum())
    if positives == 0 or positives == rows:
        raise TrainingError(f"the {name} sample has {positives} frauds in {rows:,} claims; use a longer window")
