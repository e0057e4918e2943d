"""The boundaries that were explored, kept in `points.json` so that a new one is noticed before it is explored."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

POINTS: Final = Path(__file__).with_name("points.json")


def known_boundaries() -> dict[str, tuple[str, ...]]:
    """Operation → its boundaries, as of the last exploration that was recorded."""
    found: dict[str, list[str]] = json.loads(POINTS.read_text())
    return {operation: tuple(boundaries) for operation, boundaries in found.items()}


def changed_operations(explored: Mapping[str, Sequence[str]]) -> list[str]:
    """Operations whose boundaries are not those that were recorded."""
    known = known_boundaries()
    return [name for name, boundaries in explored.items() if tuple(boundaries) != known.get(name)]


def record_boundaries(explored: Mapping[str, Sequence[str]]) -> None:
    """Record the boundaries of these operations; the others keep theirs."""
    merged = known_boundaries() | {name: tuple(boundaries) for name, boundaries in explored.items()}
    POINTS.write_text(json.dumps({name: list(one) for name, one in sorted(merged.items())}, indent=1) + "\n")
