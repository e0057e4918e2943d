"""`ginja run`: one process of the platform, until it is stopped."""

from typing import TYPE_CHECKING

import click

from cli.command import command
from cli.options import PORT

if TYPE_CHECKING:
    from socket import socket


_FD = click.option(
    "--fd",
    type=click.IntRange(3),
    help="Descriptor of an inherited socket that is bound; in place of --host and --port.",
)


def _inherited(descriptor: int) -> "socket":
    from core.supervision import inherited_socket

    try:
        return inherited_socket(descriptor)
    except OSError as error:
        raise click.UsageError(f"--fd {descriptor} is not an inherited socket ({error.strerror}).") from None


def _address(inherited: "socket | None", host: str, port: int) -> tuple[str, int]:
    """Host and port of the inherited socket, or those of options and settings."""
    if inherited is None:
        return host, port
    name = inherited.getsockname()
    return str(name[0]), int(name[1])


def _announce(part: str, url: str | None, *, as_json: bool) -> None:
    """With `--json`, say on standard output what is being started; the log goes to the error stream."""
    if as_json:
        import os

        from cli.output import print_json

        print_json({"part": part, "url": url, "pid": os.getpid()})


@command(examples=["ginja run api", "ginja run api --host 0.0.0.0 --port 8080"])
@click.option("--host", help="Address to bind to. [GINJA_API_HOST]")
@click.option("--port", type=PORT, help="Port to listen on. [GINJA_API_PORT]")
@_FD
def api(host: str | None, port: int | None, fd: int | None, as_json: bool) -> None:
    """Serve the claims API until stopped; upgrades the database schema first.

    With GINJA_TLS_CERTIFICATE and GINJA_TLS_KEY it serves HTTPS.
    """
    import uvicorn

    from api.app import create_app
    from api.field_keys import check_master_key
    from api.migrate import upgrade
    from api.server import CANCELLED_S, Drain, DrainingServer
    from core import telemetry
    from core.bounded_http import KEEP_ALIVE_S, ConnectionLimits, bounded
    from core.embedded import check_port
    from core.logging import configure_logging
    from core.servers import postgres_api_url, postgres_url, running_valkey_url
    from core.settings import settings
    from core.supervision import begin_instance, local_url
    from core.tls import server_context

    telemetry.turn_off()
    now = settings()
    inherited = None if fd is None else _inherited(fd)
    host, port = _address(inherited, host or now.api_host, port or now.api_port)
    if inherited is None:
        check_port(port, host, option="GINJA_API_PORT")
    configure_logging(now.log_level)
    begin_instance(now.home.resolve(), "api")
    upgrade(postgres_url(now))
    database_url = postgres_api_url(now)
    check_master_key(now, database_url)
    tls = None
    if now.tls_certificate is not None and now.tls_key is not None:
        tls = server_context(now.tls_certificate, now.tls_key)
    _announce("api", local_url(host, port, "http" if tls is None else "https"), as_json=as_json)
    drain = Drain()
    config = uvicorn.Config(
        create_app(now, database_url, drain, redis_url=running_valkey_url(now)),
        host=host,
        port=port,
        loop="uvloop",
        http=bounded(ConnectionLimits(connections=now.max_connections, per_address=now.max_connections_per_address)),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # `api/client_address.py` reads them, of trusted proxies only
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=int(CANCELLED_S),
        ssl_context_factory=None if tls is None else lambda _config, _default: tls,
    )
    DrainingServer(config, drain).run(sockets=None if inherited is None else [inherited])


@command(examples=["ginja run scorer", "ginja run scorer --workers 2"])
@click.option("--host", help="Address to bind to; keep it private. [GINJA_SCORER_HOST]")
@click.option("--port", type=PORT, help="Port to listen on. [GINJA_SCORER_PORT]")
@click.option("--workers", type=click.IntRange(1, 64), help="Worker processes. [GINJA_SCORER_WORKERS]")
@_FD
def scorer(host: str | None, port: int | None, workers: int | None, fd: int | None, as_json: bool) -> None:
    """Serve the champion: score claims over HTTP until stopped."""
    from core import telemetry
    from core.embedded import check_port
    from core.logging import configure_logging
    from core.servers import awaited_valkey_url
    from core.settings import settings
    from core.supervision import begin_instance, local_url
    from serving.supervisor import supervise

    telemetry.turn_off()
    now = settings()
    inherited = None if fd is None else _inherited(fd)
    host, port = _address(inherited, host or now.scorer_host, port or now.scorer_port)
    if inherited is None:  # otherwise the workers bind the port beside the socket that reserves it
        check_port(port, host, option="GINJA_SCORER_PORT")
    configure_logging(now.log_level)
    begin_instance(now.home.resolve(), "scorer")
    awaited_valkey_url(now)  # starts the embedded one, so that the workers find it
    _announce("scorer", local_url(host, port), as_json=as_json)
    supervise(host, port, workers=workers or now.scorer_workers, home=now.home.resolve())


@command(examples=["ginja run worker", "ginja run worker --metrics-port 9100"])
@click.option("--metrics-port", type=PORT, help="Port of the Prometheus metrics; default: they are not served.")
def worker(metrics_port: int | None, as_json: bool) -> None:
    """Update features, score again what the rule decided, and run the daily jobs, until stopped."""
    import asyncio

    from prometheus_client import start_http_server

    from api.field_keys import check_master_key
    from api.migrate import upgrade
    from api.worker import run_worker
    from cli.review.selection import lead_tools
    from core.embedded import check_port
    from core.logging import configure_logging
    from core.servers import awaited_valkey_url, postgres_api_url, postgres_url
    from core.settings import settings
    from core.supervision import local_url
    from features.declare import PLANS
    from features.offline import file_of

    now = settings()
    configure_logging(now.log_level)
    if metrics_port is not None:
        check_port(metrics_port, now.api_host, option="--metrics-port")
        start_http_server(metrics_port, addr=now.api_host)
    database_url, redis_url = postgres_url(now), awaited_valkey_url(now)
    upgrade(database_url)
    api_url = postgres_api_url(now)
    check_master_key(now, api_url)
    network = file_of(now.home, PLANS["provider_network"].history)
    metrics_url = None if metrics_port is None else f"{local_url(now.api_host, metrics_port)}/metrics"
    _announce("worker", metrics_url, as_json=as_json)
    leads = lead_tools(database_url, now)
    asyncio.run(run_worker(now, api_url, redis_url, owner_url=database_url, network=network, leads=leads))


@command(examples=["ginja run tasks", "ginja run tasks --processes 4", "ginja run tasks --metrics-port 9101"])
@click.option("--processes", type=click.IntRange(1, 64), help="Tasks carried out at a time. [GINJA_TASK_PROCESSES]")
@click.option("--metrics-port", type=PORT, help="Port of the Prometheus counters; default: they are not served.")
def tasks(processes: int | None, metrics_port: int | None, as_json: bool) -> None:
    """Carry out tasks, such as claims sent with `Prefer: respond-async`, until stopped."""
    from core.embedded import check_port
    from core.process_counters import serve_counters, share_counters
    from core.settings import settings
    from core.supervision import local_url

    now, counters = settings(), None
    if metrics_port is not None:
        check_port(metrics_port, now.api_host, option="--metrics-port")
        counters = share_counters(now.home.resolve() / "run" / f"task-metrics-{metrics_port}")

    from api.field_keys import check_master_key
    from api.migrate import upgrade
    from api.task_process import run_tasks
    from core.logging import configure_logging
    from core.servers import awaited_valkey_url, postgres_api_url, postgres_url

    if processes is not None:
        now = now.model_copy(update={"task_processes": processes})
    configure_logging(now.log_level)
    upgrade(postgres_url(now))
    database_url = postgres_api_url(now)
    check_master_key(now, database_url)
    if metrics_port is not None and counters is not None:
        serve_counters(now.api_host, metrics_port, counters)
    metrics_url = None if metrics_port is None else f"{local_url(now.api_host, metrics_port)}/metrics"
    _announce("tasks", metrics_url, as_json=as_json)
    run_tasks(now, database_url, awaited_valkey_url(now))


@command(examples=["ginja run migrate"])
def migrate(as_json: bool) -> None:
    """Upgrade the database schema to the newest revision; safe to run again."""
    from api.migrate import upgrade
    from cli.output import print_json
    from core.servers import postgres_url
    from core.settings import settings

    upgrade(postgres_url(settings()))
    if as_json:
        print_json({"schema": "newest"})
    else:
        click.echo("The database is at the newest schema.")
