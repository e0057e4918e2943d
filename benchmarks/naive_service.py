"""A straightforward scorer as a baseline for ours; benchmark only.

Stock BentoML, Feast's `get_online_features(...).to_df()`, `predict`, `pred_contribs`. It returns what
ours does as far as these tools allow (probability, contributions, the strongest of them), from the same store, model
and vector code.

`GINJA_HOME=… bentoml serve benchmarks.naive_service:NaiveService`
"""

import math
from typing import Any

import bentoml
import pandas as pd
import xgboost as xgb

from claims.scoring import ClaimFacts
from core.settings import settings
from features.declare import VIEWS, RowKind, age_band
from features.feast import SERVICE, open_store
from features.vector import build_one
from models.artefact import models_folder, read_pointer

TOP = 5


@bentoml.service
class NaiveService:
    """Scores one claim."""

    def __init__(self) -> None:
        home = settings().home.resolve()
        pointer = read_pointer(home)
        if pointer is None:
            raise FileNotFoundError("no champion; train and promote a model first")
        self.store = open_store(home)
        self.features = self.store.get_feature_service(SERVICE)
        self.booster = xgb.Booster(model_file=models_folder(home) / pointer.path / "model.ubj")

    @bentoml.api
    def score(self, claim: ClaimFacts) -> dict[str, Any]:
        """Probability, contributions, and the strongest of them."""
        row = claim.model_dump() | {
            "age_band": age_band(claim.age_years),
            "service_day": claim.service_from.isoformat(),
        }
        keys = {key: row[key] for view in VIEWS for key in view.keys}
        found = self.store.get_online_features(
            features=self.features, entity_rows=[keys], full_feature_names=True
        ).to_df()
        vector = pd.DataFrame(
            [build_one(claim, _states(found.iloc[0]))], columns=list(self.booster.feature_names or ())
        )
        matrix = xgb.DMatrix(vector)
        margin = float(self.booster.predict(matrix, output_margin=True)[0])
        contributions = self.booster.predict(matrix, pred_contribs=True)[0]
        named = dict(zip(vector.columns, map(float, contributions[:-1]), strict=True))
        return {
            "claim_id": claim.claim_id,
            "probability": 1 / (1 + math.exp(-margin)),
            "margin": margin,
            "base_margin": float(contributions[-1]),
            "contributions": named,
            "reasons": sorted(named, key=lambda name: -abs(named[name]))[:TOP],
        }


def _states(found: "pd.Series[Any]") -> dict[str, list[int] | None]:
    """Split Feast's row into a row per view. Missing values are zero; for weekly views the row is unavailable."""
    states: dict[str, list[int] | None] = {}
    for view in VIEWS:
        row: list[int] = []
        for field in view.fields:
            value = found[f"{view.name}__{field.name}"]
            if field.is_array:
                row.extend(value if value is not None else [0] * field.size)
            else:
                row.append(0 if pd.isna(value) else int(value))
        unknown = view.kind is RowKind.WEEKLY and pd.isna(found[f"{view.name}__{view.fields[0].name}"])
        states[view.name] = None if unknown else row
    return states
