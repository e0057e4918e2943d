"""Claims with a history of random whole numbers, and a model of every feature trained on them."""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np

from claims.scoring import ClaimFacts
from core.clock import DAY_US
from features.declare import VIEWS, RowKind
from features.vector import FEATURE, FEATURE_NAMES, ModelSchema, Reading, build_one, schema_hash
from models.artefact import Artefact, Calibration, ModelDocument, load_artefact, write_artefact
from models.explain import LeafTables, typical_claim
from models.families import TrainingSample, XGBoost, explainer_of
from models.scorer import ClaimToScore
from models.training_range import training_range

START = datetime(2026, 3, 2, 10, tzinfo=UTC)


def facts(number: int = 1, **more: object) -> ClaimFacts:
    """A claim; pass what differs."""
    rng = np.random.default_rng(number)
    received_at = START + timedelta(seconds=number)
    values: dict[str, object] = {
        "claim_id": f"clm_{number:06d}",
        "received_at": received_at,
        "service_from": date(2026, 3, 1),
        "service_to": date(2026, 3, 1),
        "member_id": f"M{number}",
        "provider_id": f"H{number % 40}",
        "procedure_code": "P001",
        "diagnosis_code": "D001",
        "place_of_service": "11",
        "region": "Coast",
        "specialty": "cardiology",
        "age_years": int(rng.integers(0, 90)),
        "sex": "F",
        "amount_cents": int(rng.lognormal(9.2, 0.9)) + 1,
        "units": int(rng.integers(1, 5)),
        "lines": int(rng.integers(1, 4)),
        "diagnoses": 1,
        "benefit_limit_cents": 1_000_000,
    }
    return ClaimFacts.model_validate(values | more)


def reading(number: int = 1, *, stale: tuple[str, ...] = ()) -> Reading:
    """States that might be read for the claim's keys: whole numbers of a likely size, the same for the same number."""
    rng = np.random.default_rng(number + 1_000_000)
    now_us = int((START + timedelta(seconds=number)).timestamp() * 1_000_000)
    busy = int(rng.integers(1, 300))
    states: dict[str, tuple[int, ...] | None] = {}
    for view in VIEWS:
        row = [0] * view.width
        for field in view.fields:
            high = busy + 1 if view.kind is not RowKind.TODAY else 4
            if "log_e4_squared" in field.name:
                values = [busy * 92_000**2 + int(rng.integers(0, busy * 9_000**2))]
            elif "log_e4" in field.name:
                values = [busy * 92_000]
            elif field.name.endswith("_us"):
                values = [now_us - int(rng.integers(1, 40 * DAY_US))]
            elif field.name in ("day", "as_of_day"):
                values = [now_us // DAY_US]
            elif "cents" in field.name:
                values = [busy * int(rng.integers(5_000, 20_000))]
            elif field.name == "claims_365d":
                values = [busy]
            else:
                values = rng.integers(0, high, field.size).tolist()
            row[field.offset : field.offset + field.size] = values
        states[view.name] = None if view.name in stale else tuple(row)
    return Reading(states, {name: None if row is None else now_us - 1 for name, row in states.items()}, stale)


def claim_to_score(number: int = 1, **more: object) -> ClaimToScore:
    """A claim with its reading."""
    return ClaimToScore(facts(number, **more), reading(number))


@cache
def training(rows: int = 1500) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of every feature, and labels that depend on the amount against its peers and the claims of the member."""
    x = np.stack([build_one(facts(i), reading(i).states) for i in range(rows)])
    place = FEATURE_NAMES.index
    rng = np.random.default_rng(5)
    ratio = np.nan_to_num(x[:, place("amount_to_procedure_mean")])
    risk = 1.4 * ratio + 0.004 * x[:, place("member_claims_30d")] + rng.normal(0, 0.7, rows)
    return x, risk > np.quantile(risk, 0.8)


def artefact(
    models: Path,
    *,
    leave_out: tuple[str, ...] = (),
    tables: bool = True,
    version: str = "20260301-test",
    threshold: float = 0.4,
) -> Artefact:
    """A trained model on disk, loaded again."""
    x, y = training()
    names = tuple(name for name in FEATURE_NAMES if name not in leave_out)
    x = np.ascontiguousarray(x[:, [FEATURE_NAMES.index(name) for name in names]])
    half = len(x) * 2 // 3
    monotone = {name: FEATURE[name].monotone for name in names if FEATURE[name].monotone is not None}
    family = XGBoost(
        depth=4,
        rounds=60,
        early_stopping=20,
        learning_rate=0.15,
        min_child_weight=2.0,
        colsample=0.8,
        l2=2.0,
        threads=1,
    )
    trained = family.fit(
        TrainingSample(x[:half], y[:half]), TrainingSample(x[half:], y[half:]), features=names, monotone=monotone
    )
    explainer = explainer_of(trained.model) if tables else trained.model.additive()
    assert explainer is not None
    later = x[half:]
    document = ModelDocument(
        version=version,
        features=names,
        schema_hash=schema_hash(names),
        monotone=monotone,
        trees=trained.rounds,
        calibration=Calibration(a=1.1, b=0.9, c=0.1),
        threshold=threshold,
        base_rate=0.2,
        training_range=training_range(ModelSchema.of(names), x[:half], x[half:]),
        typical=typical_claim(ModelSchema.of(names), later, explainer.explain_many(later)[1]),
        explained_by="tables" if tables else "pred_contribs",
    )
    folder, digest = write_artefact(
        models, model=trained.model, document=document, tables=explainer if isinstance(explainer, LeafTables) else None
    )
    return load_artefact(folder, expected_manifest_sha256=digest)
