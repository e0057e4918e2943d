"""A family of a user's own, as `--model tests.pipelines.own_models:centroids` names it."""

import json
from collections.abc import Mapping, Sequence

import numpy as np

from models.families import TrainingSample


class Centroids:
    """Twice the difference of the distances to the mean honest and the mean fraudulent claim."""

    def __init__(self, clip: float = 3.0) -> None:
        self.clip = clip
        self.state: dict[str, list[float]] = {}

    def fit(
        self,
        train: TrainingSample,
        evaluation: TrainingSample | None,
        *,
        features: Sequence[str],
        monotone: Mapping[str, int],
        seed: int,
    ) -> None:
        middle, spread = np.nanmean(train.x, axis=0), np.nanstd(train.x, axis=0) + 1e-6
        z = self._scaled(train.x, middle, spread)
        honest, fraud = z[~train.fraud].mean(axis=0), z[train.fraud].mean(axis=0)
        parts = {"middle": middle, "spread": spread, "honest": honest, "fraud": fraud}
        self.state = {name: [float(value) for value in part] for name, part in parts.items()}

    def margins(self, x: np.ndarray) -> np.ndarray:
        part = {name: np.array(values) for name, values in self.state.items()}
        z = self._scaled(x, part["middle"], part["spread"])
        distances = [np.square(z - part[name]).sum(axis=1) for name in ("honest", "fraud")]
        return 2 * (np.sqrt(distances[0]) - np.sqrt(distances[1]))

    def to_bytes(self) -> bytes:
        return json.dumps({"clip": self.clip, "state": self.state}, sort_keys=True).encode()

    def load(self, raw: bytes) -> None:
        read = json.loads(raw)
        self.clip, self.state = read["clip"], read["state"]

    def _scaled(self, x: np.ndarray, middle: np.ndarray, spread: np.ndarray) -> np.ndarray:
        return np.nan_to_num(np.clip((x - middle) / spread, -self.clip, self.clip))


def centroids(clip: float = 3.0) -> Centroids:
    """The factory."""
    return Centroids(clip)
