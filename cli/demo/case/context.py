"""What the steps of the case share: the platform, the people, what was found out, and what is printed."""

import json
import os
import shlex
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.text import Text

from cli.demo.platform import GINJA, Platform

if TYPE_CHECKING:
    from pydantic import JsonValue

    from cli.demo.case.browser import ServerTime
    from cli.demo.case.endpoint import LyingEndpoint
    from cli.demo.case.truth import SimulatedTruth
    from cli.progress import Task

_LONGEST_COMMAND_S: Final = 300.0


@dataclass(slots=True)
class CaseContext:
    """The case while it is worked on."""

    platform: Platform
    taken: "ServerTime"
    endpoint: "LyingEndpoint"
    truth: "SimulatedTruth"
    suspects: frozenset[str] = frozenset()
    """Providers whose fraud goes on in the claims of the day; one of them has to be a lead."""
    seconds: dict[str, float] = field(default_factory=dict)
    recomputed: dict[str, bool] = field(default_factory=dict)
    _said: list[str] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """Folder of the files that leave the platform; it stays when the demo has ended."""
        made = self.platform.settings.home / "case"
        made.mkdir(parents=True, exist_ok=True)
        return made

    @contextmanager
    def step(self, name: str, title: str) -> "Iterator[Task]":
        """Show a step and take its time."""
        started = time.perf_counter()
        with self.platform.log.step(title) as step:
            yield step
        for line in self._said:
            self.platform.log.console.print(Text(f"    {line}", style="dim"), highlight=False, soft_wrap=True)
        self._said.clear()
        self.seconds[name] = round(time.perf_counter() - started, 2)

    def say(self, text: str) -> None:
        """Print a line under the step: where to see it again."""
        self._said.append(text)

    def command(self, *words: str) -> "tuple[int, dict[str, JsonValue]]":
        """Run a command of `ginja` with `--json` against this platform, as a user would, and print it.

        Returns its exit code and what it printed. Raises `RuntimeError` where that is no JSON.
        """
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GINJA_")}
        done = subprocess.run(
            [GINJA, *words, "--json"],
            env={**environment, **self.platform.settings.environment()},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LONGEST_COMMAND_S,
            check=False,
        )
        shown = f"ginja {shlex.join(words)}"
        try:
            found: dict[str, JsonValue] = json.loads(done.stdout.splitlines()[-1])
        except (IndexError, ValueError):
            raise RuntimeError(f"{shown} ended with {done.returncode}: {done.stderr[-600:]}") from None
        return done.returncode, found

    def confirm(self, words: Sequence[str], *, same: bool, says: str) -> None:
        """Print a command that computed something again, and keep whether it gave the same."""
        self.recomputed[" ".join(words[:2])] = same
        self.say(f"$ GINJA_HOME={self.platform.settings.home} ginja {shlex.join(words)}   # {says}")
