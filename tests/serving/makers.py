"""Small models over the real vector, claims, and an online store with their rows."""

from functools import cache
from pathlib import Path

import numpy as np
import redis

from claims.scoring import ClaimFacts
from core import clock
from features.declare import PLANS, key_of
from features.online import PACKERS, PROJECT, Watermark, encode_key, key_prefix, watermark_key
from features.vector import FEATURE_NAMES, AttributeEncoder, schema_hash
from models.artefact import Calibration, ModelDocument, models_folder, write_artefact
from models.explain import LeafTables, TypicalClaim
from models.families import Family, TrainingSample, XGBoost, explained_by, explainer_of

TREES = XGBoost(depth=3, rounds=10, early_stopping=10, learning_rate=0.3, min_child_weight=1.0, colsample=0.8, l2=2.0)


@cache
def _trained(seed: int, names: tuple[str, ...], place: int, family: Family):
    rng = np.random.default_rng(seed)
    x = rng.lognormal(size=(2_000, len(names))).astype(np.float32)
    y = np.log1p(x[:, place]) + rng.normal(size=len(x)) > 1.2
    return family.fit(TrainingSample(x[:1_500], y[:1_500]), TrainingSample(x[1_500:], y[1_500:]), features=names)


def make_model(
    home: Path,
    version: str,
    *,
    seed: int = 1,
    threshold: float = 0.5,
    attributes: tuple[AttributeEncoder, ...] = (),
    rests_on: str | None = None,
    family: Family = TREES,
) -> Path:
    """One model for each seed and family, in the models folder of `home`, without a pointer to it.

    Its probability rises with the feature `rests_on`, by default one that the seed chooses.
    """
    names = (*FEATURE_NAMES, *(encoder.feature for encoder in attributes))
    model = _trained(seed, names, seed % 10 if rests_on is None else names.index(rests_on), family).model
    explainer = explainer_of(model)
    document = ModelDocument(
        version=version,
        features=names,
        attributes=attributes,
        schema_hash=schema_hash(names),
        family=family.spec,
        trees=model.trees,
        calibration=Calibration(a=0.9, b=1.1, c=-0.2),
        threshold=threshold,
        base_rate=0.15,
        explained_by=explained_by(explainer),
        typical=None if rests_on is None else _every_feature(names),
    )
    folder, _ = write_artefact(
        models_folder(home),
        model=model,
        document=document,
        tables=explainer if isinstance(explainer, LeafTables) else None,
    )
    return folder


def _every_feature(names: tuple[str, ...]) -> TypicalClaim:
    """A typical claim with 1 for every feature, of which none matters."""
    return TypicalClaim(claims=1, values=dict.fromkeys(names, 1.0), contributions=dict.fromkeys(names, 0.0))


def a_claim(**changed: object) -> ClaimFacts:
    """The contract's claim, with changes."""
    facts = {
        "claim_id": "clm_1",
        "received_at": "2026-03-02T10:15:00.123456Z",
        "service_from": "2026-03-01",
        "service_to": "2026-03-01",
        "member_id": "M-secret-1",
        "provider_id": "H1",
        "procedure_code": "P001",
        "diagnosis_code": "D001",
        "place_of_service": "11",
        "region": "Coast",
        "specialty": "cardiology",
        "age_years": 44,
        "sex": "F",
        "amount_cents": 500_000,
        "benefit_limit_cents": 2_500_000,
    }
    return ClaimFacts.model_validate(facts | changed)


def fill_store(url: str, claims: list[ClaimFacts]) -> None:
    """Rows for every view of these claims, and a watermark whose heartbeat is valid for a year."""
    with redis.Redis.from_url(url) as client:
        rows = {}
        for facts in claims:
            us = clock.micros(facts.received_at)
            day = us // clock.DAY_US
            for plan in PLANS.values():
                for view in plan.views:
                    key = key_prefix(PROJECT, 0, view.name) + encode_key(key_of(plan.keys, facts) or ())
                    rows[key] = PACKERS[view.name].pack(us - 1_000_000, (day, *range(1, view.width)))
        client.mset(rows)
        days = max(clock.day_number(facts.received_at) for facts in claims)
        heartbeat = clock.micros(clock.now()) + 365 * clock.DAY_US
        client.set(watermark_key(), Watermark(0, days, heartbeat).pack())
