"""The figures of `python -m benchmarks.structure`, and the bound on signatures with `Any`."""

import re
from pathlib import Path

import pytest

from benchmarks.structure import ROOMS, signatures_with_any

ROOT = Path(__file__).parents[1]
STATED = dict(
    re.findall(r"^\| `(\w+)` \|.* → (\d+) \|$", (ROOT / "docs" / "architecture.md").read_text(), re.MULTILINE)
)


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("def f(a: Any, b: Any) -> Any: ...", 1),
        ("async def f(*a: dict[str, Any]): ...", 1),
        ("def f() -> 'list[Any]': ...", 1),
        ("class A:\n    x: Any\n    y: int\n    def f(self, **a: Any): ...", 2),
        ("def f(a: object) -> int:\n    b: Any = a\n    return b", 0),
        ("def f(a: Annotated[str, 'Any day']): ...", 0),
    ],
)
def test_a_function_or_a_field_with_any_in_an_annotation_counts_once(source, count):
    assert signatures_with_any(source) == count


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_has_no_more_signatures_with_any_than_the_architecture_states(room):
    counted = sum(signatures_with_any(path.read_text()) for path in (ROOT / room).rglob("*.py"))
    assert counted <= int(STATED[room])
