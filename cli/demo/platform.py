"""Starts the platform step by step. Each step calls what the command of the same name calls."""

import json
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from cli.audited import RECORDED, AuditedCommand
from cli.database import with_database
from cli.demo.progress import StepLog
from cli.recording import note, recording
from core.embedded import LOOPBACK
from core.errors import TlsError
from core.settings import Settings, variable
from core.supervision import (
    Processes,
    ProcessPart,
    Proof,
    ReadyCheck,
    Reservation,
    local_url,
    reserve_address,
    reserve_socket,
    reserve_this_or_another,
)

if TYPE_CHECKING:
    from pipelines.simulate import UpcomingClaim
    from pipelines.train import TrainingReport

Ports = Mapping[str, Reservation]
"""The reserved port of each part that listens."""

GINJA = str(Path(sysconfig.get_path("scripts")) / "ginja")
PARTS = {
    "api": "the claims API",
    "scorer": "the scorer",
    "worker": "the worker",
    "tasks": "the task processes",
    "mlflow": "the MLflow UI",
}

GRACE_S = {"api": 9.0, "scorer": 4.0, "mlflow": 2.0}
"""Seconds to end: the API answers what it has begun (`api.server`), the scorer takes up to 3; MLflow waits for idle
connections without limit."""
MLFLOW_ENVIRONMENT = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
"""Without it MLflow starts seven more processes, for jobs that Ginja does not have."""

LIST_CAPACITY, LIST_AUDIT_SHARE = 50, 0.1
"""Of the first review list, as `ginja review select` has them by default."""


@dataclass(frozen=True, slots=True)
class Platform:
    """A platform: its settings, with the URLs of the started servers, its log and its processes."""

    settings: Settings
    log: StepLog
    processes: Processes
    ports: Ports
    command: str
    """`up` or `demo`, which the audit log names."""

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
class SimulatedInsurer:
    """The simulated insurer."""

    base_rate: float
    """Share of fraud in the history."""
    upcoming: "list[UpcomingClaim]"
    """Claims after the history."""


@dataclass(frozen=True, slots=True)
class RankingFigures:
    """How well one ranking of the test claims finds fraud; None: undefined."""

    name: str
    average_precision: float | None
    precision_at_1_percent: float | None
    dollars_at_1_percent: float | None
    """Share of the fraudulent amount in the 1 % of claims that it ranks first."""


@contextmanager
def reserved_ports(settings: Settings, log: StepLog) -> Iterator[tuple[Settings, "Ports"]]:
    """Reserve the port of every part that listens, until the block ends; gives the settings with these ports.

    A default port that is taken is replaced, and reported. Raises `PortTakenError` for one that the user set, and
    `TlsError` where the API is to serve HTTPS: the parts of this platform reach it on loopback.
    """
    if settings.tls_certificate is not None:
        raise TlsError(
            "GINJA_TLS_CERTIFICATE is for `ginja run api`; unset it and GINJA_TLS_KEY for a platform on this machine"
        )
    with ExitStack() as stack:
        ports: dict[str, Reservation] = {}
        for part, host, reserve in (
            ("api", settings.api_host, reserve_socket),
            ("scorer", settings.scorer_host, reserve_socket),
            ("mlflow", LOOPBACK, reserve_address),
        ):
            if part == "mlflow" and settings.mlflow_url is not None:
                continue
            name = f"{part}_port"
            preferred = getattr(settings, name)
            if name in settings.model_fields_set:
                ports[part] = reserve(host, preferred, variable(name))
            else:
                ports[part] = reserve_this_or_another(reserve, host, preferred, variable(name))
            stack.callback(ports[part].close)
            if ports[part].port != preferred:
                listens = f": {PARTS[part]} listens on {ports[part].port} (set by {variable(name)})"
                shown = Text.assemble((f"Port {preferred} is in use", "yellow"), listens)
                log.console.print(shown, highlight=False)
        yield settings.model_copy(update={f"{part}_port": one.port for part, one in ports.items()}), ports


@contextmanager
def recorded(platform: Platform, step: str) -> Iterator[None]:
    """Record this block in the audit log as the command of the same name would be; `step`: such as `model train`."""
    declared = RECORDED[step]
    with recording(platform.command, AuditedCommand(declared.act, declared.kind), {}):
        yield


def start_servers(settings: Settings, log: StepLog) -> Settings:
    """Start Postgres and Valkey and upgrade the schema; returns settings with their URLs."""
    from api.migrate import upgrade
    from core.servers import postgres_api_url, postgres_url, valkey_url

    with log.step("Postgres and Valkey") as step:
        urls = {
            "database_url": postgres_url(settings),
            "database_api_url": postgres_api_url(settings),
            "redis_url": valkey_url(settings),
        }
        upgrade(urls["database_url"])
        step.result("embedded servers" if settings.database_url is None else "the servers of the settings")
    return Settings.model_validate(settings.model_dump() | urls)


def simulate(platform: Platform, *, claims: int, live_claims: int) -> SimulatedInsurer:
    """Simulate two years of an insurer into `home/data` and load them into the database."""
    from pipelines.simulate import SimulationConfig, next_claims, summarize, write
    from pipelines.simulate import simulate as run

    with platform.log.step("Simulate an insurer") as step:
        insurer = run(SimulationConfig(claims=claims, live_claims=live_claims))
        write(insurer, platform.data)
        about = summarize(insurer)
        step.result(
            f"{about.claims:,} claims of {about.members:,} members at {about.providers:,} providers, "
            f"{about.base_rate:.2%} fraud of {len(about.kinds)} kinds"
        )
    load(platform)
    return SimulatedInsurer(about.base_rate, next_claims(insurer, 0, live_claims))


def load(platform: Platform) -> None:
    """Load `home/data` into the database."""
    from api.field_keys import FieldKeys
    from api.loading import load_folder
    from core.servers import postgres_url

    with recorded(platform, "data load"), platform.log.step("Load the history") as step:
        note(folder=str(platform.data), source="simulated")
        url = postgres_url(platform.settings)
        keys = FieldKeys(platform.settings, url)
        loaded = load_folder(url, platform.data, source="simulated", keys=keys)
        step.result(f"{loaded['claims']:,} claims and {loaded.get('claim_lines', 0):,} lines into Postgres")


def is_loaded(platform: Platform) -> bool:
    """Whether the database has a claim."""
    import psycopg

    from api.migrate import plain_url
    from core.servers import postgres_url

    with psycopg.connect(plain_url(postgres_url(platform.settings))) as connection:
        return bool(connection.execute("SELECT EXISTS (SELECT FROM claims)").fetchall()[0][0])


def train(platform: Platform) -> "TrainingReport":
    """Check the data, build features, train, evaluate, track and register a candidate."""
    from core.servers import valkey_url
    from pipelines.train import Watcher, train_and_register

    with recorded(platform, "model train"), platform.log.step("Check data, build features, train") as step:
        report = train_and_register(
            platform.settings.home, redis_url=valkey_url(platform.settings), watch=Watcher(step=step.step)
        )
        note("model", report.version)
        step.result(f"{report.version}: {report.model}, average precision {report.ap_model:.1%}")
    return report


def promote(platform: Platform) -> None:
    """Make the candidate the champion. Raises `RefusedError` if a gate refuses."""
    from pipelines.promote import promote as run

    with recorded(platform, "model promote"), platform.log.step("Check the gates, promote") as step:
        outcome = run(platform.settings.home, step=step.step)
        note("model", outcome.version, previous=outcome.previous)
        step.result(f"{len(outcome.verdicts)} gates passed: {outcome.version} is the champion")


def fill_online_store(platform: Platform) -> None:
    """Fill the online store from the database."""
    import psycopg

    from core.servers import postgres_url, valkey_url
    from core.valkey_client import valkey_client
    from features.declare import PLANS
    from features.offline import file_of
    from features.update import rebuild

    network = file_of(platform.settings.home, PLANS["provider_network"].history)
    with (
        recorded(platform, "features rebuild"),
        platform.log.step("Fill the online store") as step,
        psycopg.connect(postgres_url(platform.settings), autocommit=True) as connection,
        valkey_client(valkey_url(platform.settings)) as client,
    ):
        rebuilt = rebuild(connection, client, network=network, progress=lambda view, _rows: step.step(view))
        step.result(f"{sum(rebuilt.rows.values()):,} rows of {len(rebuilt.rows)} views in Valkey")


def fill_review_list(platform: Platform) -> None:
    """Score the recent claims of the history, and make the list of the last complete week, unless that was done."""
    from cli.review.backfill import score_recent
    from cli.review.commands import select_list

    with platform.log.step("Score recent claims, fill the review list") as step:
        with recorded(platform, "review backfill"):
            scored = score_recent(platform.settings, weeks=1, progress=step)
            note(weeks=1)
        with recorded(platform, "review select"):
            week, rows = select_list(None, capacity=LIST_CAPACITY, audit_share=LIST_AUDIT_SHARE)
            note(week=week.isoformat(), capacity=LIST_CAPACITY, audit_share=LIST_AUDIT_SHARE)
        step.result(f"{scored.claims:,} claims scored; {len(rows)} on the list of the week of {week}")


def start(platform: Platform, *names: str) -> None:
    """Start processes together, and return when all are ready."""
    with platform.log.step("Start " + ", ".join(PARTS[name] for name in names)) as step:
        started = [process_part(platform, name) for name in names]
        for part in started:
            part.start()
        for part in started:
            step.step(PARTS[part.name])
            platform.processes.wait(part.name)
        step.result(" ".join(part.address for part in started if part.address))


def process_part(platform: Platform, name: str) -> ProcessPart:
    """A process of the platform: `api`, `scorer`, `worker`, `tasks` or `mlflow`."""
    processes, ports = platform.processes, platform.ports
    if name in ("worker", "tasks"):
        return ProcessPart(processes, name, [GINJA, "run", name])
    port = ports[name]
    url = local_url(port.host, port.port)
    if name == "mlflow":
        return ProcessPart(
            processes,
            name,
            _mlflow(platform.settings),
            url,
            ReadyCheck(f"{url}/health"),
            port,
            MLFLOW_ENVIRONMENT,
            GRACE_S[name],
            liveness=f"{url}/health",
        )
    (listener,) = port.sockets
    return ProcessPart(
        processes,
        name,
        [GINJA, "run", name, "--fd", str(listener.fileno())],
        url,
        ReadyCheck(f"{url}/readyz", Proof.INSTANCE),
        port,
        grace_s=GRACE_S[name],
        liveness=f"{url}/livez",
    )


def _mlflow(settings: Settings) -> list[str]:
    from models.mlflow_store import MlflowStore

    store = MlflowStore.of(settings.home, settings.mlflow_url)
    command = ["-m", "mlflow", "server", "--host", LOOPBACK, "--port", str(settings.mlflow_port), "--workers", "1"]
    command += ["--backend-store-uri", store.url]
    return command if store.artifacts is None else [*command, "--default-artifact-root", store.artifacts]


def make_key(*, name: str, role: str) -> str:
    """Create an API key in the database of the settings; returns its secret."""
    from api.identity import create_key

    return with_database(lambda database: create_key(database, name=name, role=role))[1]


def replace_key(*, name: str, role: str) -> str:
    """Create an API key and revoke the earlier ones of this name and role; returns its secret."""
    from api.identity import replace_key

    return with_database(lambda database: replace_key(database, name=name, role=role))[1]


def rankings(report: "TrainingReport") -> list[RankingFigures]:
    """Figures of each ranking of a training run, the model first."""
    evaluation: dict[str, Any] = json.loads(report.report.with_suffix(".json").read_text())
    return [
        RankingFigures(
            name=name,
            average_precision=measures["ap"]["value"],
            precision_at_1_percent=measures["precision_at_1_percent"],
            dollars_at_1_percent=measures["dollars_at_1_percent"],
        )
        for name, measures in evaluation["rankings"].items()
    ]
