"""`ginja worker`: what follows from a claim."""

import click


@click.command()
@click.option("--metrics-port", type=int, help="Port of the worker's Prometheus metrics; default: none are served.")
def worker(metrics_port: int | None) -> None:
    """Move features, score again what the rule decided, and do the day's work, until stopped."""
    import asyncio

    from prometheus_client import start_http_server

    from api.migrate import upgrade
    from api.worker import run_worker
    from core.logging import configure_logging
    from core.servers import postgres_url, valkey_url
    from core.settings import settings
    from features.declare import PLANS
    from features.offline import file_of

    now = settings()
    configure_logging(now.log_level)
    database_url, redis_url = postgres_url(now), valkey_url(now)
    upgrade(database_url)
    network = file_of(now.home, PLANS["provider_network"].history)
    if metrics_port is not None:
        start_http_server(metrics_port, addr=now.api_host)
    asyncio.run(run_worker(now, database_url, redis_url, network=network))
