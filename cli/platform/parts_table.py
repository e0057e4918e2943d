"""The parts of a running platform for a person: a table, and a line for each change."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.supervision import PartState, PartStatus

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

_COLOURS = {
    PartState.READY: "green",
    PartState.STARTING: "yellow",
    PartState.NOT_READY: "yellow",
    PartState.RESTARTING: "yellow",
    PartState.CRASH_LOOPING: "red",
    PartState.STOPPED: "red",
}
_MB = 1_000_000


def parts_table(parts: Sequence[PartStatus]) -> "Table":
    """Part, state, process, restarts, memory and address."""
    from rich.table import Table

    table = Table("part", "state", "since (UTC)", "process", "restarts", "memory", "address")
    for part in parts:
        table.add_row(
            part.name,
            state_text(part.state),
            f"{part.since:%H:%M:%S}",
            str(part.pid or ""),
            str(part.restarts),
            megabytes(part.memory_bytes),
            part.address or "",
        )
    return table


def state_text(state: PartState) -> "Text":
    """A state in its colour."""
    from rich.text import Text

    return Text(str(state), style=_COLOURS[state])


def megabytes(size: int | None) -> str:
    """Memory in MB, where it is known."""
    return "" if size is None else f"{size / _MB:,.0f} MB"


def change(part: PartStatus, earlier: PartStatus | None) -> str | None:
    """One line on what became of a part; `None` if nothing that a person should read."""
    if earlier is not None and (part.state, part.pid, part.restarts) == (earlier.state, earlier.pid, earlier.restarts):
        return None
    if part.state in (PartState.RESTARTING, PartState.CRASH_LOOPING):
        return f"{part.name} {part.ended}; {part.state}" if earlier is None or earlier.state != part.state else None
    if part.pid is None or (earlier is None and part.state is PartState.STARTING):
        return None
    restarts = f", restarts {part.restarts}" if part.restarts else ""
    return f"{part.name} {part.state}, process {part.pid}{restarts}"
