"""Small trained models for the tests, made once per process and parameters."""

from functools import cache
from pathlib import Path

import numpy as np
import xgboost as xgb

from features.vector import schema_hash
from models.artefact import MANIFEST, SIGNATURE, Calibration, ModelDocument, canonical_json, sha256, sign_artefact
from models.explain import LeafTables
from models.families import Fit, TrainingSample, XGBoost, XGBoostModel


@cache
def vectors(rows: int, features: int, seed: int = 0) -> np.ndarray:
    """Positive skewed numbers, a few whole, about a tenth missing."""
    rng = np.random.default_rng(seed)
    x = rng.lognormal(size=(rows, features)).astype(np.float32)
    x[:, ::4] = np.round(x[:, ::4])
    x[rng.random(x.shape) < 0.1] = np.nan
    x.setflags(write=False)
    return x


@cache
def labels(rows: int, features: int, seed: int = 0) -> np.ndarray:
    """About one in six is a fraud, by a rule with interactions and noise."""
    x = np.nan_to_num(vectors(rows, features, seed))
    rng = np.random.default_rng(seed + 1)
    risk = np.log1p(x[:, 0]) * np.log1p(x[:, 1]) + 0.6 * x[:, 2] - np.log1p(x[:, 3])
    y = risk + rng.normal(size=rows) > 1.6
    y.setflags(write=False)
    return y


def names(features: int) -> tuple[str, ...]:
    return tuple(f"f{i}" for i in range(features))


@cache
def trained(
    *, depth: int = 4, rounds: int = 40, features: int = 12, rows: int = 4000, monotone: tuple[str, ...] = ()
) -> Fit:
    x, y = vectors(rows, features), labels(rows, features)
    half = rows * 3 // 4
    family = XGBoost(
        depth=depth, rounds=rounds, early_stopping=10, learning_rate=0.2, min_child_weight=1.0, colsample=0.8, l2=2.0,
        threads=1,
    )  # fmt: skip
    return family.fit(
        TrainingSample(x[:half], y[:half]),
        TrainingSample(x[half:], y[half:]),
        features=names(features),
        monotone=dict.fromkeys(monotone, 1),
    )


def booster() -> xgb.Booster:
    """The booster of `trained()`."""
    model = trained().model
    assert isinstance(model, XGBoostModel)
    return model.booster


def document(booster: xgb.Booster, tables: LeafTables | None, *, version: str = "20260101-test") -> ModelDocument:
    features = tuple(booster.feature_names or ())
    return ModelDocument(
        version=version,
        features=features,
        schema_hash=schema_hash(features),
        trees=booster.num_boosted_rounds(),
        calibration=Calibration(a=0.9, b=1.1, c=-0.2),
        threshold=0.3,
        base_rate=0.15,
        explained_by="pred_contribs" if tables is None else "tables",
        provenance={"data": "test"},
    )


def build_names() -> tuple[str, ...]:
    """Names of the arrays in a table file."""
    return tuple(LeafTables.__dataclass_fields__)


def rewrite(folder: Path, name: str, raw: bytes) -> None:
    """Replace a file and give it a manifest that agrees and is signed, as someone who has the key would."""
    (folder / name).write_bytes(raw)
    files = {p.name: p.read_bytes() for p in folder.iterdir() if p.name not in (MANIFEST, SIGNATURE)}
    listed = {name: {"bytes": len(raw), "sha256": sha256(raw)} for name, raw in files.items()}
    (folder / MANIFEST).write_bytes(canonical_json({"files": listed, "format": 1}))
    sign_artefact(folder, expected_manifest_sha256=sha256((folder / MANIFEST).read_bytes()))
