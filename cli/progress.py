"""What a person sees while a command works: a spinner on a terminal, one line per step everywhere else.

All of it goes to the error stream; standard output is for the result.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

_WIDTH_OF_A_FILE: Final = 120


def console() -> "Console":
    """The error stream, as wide as the terminal; in a file, lines of a fixed width. Text is printed as it is."""
    from rich.console import Console

    terminal = Console(stderr=True, markup=False, emoji=False)
    if terminal.is_terminal:
        return terminal
    return Console(stderr=True, markup=False, emoji=False, width=_WIDTH_OF_A_FILE)


def print_failure(kind: str, text: str) -> None:
    """Print a target that was missed, or another failure, on the error stream."""
    from rich.text import Text

    console().print(Text.assemble((kind, "red"), f": {text}"))


class Task:
    """One piece of work while it runs."""

    def __init__(self, title: str, console: "Console", bar: "Progress | None", *, lines: bool) -> None:
        self.outcome = ""
        """What came of it."""
        self._title = title
        self._console = console
        self._bar = bar
        self._lines = lines and bar is None
        self._last = ""
        self._task: TaskID | None = None if bar is None else bar.add_task(title, total=None)

    def step(self, text: str) -> None:
        """Say what is being done now."""
        if self._lines and text != self._last:
            self._console.print(f"  {text}", highlight=False)
        self._last = text
        self.detail(text)

    def detail(self, text: str) -> None:
        """Say it on a terminal only: for what changes many times a second."""
        if self._bar is not None and self._task is not None:
            from rich.markup import escape

            self._bar.update(self._task, description=f"{self._title} [dim]· {escape(text)}[/]")

    def result(self, text: str) -> None:
        """Say what came of it, for the line that stays."""
        self.outcome = text

    def total(self, count: int) -> None:
        """Let the bar fill up to `count`."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, total=count)

    def advance(self, count: int = 1) -> None:
        """Move the bar by `count`."""
        if self._bar is not None and self._task is not None:
            self._bar.advance(self._task, count)

    def done(self, count: int, of: int | None = None) -> None:
        """Set the bar to `count` out of `of`."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=count, total=of)


@contextmanager
def task(title: str, *, on: "Console | None" = None, lines: bool = True) -> Iterator[Task]:
    """Show the progress of the block; with `lines`, a stream that is no terminal gets a line per step as well.

    `lines=False` leaves such a stream to the caller.
    """
    out = on or console()
    if not out.is_terminal:
        started = time.perf_counter()
        if lines:
            out.print(f"{title} …", highlight=False)
        yield Task(title, out, None, lines=lines)
        if lines:
            out.print(f"{title}: done in {time.perf_counter() - started:.1f} s", highlight=False)
        return
    from rich.markup import escape
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=24), TimeElapsedColumn())
    with Progress(*columns, console=out, transient=True) as bar:
        yield Task(escape(title), out, bar, lines=lines)  # a description is markup, whatever the console prints
