"""`ginja run`: one process of the platform, until it is stopped."""

import click

from cli.command import command
from cli.options import PORT


def _announce(part: str, url: str | None, *, as_json: bool) -> None:
    """With `--json`, say on standard output what is being started; the log goes to the error stream."""
    if as_json:
        import os

        from cli.output import print_json

        print_json({"part": part, "url": url, "pid": os.getpid()})


@command(examples=["ginja run api", "ginja run api --host 0.0.0.0 --port 8080"])
@click.option("--host", help="Address to bind to. [GINJA_API_HOST]")
@click.option("--port", type=PORT, help="Port to listen on. [GINJA_API_PORT]")
def api(host: str | None, port: int | None, as_json: bool) -> None:
    """Serve the claims API until stopped; upgrades the database schema first."""
    import uvicorn

    from api.app import create_app
    from api.migrate import upgrade
    from core import telemetry
    from core.embedded import check_port
    from core.logging import configure_logging
    from core.processes import local_url
    from core.servers import postgres_url
    from core.settings import settings

    telemetry.turn_off()
    now = settings()
    host, port = host or now.api_host, port or now.api_port
    check_port(port, host, option="GINJA_API_PORT")
    configure_logging(now.log_level)
    url = postgres_url(now)
    upgrade(url)
    _announce("api", local_url(host, port), as_json=as_json)
    uvicorn.run(
        create_app(now, url),
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
    )


@command(examples=["ginja run scorer", "ginja run scorer --workers 2"])
@click.option("--host", help="Address to bind to; keep it private. [GINJA_SCORER_HOST]")
@click.option("--port", type=PORT, help="Port to listen on. [GINJA_SCORER_PORT]")
@click.option("--workers", type=click.IntRange(1, 64), help="Worker processes. [GINJA_SCORER_WORKERS]")
def scorer(host: str | None, port: int | None, workers: int | None, as_json: bool) -> None:
    """Serve the champion: score claims over HTTP until stopped."""
    from core import telemetry
    from core.logging import configure_logging
    from core.processes import local_url
    from core.servers import valkey_url
    from core.settings import settings
    from serving.supervisor import supervise

    telemetry.turn_off()
    now = settings()
    host, port = host or now.scorer_host, port or now.scorer_port
    configure_logging(now.log_level)
    valkey_url(now)  # starts the embedded one, so that the workers find it
    _announce("scorer", local_url(host, port), as_json=as_json)
    supervise(host, port, workers=workers or now.scorer_workers, home=now.home.resolve())


@command(examples=["ginja run worker", "ginja run worker --metrics-port 9100"])
@click.option("--metrics-port", type=PORT, help="Port of the Prometheus metrics; default: they are not served.")
def worker(metrics_port: int | None, as_json: bool) -> None:
    """Update features, score again what the rule decided, and run the daily jobs, until stopped."""
    import asyncio

    from prometheus_client import start_http_server

    from api.migrate import upgrade
    from api.worker import run_worker
    from core.embedded import check_port
    from core.logging import configure_logging
    from core.processes import local_url
    from core.servers import postgres_url, valkey_url
    from core.settings import settings
    from features.declare import PLANS
    from features.offline import file_of

    now = settings()
    configure_logging(now.log_level)
    if metrics_port is not None:
        check_port(metrics_port, now.api_host, option="--metrics-port")
        start_http_server(metrics_port, addr=now.api_host)
    database_url, redis_url = postgres_url(now), valkey_url(now)
    upgrade(database_url)
    network = file_of(now.home, PLANS["provider_network"].history)
    metrics_url = None if metrics_port is None else f"{local_url(now.api_host, metrics_port)}/metrics"
    _announce("worker", metrics_url, as_json=as_json)
    asyncio.run(run_worker(now, database_url, redis_url, network=network))


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
