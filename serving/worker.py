"""One worker process of the scorer: BentoML's application on uvicorn, on a port it shares with the other workers.

Started by `serving.supervisor`, not by hand.
"""

import argparse
import os
import signal
import sys
import threading

import uvicorn


def _end_with_parent(alive_fd: int) -> None:
    """Exit when the supervisor, which holds the other end of this pipe, exits for any reason."""

    def wait() -> None:
        os.read(alive_fd, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="end-with-parent", daemon=True).start()


def _fix_process_id() -> None:
    """Take the process id once: prometheus_client asks for it at each count, in case the process forked. This one does
    not, and its counts would otherwise take a twentieth of a claim's time."""
    from prometheus_client import values

    own = os.getpid()
    values.ValueClass = values.MultiProcessValue(lambda: own)  # type: ignore[no-untyped-call]


def main() -> None:
    """Serve until terminated."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--alive-fd", type=int, required=True)
    options = parser.parse_args()
    _end_with_parent(options.alive_fd)

    from core import telemetry
    from core.bounded_http import ConnectionLimits, bounded
    from core.logging import configure_logging
    from core.settings import settings

    telemetry.turn_off()
    _fix_process_id()
    configure_logging(settings().log_level)
    # XGBoost imports scikit-learn if it finds it, and with it pandas and most of SciPy, for interfaces that are
    # not used here: a third of a worker's start and a quarter of its memory (docs/adr/0040).
    sys.modules["sklearn"] = None  # type: ignore[assignment]

    from serving.application import application
    from serving.supervisor import bound

    config = uvicorn.Config(
        application(),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        http=bounded(ConnectionLimits()),
        ws="none",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=3,
        limit_concurrency=None,
    )
    # It listens only once the service has started; until then the other workers take its connections.
    uvicorn.Server(config).run(sockets=[bound(options.host, options.port, shared=True)])


if __name__ == "__main__":
    main()
