"""Models of the home that compute the scores of an evidence pack again."""

from pathlib import Path

import numpy as np

from claims.evidence import RecomputedScore, ScoreAnnex
from features.errors import UnknownFeatureError
from models.artefact import Artefact, load_pointed, target_of
from models.errors import ArtefactMissingError, ModelError


class HomeModels:
    """The models in the folder of a home, verified when they are loaded."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._loaded: dict[str, Artefact | None] = {}

    def recompute(self, annex: ScoreAnnex) -> RecomputedScore | None:
        """The score of the annex's vector; None: the model is not in the home.

        Raises `ValueError` for a model that cannot be read or has no exact contributions, and for another schema.
        """
        version = annex.model_version
        if version not in self._loaded:
            self._loaded[version] = self._load(version)
        artefact = self._loaded[version]
        if artefact is None:
            return None
        if set(artefact.features) != set(annex.vector):
            raise ValueError(f"model {version} has other features")
        if artefact.explainer is None:
            raise ValueError(f"model {version} has no exact contributions")
        values = [annex.vector[name] for name in artefact.features]
        row = np.array([[np.nan if one is None else one for one in values]], dtype=np.float32)
        margins, contributions = artefact.explainer.explain_many(row)
        margin = float(margins[0])
        return RecomputedScore(
            margin=margin,
            base_margin=artefact.explainer.base_margin,
            probability=artefact.calibrator.probability(margin),
            contributions=dict(zip(artefact.features, map(float, contributions[0]), strict=True)),
            schema_hash=artefact.document.schema_hash,
        )

    def _load(self, version: str) -> Artefact | None:
        try:
            return load_pointed(self._home, target_of(self._home, version))
        except ArtefactMissingError:
            return None
        except (ModelError, UnknownFeatureError) as error:
            raise ValueError(f"the model cannot be read: {error}") from None
