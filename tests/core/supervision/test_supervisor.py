"""A part that ends is started again, and never ends the others."""

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from core import valkey
from core.embedded import LOOPBACK, command_line, free_port, wait_until
from core.supervision import (
    Backoff,
    PartState,
    PartStatus,
    Processes,
    ProcessPart,
    Proof,
    ReadyCheck,
    ServerPart,
    Supervisor,
    read_state,
    reserve_socket,
    reserve_this_or_another,
)
from core.supervision.state import platform_lock

_SERVER = """
import http.server, json, os, socket, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"instance": os.environ["GINJA_INSTANCE"]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
server.socket = socket.socket(fileno=int(sys.argv[1]))
server.socket.listen()
server.serve_forever()
"""
_FAILS_UNTIL = """
import sys, time
from pathlib import Path
if not Path(sys.argv[1]).exists():
    sys.exit("the file is missing")
time.sleep(600)
"""
_SLEEPS = ["-c", "import time; time.sleep(600)"]


def soon() -> Backoff:
    """Pauses for a test."""
    return Backoff(first_s=0.01, longest_s=0.02, settled_s=0.0)


@contextmanager
def supervised(home: Path, *parts: ProcessPart) -> Iterator[Supervisor]:
    """A supervisor of these parts, which are started."""
    for part in parts:
        part.start()
    supervisor = Supervisor(home, parts, backoff=soon, hung_checks=2)
    supervisor.start()
    try:
        yield supervisor
    finally:
        supervisor.stop([[part.name for part in parts]], threading.Event())


def gone(pid: int) -> bool:
    return command_line(pid) is None


def of(supervisor: Supervisor, name: str) -> PartStatus:
    return next(part for part in supervisor.statuses() if part.name == name)


def wait_for(supervisor: Supervisor, name: str, state: PartState, restarts: int = 0) -> PartStatus:
    """Wait until a part is in a state after at least so many restarts."""
    wait_until(
        lambda: of(supervisor, name).state is state and of(supervisor, name).restarts >= restarts,
        what=f"{name} is {state}",
    )
    return of(supervisor, name)


def web_part(processes: Processes, name: str, port: int) -> ProcessPart:
    """A small server on a reserved port."""
    reserved = reserve_this_or_another(reserve_socket, LOOPBACK, port, "GINJA_API_PORT")
    url = f"http://{LOOPBACK}:{reserved.port}"
    command = ["-c", _SERVER, str(reserved.sockets[0].fileno())]
    return ProcessPart(
        processes, name, command, url, ReadyCheck(f"{url}/", Proof.INSTANCE), reserved, liveness=f"{url}/livez"
    )


def test_pauses_double_up_to_a_limit_and_start_over_after_a_stable_run():
    backoff = Backoff(first_s=1.0, longest_s=5.0, stable_s=60.0)
    assert [backoff.pause_after(1.0) for _ in range(4)] == [1.0, 2.0, 4.0, 5.0]
    assert backoff.pause_after(60.0) == 1.0


def test_a_killed_part_comes_back_at_its_address_and_the_others_run_on(tmp_path):
    with Processes(tmp_path / "run", {}) as processes:
        api, worker = web_part(processes, "api", free_port()), ProcessPart(processes, "worker", _SLEEPS)
        with supervised(tmp_path, api, worker) as supervisor:
            before = wait_for(supervisor, "api", PartState.READY)
            other = wait_for(supervisor, "worker", PartState.READY)
            os.kill(before.pid, signal.SIGKILL)
            after = wait_for(supervisor, "api", PartState.READY, restarts=1)
            assert after.pid != before.pid
            assert (after.address, after.ended) == (before.address, "was ended by SIGKILL")
            assert all(part.memory_bytes > 1_000_000 for part in supervisor.record())
            assert httpx.get(after.address).is_success
            assert of(supervisor, "worker").pid == other.pid
            assert "api was ended by SIGKILL" in (tmp_path / "run" / "supervisor.log").read_text()
        assert processes.pid("api") is None
        api.port.close()


def test_a_crash_looping_part_is_shown_so_until_it_runs(tmp_path):
    with Processes(tmp_path / "run", {}) as processes:
        broken = ProcessPart(processes, "scorer", ["-c", _FAILS_UNTIL, str(tmp_path / "file")])
        with supervised(tmp_path, broken, ProcessPart(processes, "worker", _SLEEPS)) as supervisor:
            found = wait_for(supervisor, "scorer", PartState.CRASH_LOOPING)
            assert found.ended == "ended with exit code 1"
            assert "the file is missing" in Path(found.log).read_text()
            assert of(supervisor, "worker").state is PartState.READY
            (tmp_path / "file").touch()
            wait_for(supervisor, "scorer", PartState.READY)


def test_a_part_that_hangs_is_killed_and_started_again(tmp_path):
    with Processes(tmp_path / "run", {}) as processes:
        api = web_part(processes, "api", free_port())
        with supervised(tmp_path, api, ProcessPart(processes, "worker", _SLEEPS)) as supervisor:
            before = wait_for(supervisor, "api", PartState.READY)
            worker = wait_for(supervisor, "worker", PartState.READY)
            os.kill(before.pid, signal.SIGSTOP)
            after = wait_for(supervisor, "api", PartState.READY, restarts=1)
            assert after.ended == "did not answer 2 checks in a row and was killed"
            assert gone(before.pid)
            assert httpx.get(after.address).is_success
            assert of(supervisor, "worker").pid == worker.pid
        api.port.close()


def test_a_part_that_answers_and_is_not_ready_is_left_alone(tmp_path):
    with Processes(tmp_path / "run", {}) as processes:
        api = web_part(processes, "api", free_port())
        unready = replace(api, check=ReadyCheck(f"http://{LOOPBACK}:{free_port()}/"))
        with supervised(tmp_path, unready) as supervisor:
            wait_until(lambda: unready.log.exists() and unready.log.read_text().count("/livez") > 3, what="more checks")
            assert of(supervisor, "api").restarts == 0
        api.port.close()


def test_an_ordered_restart_is_another_process(tmp_path):
    with (
        Processes(tmp_path / "run", {}) as processes,
        supervised(tmp_path, ProcessPart(processes, "worker", _SLEEPS)) as supervisor,
    ):
        before = wait_for(supervisor, "worker", PartState.READY)
        supervisor.restart(["worker", "mlflow"])
        assert wait_for(supervisor, "worker", PartState.READY, restarts=1).pid != before.pid


def test_a_second_signal_ends_a_part_that_takes_its_time(tmp_path):
    stubborn = ["-c", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True)\n"]
    stubborn[1] += "time.sleep(600)"
    with Processes(tmp_path / "run", {}) as processes:
        part = ProcessPart(processes, "api", stubborn, grace_s=600.0)
        part.start()
        wait_until(lambda: part.log.exists() and part.log.read_text() == "1\n", what="it ignores SIGTERM")
        supervisor = Supervisor(tmp_path, [part])
        forced = threading.Event()
        stopping = threading.Thread(target=supervisor.stop, args=([["api"]], forced))
        stopping.start()
        forced.set()
        stopping.join()
        assert processes.pid("api") is None


def test_two_platforms_run_side_by_side_and_keep_their_ports(tmp_path):
    """Both prefer the same port; each is killed once."""
    port = free_port()
    homes = [tmp_path / "one", tmp_path / "two"]
    with (
        platform_lock(homes[0]),
        platform_lock(homes[1]),
        Processes(homes[0] / "run", {}) as first,
        Processes(homes[1] / "run", {}) as second,
    ):
        parts = [web_part(first, "api", port), web_part(second, "api", port)]
        with supervised(homes[0], parts[0]) as one, supervised(homes[1], parts[1]) as two:
            before = [wait_for(platform, "api", PartState.READY) for platform in (one, two)]
            assert len({part.address for part in before}) == 2
            for part in before:
                os.kill(part.pid, signal.SIGKILL)
            after = [wait_for(platform, "api", PartState.READY, restarts=1) for platform in (one, two)]
            assert [part.address for part in after] == [part.address for part in before]
            assert [len(platform.record()) for platform in (one, two)] == [1, 1]
            assert [read_state(home).parts[0].address for home in homes] == [part.address for part in after]
        for part in parts:
            part.port.close()


@pytest.mark.parametrize("moves", [False, True], ids=["port free", "port taken"])
def test_a_server_comes_back_at_its_address_or_says_that_it_moved(server_home, moves):
    moved: list[str] = []
    part = ServerPart(valkey, server_home, valkey.url(server_home), moved.append)
    url, port = part.url, valkey.running(server_home).port
    part.stop()
    assert part.ended() is not None
    with socket.create_server((LOOPBACK, port if moves else 0)):
        part.start()
    assert part.ended() is None
    assert part.ready()
    assert moved == ([part.url] if moves else [])
    assert (part.url != url) is moves
