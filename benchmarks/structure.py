"""The structure of the code base in figures, as docs/architecture.md states them: `python -m benchmarks.structure`.

For each room: modules, the median and the longest module in lines, modules in the largest folder, levels of its
packages (an import leads to a lower level), and signatures with `Any`. A signature is a function, or a field of a
class, with `Any` in an annotation. Prints a Markdown table.
"""

import ast
import statistics
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grimp

ROOMS: Final = ("api", "benchmarks", "claims", "cli", "core", "features", "formats", "models", "pipelines", "serving")


@dataclass(frozen=True, slots=True)
class RoomFigures:
    """The structure of one room."""

    room: str
    modules: int
    median_lines: float
    longest_lines: int
    largest_folder: int
    """Modules in the folder that holds most."""
    levels: int
    """Levels of its packages and single modules, by their imports of one another."""
    with_any: int
    """Signatures with `Any`."""


def measure(root: Path, room: str) -> RoomFigures:
    """Measure a room of the checkout at `root`, which must be importable."""
    files = sorted((root / room).rglob("*.py"))
    lines = [len(file.read_text().splitlines()) for file in files]
    return RoomFigures(
        room=room,
        modules=len(files),
        median_lines=statistics.median(lines),
        longest_lines=max(lines),
        largest_folder=max(Counter(file.parent for file in files).values()),
        levels=package_levels(room),
        with_any=sum(signatures_with_any(file.read_text()) for file in files),
    )


def package_levels(room: str) -> int:
    """Levels of the parts directly in a room: one more than the longest chain of imports between them.

    Parts that import one another in a circle count as one.
    """
    graph = grimp.build_graph(room, cache_dir=None)
    parts = sorted(graph.find_children(room))
    reached = {
        part: {
            other
            for other in parts
            if other != part and graph.direct_import_exists(importer=part, imported=other, as_packages=True)
        }
        for part in parts
    }
    for through in parts:
        for part in parts:
            if through in reached[part]:
                reached[part] |= reached[through]
    level: dict[str, int] = {}
    for part in sorted(parts, key=lambda part: len(reached[part] | {part})):
        below = [level[other] for other in reached[part] if part not in reached[other]]
        level[part] = 1 + max(below, default=0)
    return max(level.values(), default=1)


def signatures_with_any(source: str) -> int:
    """Functions and fields of classes in a module with `Any` in an annotation."""
    return sum(any(map(_has_any, annotations)) for annotations in _signatures(ast.parse(source)))


def _signatures(tree: ast.AST) -> Iterator[list[ast.expr]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            given = node.args
            every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
            stated = [one.annotation for one in every if one is not None] + [node.returns]
            yield [annotation for annotation in stated if annotation is not None]
        elif isinstance(node, ast.ClassDef):
            yield from ([part.annotation] for part in node.body if isinstance(part, ast.AnnAssign))


def _has_any(annotation: ast.expr) -> bool:
    """Whether it names `Any`, also inside a quoted annotation; texts in `Annotated` do not count."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        annotation = ast.parse(annotation.value, mode="eval").body
    return any(isinstance(node, ast.Name) and node.id == "Any" for node in ast.walk(annotation))


def table(rooms: Iterable[RoomFigures]) -> str:
    """A Markdown table."""
    head = "| room | modules | lines: median, longest | largest folder | levels | signatures with `Any` |"
    rows = [
        f"| `{one.room}` | {one.modules} | {one.median_lines:.0f}, {one.longest_lines} | {one.largest_folder} | "
        f"{one.levels} | {one.with_any} |"
        for one in rooms
    ]
    return "\n".join([head, "|---|---|---|---|---|---|", *rows])


def main() -> None:
    """Measure every room of the checkout in the current folder."""
    root = Path.cwd()
    sys.path.insert(0, str(root))
    print(table(measure(root, room) for room in ROOMS if (root / room).is_dir()))


if __name__ == "__main__":
    main()
