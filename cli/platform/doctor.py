"""`ginja doctor`: whether this machine can run the platform, and what to do where it cannot."""

import os
import shutil
import stat
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.command import ProcessCommand, command
from cli.exit_codes import ExitCode
from cli.output import print_json
from cli.progress import task

if TYPE_CHECKING:
    from core.settings import Settings

_PYTHONS = ((3, 11), (3, 14))
_DISK_GB, _LEAST_DISK_GB = 5.0, 1.0
_MEMORY_GB, _LEAST_MEMORY_GB = 4.0, 1.5
_CORES = 2
_GB = 1_000_000_000
_ROW_SECURITY = """
    SELECT (SELECT relrowsecurity FROM pg_class WHERE oid = to_regclass('claims')),
           EXISTS (SELECT FROM pg_roles WHERE rolname = current_user || '_api' AND NOT rolsuper AND NOT rolbypassrls)
"""
_LIBRARIES = {
    "features": ("duckdb", "feast", "numpy", "pandas"),
    "models": ("numba", "sklearn", "xgboost"),
    "serving": ("bentoml",),
    "pipelines": ("great_expectations", "matplotlib", "optuna", "yaml", "sknetwork"),
}
"""The libraries of each extra, by their import names."""


class Level(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Check:
    """One check, and what to do about it."""

    name: str
    level: Level
    found: str
    advice: str = ""


@command(examples=["ginja doctor", "ginja doctor --json"], kind=ProcessCommand)
def doctor(as_json: bool) -> None:
    """Check Python, libraries, settings, disk, memory, ports, file permissions and servers; exits 1 if one fails."""
    from core.settings import settings

    with task("Checking this machine") as progress:
        checks = []
        for check in checks_of(settings()):
            progress.detail(check.name)
            checks.append(check)
    failed = any(check.level is Level.FAILED for check in checks)
    if as_json:
        print_json({"ok": not failed, "checks": [asdict(check) for check in checks]})
    else:
        _show(checks)
    if failed:
        raise SystemExit(ExitCode.FAILED)


def checks_of(settings: "Settings") -> Iterator[Check]:
    """Every check, one after the other. Nothing is left behind in the home."""
    from core.servers import running_postgres_url

    home = settings.home.resolve()
    yield check_python(sys.version_info[:2])
    yield from (check_extra(extra, names) for extra, names in _LIBRARIES.items())
    yield Check("settings", Level.OK, f"{len(settings.model_fields_set)} set, all valid")
    yield check_home(home)
    yield check_privacy(home)
    yield check_disk(shutil.disk_usage(_existing(home)).free)
    yield check_memory(_free_memory())
    yield check_cores(os.cpu_count() or 1)
    yield from _ports(settings)
    yield check_server("postgres", settings)
    yield check_server("valkey", settings)
    yield check_tls(settings)
    yield check_signatures(settings)
    yield check_master_key(settings)
    yield check_telemetry()
    if (url := running_postgres_url(settings)) is not None:
        yield check_row_security(url)


def check_python(version: tuple[int, int]) -> Check:
    """Whether this Python is supported."""
    low, high = _PYTHONS
    text = ".".join(map(str, version))
    if low <= version < high:
        return Check("python", Level.OK, text)
    return Check("python", Level.FAILED, f"{text} is not supported", "Install Python 3.11, 3.12 or 3.13.")


def check_extra(extra: str, names: tuple[str, ...]) -> Check:
    """Whether the libraries of an extra are installed."""
    missing = [name for name in names if find_spec(name) is None]
    if not missing:
        return Check(f"libraries: {extra}", Level.OK, "installed")
    return Check(
        f"libraries: {extra}",
        Level.WARNING,
        f"{', '.join(missing)} not installed",
        f"If this machine needs them: pip install '.[{extra}]' in a checkout.",
    )


def check_home(home: Path) -> Check:
    """Whether this user can write the home."""
    place = _existing(home)
    if not place.is_dir():
        return Check("home", Level.FAILED, f"{place} is not a folder", "Set GINJA_HOME to a folder.")
    if not os.access(place, os.W_OK | os.X_OK):
        return Check("home", Level.FAILED, f"{place} is not writable", "Set GINJA_HOME to a folder you can write.")
    return Check("home", Level.OK, str(home) if home.exists() else f"{home} (not created yet)")


def check_privacy(home: Path) -> Check:
    """Whether only their owner can read what is in the home; claims hold personal data."""
    others = stat.S_IRWXG | stat.S_IRWXO
    found = [path for path in sorted(home.glob("*")) if not path.is_symlink() and path.lstat().st_mode & others]
    if not found:
        return Check("file permissions", Level.OK, "the home is readable by its owner only")
    names = " ".join(map(str, found))
    return Check("file permissions", Level.FAILED, f"other users can read {names}", f"chmod -R go-rwx {names}")


def check_disk(free: int) -> Check:
    """Whether there is room for data, models and the embedded servers."""
    advice = f"Free {_DISK_GB:.0f} GB, or set GINJA_HOME to a larger disk."
    return _at_least("disk", free / _GB, _DISK_GB, _LEAST_DISK_GB, "GB free", advice)


def check_memory(free: int | None) -> Check:
    """Whether there is memory for training; `None`: the system does not say."""
    if free is None:
        return Check("memory", Level.OK, "unknown on this system")
    advice = f"Training on 100,000 claims needs about {_LEAST_MEMORY_GB} GB; close other programs."
    return _at_least("memory", free / _GB, _MEMORY_GB, _LEAST_MEMORY_GB, "GB available", advice)


def check_cores(cores: int) -> Check:
    """Whether scorer and API have a core each."""
    if cores >= _CORES:
        return Check("processor", Level.OK, f"{cores} cores")
    return Check("processor", Level.WARNING, f"{cores} core", f"Latency figures are for {_CORES} cores or more.")


def check_port(name: str, port: int, host: str, *, ours: bool) -> Check:
    """Whether a part can listen on its port; `ours`: this home's platform already does."""
    from core import embedded

    title, variable = f"port of {name}", f"GINJA_{name.upper()}_PORT"
    if ours:
        return Check(title, Level.OK, f"{port}, used by this platform")
    if embedded.port_is_free(port, host):
        return Check(title, Level.OK, f"{port} is free")
    return Check(
        title,
        Level.WARNING,
        f"{port} is in use by another program",
        f"Set {variable} to a free port; unless it is set, `ginja up` chooses another one.",
    )


def check_server(name: str, settings: "Settings") -> Check:
    """Whether the server that the settings name answers, or the embedded one starts."""
    from cli.platform.parts import postgres_answers, valkey_answers

    url, variable, answers = {
        "postgres": (settings.database_url, "GINJA_DATABASE_URL", postgres_answers),
        "valkey": (settings.redis_url, "GINJA_REDIS_URL", valkey_answers),
    }[name]
    if url is None:
        return _embedded(name, settings.home.resolve(), variable)
    if answers(url.get_secret_value()):
        return Check(name, Level.OK, f"answers at {variable}")
    return Check(name, Level.FAILED, "does not answer", f"Start it, or correct {variable}.")


def check_tls(settings: "Settings") -> Check:
    """Whether what leaves this machine is encrypted."""
    from core.embedded import LOOPBACK

    if settings.tls_certificate is not None:
        return Check("tls", Level.OK, "the API serves HTTPS")
    if settings.api_host in (LOOPBACK, "localhost", "::1"):
        return Check("tls", Level.OK, "the API is reached from this machine only")
    advice = "Set GINJA_TLS_CERTIFICATE and GINJA_TLS_KEY, or have a proxy on this machine serve HTTPS."
    return Check("tls", Level.WARNING, f"the API listens on {settings.api_host} without TLS", advice)


def check_signatures(settings: "Settings") -> Check:
    """Whether approvals and administration must be signed or confirmed."""
    if settings.signed_requests == "required":
        return Check("signed requests", Level.OK, "required for approvals and administration")
    advice = "Unset GINJA_SIGNED_REQUESTS before people work with this platform."
    return Check("signed requests", Level.WARNING, "verified only where they are sent", advice)


def check_master_key(settings: "Settings") -> Check:
    """Which key provider has the master key."""
    if settings.key_provider != "file":
        return Check("master key", Level.OK, f"held by {settings.key_provider}")
    where = "GINJA_ENCRYPTION_KEYS" if settings.encryption_keys is not None else "a file of the home"
    return Check("master key", Level.OK, f"in {where}, beside the data: back it up elsewhere")


def check_telemetry() -> Check:
    """Whether the telemetry of libraries is off here, and so in the processes that commands start."""
    from core.telemetry import switched_off

    found = switched_off()
    if on := [name for name, is_off in found.items() if not is_off]:
        advice = "Start the platform by `ginja`, which turns it off, and remove what turns it on from the environment."
        return Check("telemetry", Level.FAILED, f"not turned off: {', '.join(on)}", advice)
    return Check("telemetry", Level.OK, f"off: {', '.join(found)}")


def check_row_security(url: str) -> Check:
    """Whether requests are answered under a role that row security binds."""
    import psycopg

    from api.database import NO_LIMITS, connect
    from api.migrate import plain_url

    title, advice = "row security", "Run `ginja run migrate`, and see docs/operate/database-roles.md."
    try:
        with connect(plain_url(url), NO_LIMITS) as connection:
            found = connection.execute(_ROW_SECURITY).fetchone()
    except psycopg.Error:
        return Check(title, Level.WARNING, "not checked: the database does not answer", "Start it, and run it again.")
    is_secured, is_bound = found or (None, None)
    if is_secured is None:
        return Check(title, Level.WARNING, "the database has no tables yet", "Run `ginja run migrate`.")
    if not is_secured:
        return Check(title, Level.FAILED, "off for claims", advice)
    if not is_bound:
        return Check(title, Level.FAILED, "the role of requests is missing, or may bypass it", advice)
    return Check(title, Level.OK, "on, and the role of requests cannot bypass it")


def _embedded(name: str, home: Path, variable: str) -> Check:
    from core import postgres, valkey
    from core.errors import CoreError
    from core.servers import temporary_home

    server = postgres if name == "postgres" else valkey
    if server.running(home) is not None:
        return Check(name, Level.OK, "the embedded server is running")
    try:
        with temporary_home("ginja-doctor-") as folder:
            server.url(folder)
    except CoreError as error:
        return Check(name, Level.FAILED, " ".join(str(error).split()), f"Or set {variable} to a server you have.")
    return Check(name, Level.OK, "the embedded server starts and stops")


def _ports(settings: "Settings") -> Iterator[Check]:
    from cli.platform.parts import parts_of

    ours = {part.port for part in parts_of(settings) if part.pid is not None}
    yield check_port("api", settings.api_port, settings.api_host, ours=settings.api_port in ours)
    yield check_port("scorer", settings.scorer_port, settings.scorer_host, ours=settings.scorer_port in ours)
    if settings.mlflow_url is None:
        yield check_port("mlflow", settings.mlflow_port, "127.0.0.1", ours=settings.mlflow_port in ours)


def _at_least(name: str, value: float, recommended: float, least: float, unit: str, advice: str) -> Check:
    found = f"{value:.1f} {unit}"
    if value >= recommended:
        return Check(name, Level.OK, found)
    return Check(name, Level.WARNING if value >= least else Level.FAILED, found, advice)


def _free_memory() -> int | None:
    """Available memory in bytes, where the system has `/proc/meminfo`."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    kilobytes = [int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")]
    return kilobytes[0] * 1_024 if kilobytes else None


def _existing(path: Path) -> Path:
    """The path, or the nearest folder above it that exists."""
    return next(one for one in (path, *path.parents) if one.exists())


def _show(checks: list[Check]) -> None:
    signs = {Level.OK: ("✓", "green"), Level.WARNING: ("!", "yellow"), Level.FAILED: ("✗", "red")}
    for check in checks:
        sign, colour = signs[check.level]
        click.echo(f"{click.style(sign, fg=colour)} {check.name:<22} {check.found}")
        if check.advice:
            click.echo(f"  {'':<22} {check.advice}")
    problems = sum(check.level is not Level.OK for check in checks)
    click.echo("All checks passed." if not problems else f"{problems} of {len(checks)} checks need attention.")
