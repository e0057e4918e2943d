"""The platform's processes end with the one that started them, whatever ends it."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from core.embedded import LOOPBACK, command_line, free_port, port_is_free, wait_until
from core.processes import ProcessError, Processes, local_url, usable_port

_SERVER = """
import subprocess, sys, http.server
from pathlib import Path
port, note = int(sys.argv[1]), Path(sys.argv[2])
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
note.write_text(str(grandchild.pid))
http.server.HTTPServer(("127.0.0.1", port), http.server.SimpleHTTPRequestHandler).serve_forever()
"""
# A shell starts what it runs in the background with SIGINT ignored, and so would the owner have it in such a run.
_OWNER = """
import signal, sys, time
from pathlib import Path
from core.processes import Processes
signal.signal(signal.SIGINT, signal.default_int_handler)
folder, port, code = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
with Processes(folder, {}) as processes:
    processes.start("server", ["-c", code, port, str(folder / "note")], ready_url=f"http://127.0.0.1:{port}/")
    processes.wait("server")
    (folder / "up").touch()
    time.sleep(600)
"""


def server(folder: Path, port: int) -> list[str]:
    """Arguments of a small server that starts a child and records its process id."""
    return ["-c", _SERVER, str(port), str(folder / "note")]


def gone(pid: int) -> bool:
    return command_line(pid) is None


def test_leaving_the_block_ends_a_process_and_what_it_started(tmp_path):
    port = free_port()
    with Processes(tmp_path, {}) as processes:
        processes.start("server", server(tmp_path, port), ready_url=f"http://{LOOPBACK}:{port}/")
        processes.wait("server")
        grandchild = int((tmp_path / "note").read_text())
        assert processes.running("server")
        assert not gone(grandchild)
    assert port_is_free(port)
    wait_until(lambda: gone(grandchild), what="the grandchild ends")


def test_an_error_inside_the_block_ends_the_processes(tmp_path):
    port = free_port()
    with pytest.raises(ZeroDivisionError), Processes(tmp_path, {}) as processes:
        processes.start("server", server(tmp_path, port), ready_url=f"http://{LOOPBACK}:{port}/")
        processes.wait("server")
        raise ZeroDivisionError
    assert port_is_free(port)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "Ctrl-C"])
def test_the_processes_end_when_their_owner_ends(tmp_path, number):
    port = free_port()
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER, str(tmp_path), str(port), _SERVER],
        cwd=Path(__file__).parents[2],
        stderr=subprocess.DEVNULL,
    )
    wait_until((tmp_path / "up").exists, what="the owner's server is ready")
    grandchild = int((tmp_path / "note").read_text())
    os.kill(owner.pid, number)
    owner.wait(20)
    wait_until(lambda: gone(grandchild) and port_is_free(port), what="the server and its child end")


def test_a_killed_process_can_be_started_again(tmp_path):
    port = free_port()
    with Processes(tmp_path, {}) as processes:
        for _ in range(2):
            processes.start("server", server(tmp_path, port), ready_url=f"http://{LOOPBACK}:{port}/")
            processes.wait("server")
            processes.kill("server")
            assert not processes.running("server")
            wait_until(lambda: port_is_free(port), what="its port is free")


def test_a_process_that_exits_before_it_is_ready_raises_an_error_with_the_end_of_its_log(tmp_path):
    with Processes(tmp_path, {"WORDS": "no model here"}) as processes:
        code = "import os, sys; sys.exit(os.environ['WORDS'])"
        processes.start("scorer", ["-c", code], ready_url="http://127.0.0.1:1/")
        with pytest.raises(ProcessError, match=r"(?s)scorer ended with exit code 1.*no model here"):
            processes.wait("scorer")


def test_a_process_that_does_not_become_ready_raises_an_error(tmp_path):
    with Processes(tmp_path, {}) as processes:
        processes.start("api", ["-c", "import time; time.sleep(600)"], ready_url="http://127.0.0.1:1/")
        with pytest.raises(ProcessError, match="api is not ready after 0 s"):
            processes.wait("api", seconds=0.2)


def test_a_free_port_is_outside_the_ephemeral_range():
    first_ephemeral = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert all(1024 < free_port() < first_ephemeral for _ in range(50))


def test_a_used_port_is_replaced_by_a_free_one():
    free, taken = free_port(), set()
    assert usable_port(free, host=LOOPBACK, taken=taken) == free
    assert usable_port(free, host=LOOPBACK, taken=taken) != free
    with socket.create_server((LOOPBACK, 0)) as listening:
        assert usable_port(listening.getsockname()[1], host=LOOPBACK, taken=set()) != listening.getsockname()[1]


@pytest.mark.parametrize(
    ("host", "url"),
    [("127.0.0.1", "http://127.0.0.1:80"), ("0.0.0.0", "http://127.0.0.1:80"), ("::", "http://[::1]:80")],
)
def test_a_server_on_every_address_is_reached_on_this_machine(host, url):
    assert local_url(host, 80) == url
