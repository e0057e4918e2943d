"""`ginja up`: start the platform, create what is missing, and keep it running."""

import time

from rich.table import Table

from cli.demo import platform as bring_up
from cli.demo.platform import PARTS, Platform
from cli.demo.progress import StepLog
from cli.output import print_json
from cli.platform.addresses import Addresses
from cli.platform.addresses import remove as remove_addresses
from core.processes import ProcessError, Processes, local_url
from core.servers import stop_servers
from core.settings import Settings, held

_LOOK_S = 1.0
_LIVE_CLAIMS = 500
"""Claims stored in `upcoming.parquet`, to be submitted by hand."""


def stay_up(settings: Settings, log: StepLog, *, claims: int, as_json: bool) -> None:
    """Start everything under the settings' home, print the addresses, and stop everything on Ctrl-C.

    Raises `ProcessError` when one of the processes exits.
    """
    settings = bring_up.with_usable_ports(settings.model_copy(update={"home": settings.home.resolve()}), log)
    try:
        with held(settings):
            named = bring_up.start_servers(settings, log)
        with held(named), Processes(named.home / "run", named.environment()) as processes:
            platform = Platform(named, log, processes)
            _make_what_is_missing(platform, claims)
            parts = ["scorer", "api", "worker", *(["mlflow"] if named.mlflow_url is None else [])]
            bring_up.start(platform, *parts)
            Addresses.of(named).write(named.home)
            _show(platform, key=bring_up.make_key(platform, name="ginja up", role="admin"), as_json=as_json)
            while ended := [name for name in parts if processes.running(name)]:
                if len(ended) < len(parts):
                    gone = ", ".join(PARTS[name] for name in parts if not processes.running(name))
                    raise ProcessError(f"{gone} exited; see its log in {named.home / 'run'}")
                time.sleep(_LOOK_S)
    except KeyboardInterrupt:
        pass  # Ctrl-C is how it is stopped
    finally:
        stop_servers(settings.home)
        remove_addresses(settings.home)
        log.console.print("Everything was stopped; data and models are kept.")


def _make_what_is_missing(platform: Platform, claims: int) -> None:
    from models.artefact import read_pointer
    from pipelines.store import DATASET

    if not (platform.data / DATASET).exists():
        bring_up.simulate(platform, claims=claims, live_claims=_LIVE_CLAIMS)
    elif not bring_up.is_loaded(platform):
        bring_up.load(platform)
    if read_pointer(platform.settings.home) is None:
        bring_up.train(platform)
        bring_up.promote(platform)
    bring_up.fill_online_store(platform)
    bring_up.fill_review_list(platform)


def _show(platform: Platform, *, key: str, as_json: bool) -> None:
    settings = platform.settings
    addresses = {
        "API documentation": f"{platform.api_url}/docs",
        "claims API": f"{platform.api_url}/v1/claims",
        "console": f"{platform.api_url}/console",
        "MLflow": settings.mlflow_url or local_url("127.0.0.1", settings.mlflow_port),
        "scorer": platform.scorer_url,
        "API key (role admin)": key,
    }
    if as_json:
        names = ("docs", "claims", "console", "mlflow", "scorer", "api_key")
        print_json(dict(zip(names, addresses.values(), strict=True)))
        return
    table = Table.grid(padding=(0, 2))
    for name, where in addresses.items():
        table.add_row(name, where)
    platform.log.heading("Running. Ctrl-C stops everything.")
    platform.log.console.print(table, highlight=False)
