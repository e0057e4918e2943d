"""A family of the user's own, `--model package.module:factory`: without exact reasons, so in shadow only."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from models.errors import CustomModelError, FamilyError
from models.families.family import ConstrainedFeatures, Family, Fit, Model, OnRound, TrainingSample

if TYPE_CHECKING:
    from typing import Self

SPEC = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)
"""`package.module:factory`."""


class CustomEstimator(Protocol):
    """What the factory returns: an untrained model that can be trained, stored and read again without pickle."""

    def fit(
        self,
        train: TrainingSample,
        evaluation: TrainingSample | None,
        *,
        features: Sequence[str],
        monotone: Mapping[str, int],
        seed: int,
    ) -> None:
        """Train it; `evaluation` holds later claims for early stopping, None: train as before without it."""

    def margins(self, x: NDArray[np.float32]) -> NDArray[np.floating]:
        """Log-odds (N,) of vectors (N, F), NaN where missing."""

    def to_bytes(self) -> bytes:
        """Its own format; the same training gives the same bytes."""

    def load(self, raw: bytes) -> None:
        """Become the model that `to_bytes` wrote. Raises `ValueError`."""


class CustomModel(Model):
    """A trained estimator of the user's own."""

    def __init__(self, estimator: CustomEstimator, features: tuple[str, ...]) -> None:
        self.features = features
        self._estimator = estimator

    def margins(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        try:
            margins = np.asarray(self._estimator.margins(x), dtype=np.float32)
        except Exception as error:  # code that is not ours
            raise CustomModelError(f"the model failed: {type(error).__name__}") from error
        if margins.shape != (len(x),) or not np.isfinite(margins).all():
            raise CustomModelError(f"margins of {len(x)} vectors must be as many finite numbers; got {margins.shape}")
        return margins

    def to_bytes(self) -> bytes:
        return bytes(self._estimator.to_bytes())

    def gains(self) -> NDArray[np.float64]:
        return np.zeros(len(self.features))


@dataclass(frozen=True, slots=True)
class Custom(Family):
    """The estimators of a factory, called with the parameters of `--params` other than `seed` and `threads`.

    To load a model it is called without any: what `to_bytes` wrote holds everything that `load` needs.
    """

    name: ClassVar[str] = "custom"
    file: ClassVar[str] = "model.bin"
    library: ClassVar[str] = "ginja-claims"

    factory: str = ""
    options: tuple[tuple[str, object], ...] = ()

    @property
    def spec(self) -> str:
        return self.factory

    def _fit(
        self,
        train: TrainingSample,
        evaluation: TrainingSample | None,
        features: ConstrainedFeatures,
        on_round: OnRound | None,
    ) -> Fit:
        estimator = self._estimator()
        estimator.fit(train, evaluation, features=features.names, monotone=features.monotone, seed=self.seed)
        return Fit(CustomModel(estimator, features.names), self, 1, {})

    def _fit_rounds(self, train: TrainingSample, rounds: int, features: ConstrainedFeatures) -> Fit:
        return self._fit(train, None, features, None)

    def load(self, raw: bytes, features: tuple[str, ...]) -> CustomModel:
        estimator = self._estimator()
        try:
            estimator.load(raw)
        except Exception as error:  # code that is not ours
            raise ValueError(f"is not a model of {self.factory}: {error}") from error
        return CustomModel(estimator, features)

    def with_params(self, given: Mapping[str, object]) -> "Self":
        own = {name: value for name, value in given.items() if name in ("seed", "threads")}
        kept = tuple(sorted((name, value) for name, value in given.items() if name not in own))
        return replace(Family.with_params(self, own), options=(*self.options, *kept))

    def _estimator(self) -> CustomEstimator:
        module, _, name = self.factory.partition(":")
        try:
            factory: Callable[..., CustomEstimator] = getattr(import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise FamilyError(f"--model {self.factory} cannot be imported: {error}") from None
        try:
            return factory(**dict(self.options))
        except Exception as error:  # code that is not ours
            raise FamilyError(f"--model {self.factory} failed with {type(error).__name__}: {error}") from error
