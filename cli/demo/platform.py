"""The platform, brought up step by step. Each step calls what the command of the same name calls."""

import asyncio
import json
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.demo.progress import StepLog
from core.processes import Processes, local_url, usable_port
from core.settings import Settings

if TYPE_CHECKING:
    from pipelines.train import TrainingReport

GINJA = str(Path(sysconfig.get_path("scripts")) / "ginja")
PARTS = {"api": "the claims API", "scorer": "the scorer", "worker": "the worker", "mlflow": "the MLflow UI"}


@dataclass(frozen=True, slots=True)
class Platform:
    """Where the platform runs, and what tells of it. `settings` hold the URLs of the servers that were started."""

    settings: Settings
    log: StepLog
    processes: Processes

    @property
    def data(self) -> Path:
        """Folder of the insurer's frames."""
        return self.settings.home / "data"

    @property
    def api_url(self) -> str:
        """Where the claims API is reached from here."""
        return local_url(self.settings.api_host, self.settings.api_port)

    @property
    def scorer_url(self) -> str:
        """Where the scorer is reached from here."""
        return local_url(self.settings.scorer_host, self.settings.scorer_port)


@dataclass(frozen=True, slots=True)
class Simulated:
    """What is known of the simulated insurer."""

    base_rate: float
    """Share of fraud in the history."""
    upcoming: list[dict[str, Any]]
    """Claims that arrive after it: the claims frame's columns, and `line_items`."""


def with_usable_ports(settings: Settings, log: StepLog) -> Settings:
    """The settings with ports that are free now; each one that was taken is named."""
    taken: set[int] = set()
    ports: dict[str, int] = {}
    for part, host in (("api", settings.api_host), ("scorer", settings.scorer_host), ("mlflow", "127.0.0.1")):
        name = f"{part}_port"
        wanted = getattr(settings, name)
        ports[name] = usable_port(wanted, host=host, taken=taken)
        if ports[name] != wanted:
            log.console.print(
                f"[yellow]port {wanted} is taken[/], so {PARTS[part]} listens on {ports[name]} "
                f"(GINJA_{name.upper()} sets it)",
                highlight=False,
            )
    return settings.model_copy(update=ports)


def start_servers(settings: Settings, log: StepLog) -> Settings:
    """Postgres and Valkey run, and the database is at the newest schema; returns settings that name them."""
    from api.migrate import upgrade
    from core.servers import postgres_url, valkey_url

    with log.step("Postgres and Valkey") as step:
        urls = {"database_url": postgres_url(settings), "redis_url": valkey_url(settings)}
        upgrade(urls["database_url"])
        step.result("real servers out of wheels" if settings.database_url is None else "the servers you named")
    return Settings.model_validate(settings.model_dump() | urls)


def simulate(platform: Platform, *, claims: int, live_claims: int) -> Simulated:
    """An insurer's two years are in `home/data`, and in the database."""
    from pipelines.simulate import SimulationConfig, next_claims, summarize, write
    from pipelines.simulate import simulate as run

    with platform.log.step("Simulate an insurer") as step:
        insurer = run(SimulationConfig(claims=claims, live_claims=live_claims))
        write(insurer, platform.data)
        about = summarize(insurer)
        step.result(
            f"{about['claims']:,} claims of {about['members']:,} members at {about['providers']:,} providers, "
            f"{about['base_rate']:.2%} fraud of {len(about['kinds'])} kinds"
        )
    load(platform)
    return Simulated(float(about["base_rate"]), next_claims(insurer, 0, live_claims))


def load(platform: Platform) -> None:
    """What is in `home/data` is in the database."""
    from api.loading import load_folder
    from core.servers import postgres_url

    with platform.log.step("Load the history") as step:
        loaded = load_folder(postgres_url(platform.settings), platform.data, source="simulated")
        step.result(f"{loaded['claims']:,} claims and {loaded.get('claim_lines', 0):,} lines into Postgres")


def is_loaded(platform: Platform) -> bool:
    """Whether the database holds a claim."""
    import psycopg

    from api.migrate import plain_url
    from core.servers import postgres_url

    with psycopg.connect(plain_url(postgres_url(platform.settings))) as connection:
        return bool(connection.execute("SELECT EXISTS (SELECT FROM claims)").fetchall()[0][0])


def train(platform: Platform) -> "TrainingReport":
    """A candidate is registered: raw claims gated, features built, vectors gated, trained, judged, tracked."""
    from core.servers import valkey_url
    from pipelines.train import Watcher, train_and_register

    with platform.log.step("Gate, build features, train") as step:
        report = train_and_register(
            platform.settings.home, redis_url=valkey_url(platform.settings), watch=Watcher(step=step.step)
        )
        step.result(
            f"{report.version}: {report.trees} trees on {report.features} features, "
            f"average precision {report.ap_model:.1%}"
        )
    return report


def promote(platform: Platform) -> None:
    """The candidate is the champion, if every gate agrees."""
    from pipelines.promote import promote as run

    with platform.log.step("Ask the gates, promote") as step:
        outcome = run(platform.settings.home, step=step.step)
        step.result(f"{len(outcome.verdicts)} gates passed: {outcome.version} is the champion")


def fill_online_store(platform: Platform) -> None:
    """The online store holds every state of the past as of now."""
    import psycopg
    import redis

    from core.servers import postgres_url, valkey_url
    from features.declare import PLANS
    from features.offline import file_of
    from features.update import rebuild

    network = file_of(platform.settings.home, PLANS["provider_network"].history)
    with (
        platform.log.step("Fill the online store") as step,
        psycopg.connect(postgres_url(platform.settings), autocommit=True) as connection,
        redis.Redis.from_url(valkey_url(platform.settings)) as client,
    ):
        rebuilt = rebuild(connection, client, network=network, progress=lambda view, _rows: step.step(view))
        step.result(f"{sum(rebuilt.rows.values()):,} rows of {len(rebuilt.rows)} views in Valkey")


def start(platform: Platform, *names: str) -> None:
    """Start processes, all at once, and return when each is ready."""
    with platform.log.step("Start " + ", ".join(PARTS[name] for name in names)) as step:
        for name in names:
            launch(platform, name)
        for name in names:
            step.step(PARTS[name])
            platform.processes.wait(name)
        step.result(" ".join(url for name in names if (url := _urls(platform).get(name))))


def launch(platform: Platform, name: str) -> None:
    """Start one process; `platform.processes.wait` tells when it is ready."""
    settings, ready = platform.settings, _urls(platform)
    commands = {
        "api": ([GINJA, "run", "api"], f"{ready['api']}/readyz"),
        "scorer": ([GINJA, "run", "scorer"], f"{ready['scorer']}/readyz"),
        "worker": ([GINJA, "run", "worker"], None),
        "mlflow": (_mlflow(settings), f"{ready['mlflow']}/health"),
    }
    command, ready_url = commands[name]
    platform.processes.start(name, command, ready_url=ready_url)


def _urls(platform: Platform) -> dict[str, str]:
    mlflow = local_url("127.0.0.1", platform.settings.mlflow_port)
    return {"api": platform.api_url, "scorer": platform.scorer_url, "mlflow": mlflow}


def _mlflow(settings: Settings) -> list[str]:
    from models.registry import MlflowStore

    store = MlflowStore.of(settings.home, settings.mlflow_url)
    command = ["-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(settings.mlflow_port), "--workers", "1"]
    command += ["--backend-store-uri", store.url]
    return command if store.artifacts is None else [*command, "--default-artifact-root", store.artifacts]


def make_key(platform: Platform, *, name: str, role: str) -> str:
    """A fresh API key's secret."""
    from api.database import Database
    from api.identity import create_key
    from core.servers import postgres_url

    async def make() -> str:
        database = Database(postgres_url(platform.settings), pool_size=1)
        try:
            return (await create_key(database, name=name, role=role))[1]
        finally:
            await database.close()

    return asyncio.run(make())


def rankings(report: "TrainingReport") -> list[tuple[str, dict[str, float | None]]]:
    """The judged rankings of a training run, the model first."""
    evaluation: dict[str, Any] = json.loads(report.report.with_suffix(".json").read_text())
    return [
        (
            name,
            {
                "ap": judged["ap"]["value"],
                "precision": judged["precision_at_1_percent"],
                "dollars": judged["dollars_at_1_percent"],
            },
        )
        for name, judged in evaluation["who"].items()
    ]
