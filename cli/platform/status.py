"""`ginja status`: what is running of this home's platform."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.command import command
from cli.exit_codes import ExitCode
from cli.output import print_json, terminal

if TYPE_CHECKING:
    from cli.platform.parts import PartReport

_REQUIRED = ("postgres", "valkey", "scorer", "api", "worker", "tasks")
_SILENT_S = 15.0
"""A supervisor that has not written its state for this long does not work."""


@command(examples=["ginja status", "ginja status --json"])
def status(as_json: bool) -> None:
    """Show the parts of this home's platform, with restarts and memory; exits 1 if a required one is not ready."""
    from cli.platform.parts import parts_of
    from core import clock
    from core.settings import settings
    from core.supervision import read_state

    now = settings()
    platform = read_state(now.home.resolve())
    parts = parts_of(now)
    champion = _champion(now.home)
    silent_s = 0.0 if platform is None else (clock.now() - platform.updated_at).total_seconds()
    ready = silent_s < _SILENT_S and all(part.ready for part in parts if part.name in _REQUIRED)
    if as_json:
        print_json(
            {
                "home": str(now.home.resolve()),
                "ready": ready,
                "champion": champion,
                "supervisor_pid": None if platform is None else platform.supervisor_pid,
                "parts": {part.name: asdict(part) for part in parts},
            }
        )
    else:
        _show(now.home.resolve(), parts, champion)
        if silent_s >= _SILENT_S:
            click.echo(f"The supervisor has not answered for {silent_s:.0f} s; stop it and start `ginja up` again.")
    if not ready:
        raise SystemExit(ExitCode.FAILED)


def _champion(home: Path) -> str | None:
    """Version of the champion; `None` without one.

    Read without `models`, which takes seconds to import and is not installed beside an API alone.
    """
    try:
        pointer = json.loads((home / "models" / "champion.json").read_text())
    except (FileNotFoundError, ValueError):
        return None
    return str(pointer["version"]) if isinstance(pointer, dict) and "version" in pointer else None


def _show(home: Path, parts: "Sequence[PartReport]", champion: str | None) -> None:
    from rich.table import Table

    from cli.platform.parts_table import megabytes, state_text

    click.echo(f"Home: {home}")
    click.echo(f"Champion: {champion or 'none; `ginja model promote` makes one'}")
    table = Table("part", "state", "since (UTC)", "process", "restarts", "memory", "address")
    for part in parts:
        table.add_row(
            part.name,
            state_text(part.state),
            "" if part.since is None else f"{part.since:%Y-%m-%d %H:%M:%S}",
            str(part.pid or ""),
            "" if part.restarts is None else str(part.restarts),
            megabytes(part.memory_bytes),
            part.url or "",
        )
    terminal().print(table)
    for part in parts:
        if part.ended is not None:
            click.echo(f"{part.name}: the last process {part.ended}")
