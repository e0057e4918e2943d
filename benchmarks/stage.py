"""A complete insurer for a benchmark in a temporary home: data, database, features, and a model of fixed size.

The model has 300 full trees of depth 6 on every feature, because the size of a trained model depends on the data. Its
accuracy is irrelevant here.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import redis

from core.settings import Settings, held
from core.settings import settings as current_settings

CLAIMS = 60_000
LIVE_CLAIMS = 12_000
TREES = 300
DEPTH = 6
TRAINING_CLAIMS = 15_000
NOISE = 0.2
VERSION = "bench"

ReportProgress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Stage:
    """A home that is ready to serve."""

    home: Path
    database_url: str
    redis_url: str

    @property
    def environment(self) -> dict[str, str]:
        """Environment of every process of the benchmark."""
        return {
            "GINJA_HOME": str(self.home),
            "GINJA_DATABASE_URL": self.database_url,
            "GINJA_REDIS_URL": self.redis_url,
            "GINJA_LOG_LEVEL": "WARNING",
        }


@contextmanager
def staged(
    report: ReportProgress, *, claims: int = CLAIMS, live_claims: int = LIVE_CLAIMS, trees: int = TREES
) -> Iterator[Stage]:
    """Set everything up in a temporary home with its own embedded servers; remove it after the block.

    In the block the settings are those of that home: the model is signed with the key that its processes trust.
    """
    from core.servers import postgres_url, temporary_home, valkey_url

    with (
        temporary_home("ginja-bench-") as home,
        held(
            # At ports, because faults are injected between the processes and the servers.
            Settings(home=home, database_url=None, redis_url=None, embedded_listen="port")
        ),
    ):
        settings = current_settings()
        stage = Stage(home, postgres_url(settings), valkey_url(settings))
        report(f"simulating {claims:,} claims")
        _simulate(home, claims, live_claims)
        report("loading the database")
        _load(stage)
        report("building features")
        _features(stage)
        report(f"training {trees} trees")
        _model(home, trees)
        yield stage


def vectors_file(home: Path) -> Path:
    """File of the vectors of a stage's claims, float32[N, F], as used in training."""
    return home / "run" / "vectors.npy"


def _simulate(home: Path, claims: int, live_claims: int) -> None:
    from core import clock
    from pipelines.simulate import SimulationConfig, simulate, write

    today = clock.now().date()
    write(simulate(SimulationConfig(claims, 7, today, live_days=1, live_claims=live_claims)), home / "data")


def _load(stage: Stage) -> None:
    from api.loading import load_folder
    from api.migrate import upgrade

    upgrade(stage.database_url)
    load_folder(stage.database_url, stage.home / "data", source="simulated")


def _features(stage: Stage) -> None:
    import psycopg

    from api.migrate import plain_url
    from features.declare import PLANS
    from features.feast import apply
    from features.offline import build, file_of
    from features.update import rebuild

    build(stage.home, stage.home / "data" / "claims.parquet", stage.home / "data" / "labels.parquet")
    apply(stage.home, stage.redis_url)
    network = file_of(stage.home, PLANS["provider_network"].history)
    with (
        psycopg.connect(plain_url(stage.database_url), autocommit=True) as connection,
        redis.Redis.from_url(stage.redis_url) as client,
    ):
        rebuild(connection, client, network=network if network.exists() else None)


def set_updater_heartbeat(redis_url: str) -> None:
    """Set the updater's heartbeat a day ahead: without a worker, today's rows would count as stale."""
    from core import clock
    from features.online import Watermark, watermark_key

    with redis.Redis.from_url(redis_url) as client:
        watermark = Watermark.unpack(client.get(watermark_key()))
        if watermark is None:
            raise RuntimeError("the rebuild left no watermark")
        ahead = clock.micros(clock.now()) + clock.DAY_US
        client.set(watermark_key(), replace(watermark, heartbeat_us=ahead).pack())


def _model(home: Path, trees: int) -> None:
    from features.feast import training_set
    from features.vector import FEATURE_NAMES, ModelSchema, schema_hash
    from models.artefact import Calibration, ModelDocument, models_folder, point, write_artefact
    from models.calibration import fit_calibrator
    from models.explain import MAX_TYPICAL_SAMPLE, LeafTables, typical_claim
    from models.families import TrainingSample, XGBoost, explainer_of
    from models.training_range import training_range

    data = home / "data"
    built = training_set(home, data / "claims.parquet", data / "labels.parquet")
    x = built.x[-TRAINING_CLAIMS:]
    vectors_file(home).parent.mkdir(parents=True, exist_ok=True)
    np.save(vectors_file(home), x)
    fraud = built.index["is_fraud"].fill_null(False).to_numpy(zero_copy_only=False).astype(bool)[-TRAINING_CLAIMS:]
    # Label noise makes every tree split down to the last level.
    sample = TrainingSample(x, fraud | (np.random.default_rng(11).random(len(fraud)) < NOISE))
    # Evaluated on the training sample, so that it never stops early.
    family = XGBoost(
        rounds=trees, early_stopping=trees, depth=DEPTH, learning_rate=0.05, min_child_weight=1.0, colsample=0.8,
        l2=2.0, threads=1,
    )  # fmt: skip
    model = family.fit(sample, sample, features=FEATURE_NAMES).model
    margins = model.margins(x)
    calibrator = fit_calibrator(margins, sample.fraud)
    tables, typical_rows = explainer_of(model), x[:MAX_TYPICAL_SAMPLE]
    assert isinstance(tables, LeafTables)
    schema = ModelSchema.of(FEATURE_NAMES)
    document = ModelDocument(
        version=VERSION,
        features=FEATURE_NAMES,
        schema_hash=schema_hash(FEATURE_NAMES),
        trees=model.trees,
        calibration=Calibration.of(calibrator),
        threshold=float(np.quantile(calibrator.probabilities(margins), 0.99)),
        base_rate=float(fraud.mean()),
        training_range=training_range(schema, x, x),
        typical=typical_claim(schema, typical_rows, tables.explain_many(typical_rows)[1]),
        explained_by="tables",
    )
    write_artefact(models_folder(home), model=model, document=document, tables=tables)
    point(home, VERSION)
