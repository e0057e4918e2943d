"""The parts of a platform, as the supervisor starts, watches and ends them."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from core.embedded import RunningServer
from core.supervision import guard
from core.supervision.ports import Reservation
from core.supervision.processes import Processes, ReadyCheck, responds


class Part(Protocol):
    """What the supervisor needs of a part. A call may take seconds: each part has a thread of its own."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def address(self) -> str | None:
        """Where it listens, without user and password."""
        ...

    @property
    def log(self) -> Path:
        """Its log."""
        ...

    def start(self) -> None:
        """Start it, after it ended. Raises `CoreError` or `OSError`."""
        ...

    def ended(self) -> str | None:
        """How it ended; `None` while it runs."""
        ...

    def ready(self) -> bool:
        """Whether it does its work now."""
        ...

    def responds(self) -> bool:
        """Whether it answers at all, ready or not; true for a part that cannot be asked."""
        ...

    def pid(self) -> int | None:
        """Its process, while it runs."""
        ...

    def refuse(self) -> None:
        """Refuse connections until it runs again, instead of letting them wait."""
        ...

    def stop(self) -> None:
        """End it in its own time."""
        ...

    def kill(self) -> None:
        """End it at once, where that loses no data."""
        ...


@dataclass(frozen=True, slots=True)
class ProcessPart:
    """A part that is a child process."""

    processes: Processes
    name: str
    command: Sequence[str]
    address: str | None = None
    check: ReadyCheck | None = None
    port: Reservation | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    grace_s: float = guard.GRACE_S
    log_bytes: int = guard.LOG_BYTES
    liveness: str | None = None
    """URL that it answers, with any status, as long as it does not hang; `None`: it cannot be asked."""

    @property
    def log(self) -> Path:
        """Its log."""
        return self.processes.log(self.name)

    def start(self) -> None:
        """Start it, with the socket of its port."""
        self.processes.start(
            self.name,
            self.command,
            ready=self.check,
            sockets=() if self.port is None else self.port.sockets,
            environment=self.environment,
            grace_s=self.grace_s,
            log_bytes=self.log_bytes,
        )

    def ended(self) -> str | None:
        """How it ended; `None` while it runs."""
        return self.processes.ended(self.name)

    def ready(self) -> bool:
        """Whether it passes its check."""
        return self.processes.ready(self.name)

    def responds(self) -> bool:
        """Whether its liveness URL is answered."""
        return self.liveness is None or responds(self.liveness)

    def pid(self) -> int | None:
        """Its process, while it runs."""
        return self.processes.pid(self.name)

    def refuse(self) -> None:
        """Refuse connections until it runs again."""
        if self.port is not None:
            self.port.refuse()

    def stop(self) -> None:
        """End it in its own time."""
        self.processes.stop(self.name)

    def kill(self) -> None:
        """End it at once."""
        self.processes.kill(self.name)


class EmbeddedServer(Protocol):
    """`core.postgres` or `core.valkey`."""

    NAME: str

    def url(self, home: Path) -> str:
        """Start it unless it runs; its URL."""
        ...

    def process(self, home: Path) -> int | None:
        """Its process, ready or not."""
        ...

    def running(self, home: Path) -> RunningServer | None:
        """The running server, if it is ready."""
        ...

    def stop(self, home: Path) -> bool:
        """Stop it."""
        ...


@dataclass(slots=True)
class ServerPart:
    """An embedded server: it belongs to the home, and is no child of the supervisor."""

    server: EmbeddedServer
    home: Path
    url: str
    on_move: Callable[[str], None]
    """Called with the new URL where another program took the port while the server was down."""

    @property
    def name(self) -> str:
        """Its name."""
        return self.server.NAME

    @property
    def address(self) -> str | None:
        """Where it listens."""
        parts = urlsplit(self.url)
        if parts.scheme == "unix":
            return unquote(parts.path)
        (folder,) = parse_qs(parts.query).get("host", [""])
        return folder or parts.netloc.rpartition("@")[2]

    @property
    def log(self) -> Path:
        """Its log."""
        return self.home / self.name / "log"

    def start(self) -> None:
        """Start it again, at its previous port if that is free."""
        url = self.server.url(self.home)
        if url != self.url:
            self.url = url
            self.on_move(url)

    def ended(self) -> str | None:
        """How it ended; `None` while it runs. Also bounds its log, which it appends to by itself."""
        _bound(self.log, guard.LOG_BYTES)
        return "ended" if self.server.process(self.home) is None else None

    def ready(self) -> bool:
        """Whether it accepts connections."""
        return self.server.running(self.home) is not None

    def responds(self) -> bool:
        """Always: a server that holds data is not killed for being slow."""
        return True

    def pid(self) -> int | None:
        """Its process, while it runs."""
        return self.server.process(self.home)

    def refuse(self) -> None:
        """Nothing to do: nobody else holds its port."""

    def stop(self) -> None:
        """Stop it after it wrote what it holds."""
        self.server.stop(self.home)

    def kill(self) -> None:
        """Stop it likewise: it holds data, and takes about a second."""
        self.server.stop(self.home)


def _bound(log: Path, limit: int) -> None:
    """Move the content of a log that its server keeps open to `NAME.1` once it has `limit` bytes.

    Copied and cut rather than renamed: the server appends to the same file.
    """
    try:
        if log.stat().st_size < limit:
            return
        earlier = log.with_name(f"{log.name}.1")
        earlier.write_bytes(log.read_bytes())
        os.truncate(log, 0)
    except OSError:
        pass  # no log yet, or a full disk: the server goes on
