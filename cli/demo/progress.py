"""What a person sees while the platform comes up: a line a step, with a bar while it runs and what came of it after."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

_WIDTH_OF_A_FILE = 120


def console() -> Console:
    """Standard error, as wide as the terminal; a log file has lines of its own width."""
    terminal = Console(stderr=True)
    return terminal if terminal.is_terminal else Console(stderr=True, width=_WIDTH_OF_A_FILE)


@dataclass(slots=True)
class Step:
    """One step while it runs."""

    _progress: Progress
    _task: TaskID
    _title: str
    outcome: str = ""

    def doing(self, words: str) -> None:
        """What is being done now."""
        self._progress.update(self._task, description=f"{self._title} [dim]· {words}[/]")

    def total(self, count: int) -> None:
        """From now on the bar fills up to `count`."""
        self._progress.update(self._task, total=count)

    def advance(self, count: int = 1) -> None:
        """So many more are done."""
        self._progress.advance(self._task, count)

    def say(self, outcome: str) -> None:
        """What came of it, for the line that stays."""
        self.outcome = outcome


class Story:
    """The steps, in order, told on a console."""

    def __init__(self, console: Console) -> None:
        self.console = console

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Show a bar for the length of the block, then one line with the outcome and the seconds it took."""
        started = time.perf_counter()
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=24), TimeElapsedColumn())
        with Progress(*columns, console=self.console, transient=True, disable=not self.console.is_terminal) as progress:
            step = Step(progress, progress.add_task(title, total=None), title)
            try:
                yield step
            except BaseException:
                self.console.print(f"[red]✗[/] {title}")
                raise
        seconds = time.perf_counter() - started
        self.console.print(f"[green]✓[/] {title:<34} {step.outcome}  [dim]{seconds:.1f} s[/]", highlight=False)

    def heading(self, text: str) -> None:
        """A line between chapters."""
        self.console.print()
        self.console.rule(f"[bold]{text}[/]", align="left")
