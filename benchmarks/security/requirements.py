"""The lines of the page of security requirements: which have a test, and which are open."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PAGE: Final = Path(__file__).parents[2] / "docs" / "reference" / "security-requirements.md"
_OPEN: Final = "**open**: "


@dataclass(frozen=True, slots=True)
class Requirement:
    """One line of the page."""

    number: str
    text: str
    where: str
    test: str
    """The tests, or what is missing."""

    @property
    def is_open(self) -> bool:
        """Whether the requirement is not met yet."""
        return self.test.startswith(_OPEN)


def requirements(page: Path = PAGE) -> Iterator[Requirement]:
    """Every line, in the order of the page."""
    for row in page.read_text().splitlines():
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        if len(cells) == 4 and re.match(r"V\d|164", cells[0]):
            yield Requirement(*cells)
