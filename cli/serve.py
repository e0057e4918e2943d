"""`ginja serve`: the scorer."""

import click


@click.command()
@click.option("--host", default=None, help="Address to bind; keep it private. [GINJA_SCORER_HOST]")
@click.option("--port", type=int, default=None, help="Port to listen on. [GINJA_SCORER_PORT]")
@click.option("--workers", type=click.IntRange(1, 64), default=None, help="Worker processes. [GINJA_SCORER_WORKERS]")
def serve(host: str | None, port: int | None, workers: int | None) -> None:
    """Serve the champion: score claims over HTTP until stopped."""
    from core import telemetry
    from core.logging import configure_logging
    from core.servers import valkey_url
    from core.settings import settings
    from serving.supervisor import PortInUse, supervise

    telemetry.turn_off()
    now = settings()
    configure_logging(now.log_level)
    valkey_url(now)  # starts the embedded one, so that the workers find it
    try:
        supervise(
            host or now.scorer_host,
            port or now.scorer_port,
            workers=workers or now.scorer_workers,
            home=now.home.resolve(),
        )
    except PortInUse as error:
        raise click.ClickException(str(error)) from error
