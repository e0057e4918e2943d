"""A registered model as MLflow loads it: `mlflow.pyfunc.load_model("models:/fraud@champion")`.

The `MLmodel` file of a version names this module (`loader_module`) and the artefact's folder, and pins the SHA-256 of
its manifest. Nothing is unpickled, no code comes from the store, and no byte is parsed before its hash and signature
are checked (`core.signing`).
Probabilities are those of the scorer, to the bit. Imports no MLflow.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.artefact import Artefact, load_artefact
from models.errors import SchemaMismatchError

if TYPE_CHECKING:
    import pandas as pd

MANIFEST_SHA256 = "manifest_sha256"
"""Key of MLflow's model configuration: SHA-256 of the artefact's manifest."""


class LoadedModel:
    """A verified model that maps vectors to margin, calibrated probability and decision."""

    def __init__(self, artefact: Artefact) -> None:
        self.artefact = artefact

    @property
    def features(self) -> Sequence[str]:
        """The columns of `predict`, in the order of the model's schema."""
        return self.artefact.features

    def predict(self, data: "pd.DataFrame | NDArray[np.floating]") -> "pd.DataFrame":
        """Score vectors (N, features), NaN where a value is missing.

        A frame may have its columns in any order; an array has them in the order of the schema. Returns a frame of N
        rows: `probability` (calibrated), `flagged` (the decision: probability at or above the threshold), `threshold`,
        `margin` (log-odds before calibration). Raises `SchemaMismatchError` where a column is missing.
        """
        import pandas as pd

        rows = np.ascontiguousarray(self._columns(data), dtype=np.float32)
        margins = self.artefact.margins(rows)
        threshold = self.artefact.threshold
        # One at a time, as the scorer does: the vectorized calibrator may differ in the last bit.
        calibrated = [self.artefact.calibrator.probability(margin) for margin in margins.tolist()]
        probabilities = np.array(calibrated, dtype=np.float64)
        return pd.DataFrame(
            {
                "probability": probabilities,
                "flagged": probabilities >= threshold,
                "threshold": np.full(len(rows), threshold),
                "margin": margins.astype(np.float64),
            },
            index=data.index if isinstance(data, pd.DataFrame) else None,
        )

    def _columns(self, data: "pd.DataFrame | NDArray[np.floating]") -> NDArray[np.floating]:
        names = list(self.features)
        if not isinstance(data, np.ndarray):
            absent = [name for name in names if name not in data.columns]
            if absent:
                raise SchemaMismatchError(
                    f"the frame has no column {', '.join(absent[:5])}{' …' if absent[5:] else ''}; model "
                    f"{self.artefact.version} needs {len(names)} features, with NaN where a value is missing"
                )
            return data[names].to_numpy(dtype=np.float32)
        if data.ndim != 2 or data.shape[1] != len(names):
            raise SchemaMismatchError(f"expected vectors of {len(names)} features, got an array of {data.shape}")
        return data


def _load_pyfunc(data_path: str, model_config: Mapping[str, str] | None = None) -> LoadedModel:
    """Load an artefact's folder; called by MLflow with the configuration that the registration stored.

    Raises `ArtefactMissingError` or `ArtefactCorruptError` where a file is missing or does not match its hash,
    `ArtefactUnsignedError` for a signature that is not trusted, and `ForeignFactoryError` for a model of a factory.
    """
    expected = (model_config or {}).get(MANIFEST_SHA256)
    return LoadedModel(load_artefact(Path(data_path), expected_manifest_sha256=expected, from_store=True))
