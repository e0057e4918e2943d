"""`ginja api`: the claims API."""

import click


@click.command()
@click.option("--host", default=None, help="Address to bind. [GINJA_API_HOST]")
@click.option("--port", type=int, default=None, help="Port to listen on. [GINJA_API_PORT]")
def api(host: str | None, port: int | None) -> None:
    """Serve the claims API until stopped; brings the database up to the newest schema first."""
    import uvicorn

    from api.app import create_app
    from api.migrate import upgrade
    from core import telemetry
    from core.logging import configure_logging
    from core.servers import postgres_url
    from core.settings import settings

    telemetry.turn_off()
    now = settings()
    configure_logging(now.log_level)
    url = postgres_url(now)
    upgrade(url)
    uvicorn.run(
        create_app(now, url),
        host=host or now.api_host,
        port=port or now.api_port,
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
    )
