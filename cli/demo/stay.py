"""`ginja up`: start the platform, create what is missing, and keep it running."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.demo import platform as bring_up
from cli.demo.platform import Platform
from cli.demo.preparation import make_what_is_missing, run_in_child
from cli.demo.progress import StepLog
from cli.output import print_json
from cli.platform.parts_table import change, parts_table
from core import postgres, valkey
from core.embedded import tail
from core.servers import stop_servers
from core.settings import Settings, held
from core.supervision import (
    PartState,
    PartStatus,
    Processes,
    ServerPart,
    StopSignals,
    Supervisor,
    local_url,
    platform_lock,
)

KEY_NAME = "ginja up"
_RECORD_S = 2.0
_LOG_LINES = 6
"""Lines of the log of a part that crash loops."""
_STOP = (("api", "worker", "tasks", "mlflow"), ("scorer",), ("postgres", "valkey"))
"""What is stopped together, in order: the API needs scorer and servers to answer what it has begun."""

Show = Callable[[Sequence[PartStatus]], None]


def stay_up(settings: Settings, log: StepLog, signals: StopSignals, *, claims: int, as_json: bool) -> None:
    """Start everything under the settings' home, keep it running, and stop everything when a signal arrives.

    Raises `PreparationError` where the preparation fails, and `CoreError` where the first start fails, the home has a
    platform already, a port that was set is taken, or the supervisor itself fails.
    """
    settings = settings.model_copy(update={"home": settings.home.resolve()})
    with platform_lock(settings.home), bring_up.reserved_ports(settings, log) as (settings, ports):
        try:
            with held(settings):
                named = bring_up.start_servers(settings, log)
            with held(named), Processes(named.home / "run", named.environment()) as processes:
                platform = Platform(named, log, processes, ports, "up")
                run_in_child(lambda: make_what_is_missing(platform, claims))
                names = ["scorer", "api", "worker", "tasks", *(["mlflow"] if "mlflow" in ports else [])]
                bring_up.start(platform, *names)
                key = bring_up.replace_key(name=KEY_NAME, role="admin")
                _show_addresses(platform, key=key, as_json=as_json)
                supervisor = _supervisor(settings, platform, names)
                try:
                    _supervise(supervisor, log.console)
                finally:
                    signals.end()
                    supervisor.stop(_STOP, signals.forced)
        except KeyboardInterrupt:
            pass  # Ctrl-C is how it is stopped
        finally:
            signals.end()
            stop_servers(settings.home)
            log.console.print("Everything was stopped; data and models are kept.")


def _supervisor(settings: Settings, platform: Platform, names: Sequence[str]) -> Supervisor:
    """The supervisor of these processes, and of the embedded servers where no others are named."""
    home, processes = platform.settings.home, platform.processes
    watched: list[Supervisor] = []

    def moved(setting: str) -> Callable[[str], None]:
        def set_url(url: str) -> None:
            processes.set_environment(setting, url)
            if setting == "GINJA_DATABASE_URL":
                processes.set_environment("GINJA_DATABASE_API_URL", postgres.api_url(home))
            watched[0].restart(("scorer", "api", "worker", "tasks"))

        return set_url

    servers = [
        ServerPart(postgres, home, postgres.url(home), moved("GINJA_DATABASE_URL"))
        if settings.database_url is None
        else None,
        ServerPart(valkey, home, valkey.url(home), moved("GINJA_REDIS_URL")) if settings.redis_url is None else None,
    ]
    parts = [bring_up.process_part(platform, name) for name in names]
    watched.append(Supervisor(home, [*(server for server in servers if server is not None), *parts]))
    return watched[0]


def _supervise(supervisor: Supervisor, console: Console) -> None:
    """Watch and show the parts until a signal arrives."""
    supervisor.start()
    with _shown_on(console) as show:
        while True:
            show(supervisor.record())
            time.sleep(_RECORD_S)


@contextmanager
def _shown_on(console: Console) -> Iterator[Show]:
    """A table that is kept up to date on a terminal, and a line for each change anywhere else."""
    if not console.is_terminal:
        lines = _Lines(console)
        yield lines.show
        return
    from rich.live import Live

    with Live(console=console, auto_refresh=False) as live:
        yield lambda parts: live.update(_screen(parts), refresh=True)


def _screen(parts: Sequence[PartStatus]) -> RenderableType:
    logs = [
        Text(f"{part.name} {part.ended}; end of {part.log}:\n{tail(Path(part.log), _LOG_LINES)}")
        for part in parts
        if part.state is PartState.CRASH_LOOPING
    ]
    return Group(parts_table(parts), *logs)


class _Lines:
    """Prints what changed since the last look."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._earlier: dict[str, PartStatus] = {}

    def show(self, parts: Sequence[PartStatus]) -> None:
        for part in parts:
            line = change(part, self._earlier.get(part.name))
            if line is not None:
                self._print(line)
                if part.state is PartState.CRASH_LOOPING:
                    self._print(f"end of {part.log}:\n{tail(Path(part.log), _LOG_LINES)}")
            self._earlier[part.name] = part

    def _print(self, text: str) -> None:
        self._console.print(text, highlight=False)


def addresses_of(settings: Settings, *, api_url: str, scorer_url: str, key: str) -> dict[str, str]:
    """Where what runs is reached, by what it is; that of MLflow opens on the experiment with our runs."""
    from models.mlflow_store import MlflowStore

    mlflow = settings.mlflow_url or local_url("127.0.0.1", settings.mlflow_port)
    return {
        "API documentation": f"{api_url}/docs",
        "claims API": f"{api_url}/v1/claims",
        "console": f"{api_url}/console",
        "MLflow": MlflowStore.of(settings.home, settings.mlflow_url).experiment_page(mlflow),
        "scorer": scorer_url,
        "API key (role admin)": key,
    }


def _show_addresses(platform: Platform, *, key: str, as_json: bool) -> None:
    addresses = addresses_of(platform.settings, api_url=platform.api_url, scorer_url=platform.scorer_url, key=key)
    if as_json:
        names = ("docs", "claims", "console", "mlflow", "scorer", "api_key")
        print_json(dict(zip(names, addresses.values(), strict=True)))
        return
    table = Table.grid(padding=(0, 2))
    for name, where in addresses.items():
        table.add_row(name, where)
    platform.log.heading("Running. Ctrl-C stops everything.")
    platform.log.console.print(table, highlight=False)
    platform.log.console.print("The key is shown once; it replaces the one of the previous start.", highlight=False)
