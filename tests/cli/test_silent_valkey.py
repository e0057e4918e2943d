"""Each command that reads or writes Valkey ends while Valkey accepts connections and answers nothing."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from click.testing import CliRunner, Result

from cli.exit_codes import ExitCode
from cli.main import main
from core import valkey_client

ABANDONED_S = 60
"""Of a command that waits for ever: the test fails."""
COMMANDS = (
    ("features", "rebuild"),
    ("features", "roll-over"),
    ("features", "verify", "--claims", "1000"),
)


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port whose server accepts connections, reads what is sent and never answers."""
    taken: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    taken.append(server.accept()[0])
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]
        for one in (server, *taken):  # ends a command that waits, and `accept`
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()


async def ended(words: tuple[str, ...], port: int, database_url: str, home: Path) -> Result:
    """What a command prints and how it ends, with the silent server as Valkey."""
    environment = {
        "GINJA_HOME": str(home),
        "GINJA_DATABASE_URL": database_url,
        "GINJA_REDIS_URL": f"redis://127.0.0.1:{port}/0",
    }
    run = asyncio.to_thread(CliRunner().invoke, main, [*words], env=environment)
    return await asyncio.wait_for(run, ABANDONED_S)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
async def test_a_command_ends_and_says_what_is_unavailable_and_what_to_do(
    words: tuple[str, ...], silent_port: int, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(valkey_client, "DEADLINE_S", 0.2)
    done = await ended(words, silent_port, database_url, tmp_path)
    assert done.exit_code == ExitCode.FAILED, done.output
    assert "Valkey" in done.output
    assert "GINJA_REDIS_URL" in done.output


@pytest.mark.parametrize("words", [("features", "apply"), ("status", "--json")], ids=" ".join)
async def test_a_command_that_needs_no_answer_of_valkey_ends_without_one(
    words: tuple[str, ...], silent_port: int, database_url: str, tmp_path: Path
):
    done = await ended(words, silent_port, database_url, tmp_path)
    assert not isinstance(done.exception, redis.RedisError), done.output
    assert ("sha256" in done.output) or ("valkey" in done.output), done.output


def test_a_client_without_a_deadline_is_made_nowhere_else_in_the_commands():
    """`doctor`, `status` and the embedded server state their own; everything else uses `valkey_client`."""
    sources = (path for folder in ("cli", "pipelines") for path in Path(folder).rglob("*.py"))
    without = [
        str(path)
        for path in sources
        if "Redis.from_url(" in (text := path.read_text()) and "socket_timeout" not in text
    ]
    assert without == []
