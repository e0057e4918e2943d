"""The steps of `ginja up` and `ginja demo`: a line for each, with its result and the seconds it took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

from cli.progress import Task, task


class StepLog:
    """Prints steps in order on a console."""

    def __init__(self, console: Console) -> None:
        self.console = console

    @contextmanager
    def step(self, title: str) -> Iterator[Task]:
        """Show the progress of the block, then one line with `Task.outcome` and the seconds it took."""
        started = time.perf_counter()
        with task(title, on=self.console, lines=False) as running:
            try:
                yield running
            except BaseException:
                self.console.print(Text.assemble(("✗", "red"), f" {title}"))
                raise
        seconds = time.perf_counter() - started
        done = Text.assemble(("✓", "green"), f" {title:<34} {running.outcome}  ", (f"{seconds:.1f} s", "dim"))
        self.console.print(done, highlight=False)

    def heading(self, text: str) -> None:
        """Print a heading between groups of steps."""
        self.console.print()
        self.console.rule(Text(text, style="bold"), align="left")
