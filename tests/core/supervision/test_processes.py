"""The platform's processes end with the one that started them, whatever ends it."""

import http.server
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from core.embedded import LOOPBACK, command_line, free_port, port_is_free, wait_until
from core.errors import ProcessError
from core.supervision import Processes, Proof, ReadyCheck, local_url

_SERVER = """
import subprocess, sys, http.server
from pathlib import Path
port, note = int(sys.argv[1]), Path(sys.argv[2])
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
note.write_text(str(grandchild.pid))
http.server.HTTPServer(("127.0.0.1", port), http.server.SimpleHTTPRequestHandler).serve_forever()
"""
_IDENTIFIED = """
import http.server, json, os, socket, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"instance": os.environ["GINJA_INSTANCE"]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
inherited = sys.argv[1] == "fd"
server = http.server.HTTPServer(("127.0.0.1", 0 if inherited else int(sys.argv[1])), Answer)
if inherited:
    server.socket = socket.socket(fileno=int(sys.argv[2]))
server.serve_forever()
"""
# A shell starts what it runs in the background with SIGINT ignored, and so would the owner have it in such a run.
_OWNER = """
import signal, sys, time
from pathlib import Path
from core.supervision import Processes, ReadyCheck
signal.signal(signal.SIGINT, signal.default_int_handler)
folder, port, code = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
with Processes(folder, {}) as processes:
    processes.start("server", ["-c", code, port, str(folder / "note")], ready=ReadyCheck(f"http://127.0.0.1:{port}/"))
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
        processes.start("server", server(tmp_path, port), ready=ReadyCheck(f"http://{LOOPBACK}:{port}/"))
        processes.wait("server")
        grandchild = int((tmp_path / "note").read_text())
        assert processes.running("server")
        assert not gone(grandchild)
    assert port_is_free(port)
    wait_until(lambda: gone(grandchild), what="the grandchild ends")


def test_an_error_inside_the_block_ends_the_processes(tmp_path):
    port = free_port()
    with pytest.raises(ZeroDivisionError), Processes(tmp_path, {}) as processes:
        processes.start("server", server(tmp_path, port), ready=ReadyCheck(f"http://{LOOPBACK}:{port}/"))
        processes.wait("server")
        raise ZeroDivisionError
    assert port_is_free(port)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "Ctrl-C"])
def test_the_processes_end_when_their_owner_ends(tmp_path, number):
    port = free_port()
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER, str(tmp_path), str(port), _SERVER],
        cwd=Path(__file__).parents[3],
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
            processes.start("server", server(tmp_path, port), ready=ReadyCheck(f"http://{LOOPBACK}:{port}/"))
            processes.wait("server")
            processes.kill("server")
            assert not processes.running("server")
            wait_until(lambda: port_is_free(port), what="its port is free")


def test_a_process_that_exits_before_it_is_ready_raises_an_error_with_the_end_of_its_log(tmp_path):
    with Processes(tmp_path, {"WORDS": "no model here"}) as processes:
        code = "import os, sys; sys.exit(os.environ['WORDS'])"
        processes.start("scorer", ["-c", code], ready=ReadyCheck("http://127.0.0.1:1/"))
        with pytest.raises(ProcessError, match=r"(?s)scorer ended with exit code 1.*no model here"):
            processes.wait("scorer")


def test_a_process_that_does_not_become_ready_raises_an_error(tmp_path):
    with Processes(tmp_path, {}) as processes:
        processes.start("api", ["-c", "import time; time.sleep(600)"], ready=ReadyCheck("http://127.0.0.1:1/"))
        with pytest.raises(ProcessError, match="api is not ready after 0 s"):
            processes.wait("api", seconds=0.2)


class Answer(http.server.BaseHTTPRequestHandler):
    """Answers every request with 200 and an instance of its own."""

    def do_GET(self) -> None:
        body = b'{"instance": "another"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def foreign_port() -> Iterator[int]:
    """The port of a server that the platform did not start."""
    foreign = http.server.ThreadingHTTPServer((LOOPBACK, 0), Answer)
    threading.Thread(target=foreign.serve_forever, daemon=True).start()
    yield foreign.server_address[1]
    foreign.shutdown()
    foreign.server_close()


@pytest.mark.parametrize("proof", Proof)
def test_the_answer_of_another_process_on_the_port_does_not_count(tmp_path, foreign_port, proof):
    with Processes(tmp_path, {}) as processes:
        check = ReadyCheck(f"http://{LOOPBACK}:{foreign_port}/", proof)
        processes.start("scorer", ["-c", "import time; time.sleep(600)"], ready=check)
        wait_until(lambda: processes.pid("scorer") is not None, what="it runs")
        assert not processes.ready("scorer")


def test_a_process_that_answers_with_its_instance_is_ready(tmp_path):
    port = free_port()
    with Processes(tmp_path, {}) as processes:
        processes.start(
            "api", ["-c", _IDENTIFIED, str(port)], ready=ReadyCheck(f"http://{LOOPBACK}:{port}/", Proof.INSTANCE)
        )
        processes.wait("api")
        assert processes.ready("api")


def test_the_socket_of_a_killed_process_serves_the_next_one(tmp_path):
    """Connections made in between wait for it."""
    with Processes(tmp_path, {}) as processes, socket.create_server((LOOPBACK, 0)) as listener:
        url = f"http://{LOOPBACK}:{listener.getsockname()[1]}/"
        for _ in range(2):
            command = ["-c", _IDENTIFIED, "fd", str(listener.fileno())]
            processes.start("api", command, ready=ReadyCheck(url, Proof.INSTANCE), sockets=[listener])
            processes.wait("api")
            assert processes.ready("api")
            processes.kill("api")


def test_a_log_is_bounded_and_keeps_whole_lines(tmp_path):
    code = "for number in range(3000): print(f'line {number:05}', flush=not number % 100)"
    with Processes(tmp_path, {}) as processes:
        processes.start("worker", ["-c", code], log_bytes=5_000)
        wait_until(lambda: processes.ended("worker") is not None, what="it ended")
    files = sorted(tmp_path.glob("worker.log*"))
    assert [file.name for file in files] == ["worker.log", "worker.log.1", "worker.log.2", "worker.log.3"]
    assert all(file.stat().st_size <= 5_100 for file in files)
    lines = "".join(file.read_text() for file in reversed(files)).splitlines()
    last = int(lines[-1].removeprefix("line "))
    assert last == 2_999
    assert lines == [f"line {number:05}" for number in range(last - len(lines) + 1, last + 1)]


def test_what_the_killed_guard_of_a_process_left_is_ended(tmp_path):
    with Processes(tmp_path, {}) as processes:
        processes.start("worker", ["-c", "import time; time.sleep(600)"])
        wait_until(lambda: processes.pid("worker") is not None, what="it runs")
        pid = processes.pid("worker")
        os.kill(psutil.Process(pid).ppid(), signal.SIGKILL)
        wait_until(lambda: processes.ended("worker") is not None, what="its guard ended")
        assert processes.ended("worker") == "was ended by SIGKILL"
        wait_until(lambda: gone(pid), what="the process ended")


@pytest.mark.parametrize(
    ("host", "url"),
    [("127.0.0.1", "http://127.0.0.1:80"), ("0.0.0.0", "http://127.0.0.1:80"), ("::", "http://[::1]:80")],
)
def test_a_server_on_every_address_is_reached_on_this_machine(host, url):
    assert local_url(host, 80) == url
