"""The API and its Postgres under the supervisor: each is killed and comes back at its address."""

import os
import signal
import threading
from pathlib import Path

import httpx

from cli.demo.platform import GINJA
from core import postgres
from core.embedded import LOOPBACK, free_port, wait_until
from core.supervision import (
    Processes,
    ProcessPart,
    Proof,
    ReadyCheck,
    ServerPart,
    Supervisor,
    platform_lock,
    reserve_socket,
    reserve_this_or_another,
)


def ready(supervisor: Supervisor, restarts: dict[str, int]) -> bool:
    """Whether every part is ready after at least so many restarts."""
    return all(part.state == "ready" and part.restarts >= restarts.get(part.name, 0) for part in supervisor.statuses())


def test_a_killed_api_and_a_killed_postgres_come_back(server_home: Path) -> None:
    reserved = reserve_this_or_another(reserve_socket, LOOPBACK, free_port(), "GINJA_API_PORT")
    url = f"http://{LOOPBACK}:{reserved.port}"
    environment = {"GINJA_HOME": str(server_home), "GINJA_DATABASE_URL": postgres.url(server_home)}
    with platform_lock(server_home), Processes(server_home / "run", environment) as processes:
        command = [GINJA, "run", "api", "--fd", str(reserved.sockets[0].fileno())]
        api = ProcessPart(
            processes, "api", command, url, ReadyCheck(f"{url}/readyz", Proof.INSTANCE), reserved, grace_s=20.0
        )
        database = ServerPart(postgres, server_home, environment["GINJA_DATABASE_URL"], lambda _url: None)
        api.start()
        supervisor = Supervisor(server_home, [database, api])
        supervisor.start()
        wait_until(lambda: ready(supervisor, {}), what="both are ready", seconds=120)

        os.kill(api.pid(), signal.SIGKILL)
        # No connection is refused while the API is away: it waits for the next start.
        assert httpx.get(f"{url}/livez", timeout=120).is_success
        wait_until(lambda: ready(supervisor, {"api": 1}), what="the API is back", seconds=120)

        os.kill(database.pid(), signal.SIGKILL)
        wait_until(lambda: ready(supervisor, {"api": 1, "postgres": 1}), what="Postgres is back", seconds=120)
        assert httpx.get(f"{url}/readyz").json()["ready"] is True

        supervisor.stop([["api"], ["postgres"]], threading.Event())
        assert processes.pid("api") is None
        assert postgres.running(server_home) is None
    reserved.close()
