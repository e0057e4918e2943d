"""Texts of the program name routes that there are: a message says what to do, and it has to be possible."""

import re
from pathlib import Path

from tests.api.makers import contract

ROOT = Path(__file__).parents[2]
_ROUTE = re.compile(r"`(GET|POST|PUT|PATCH|DELETE) (/v1/[\w/{}:.-]*[\w}])")


def shape(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


def test_every_route_that_a_text_names_is_one_of_the_api() -> None:
    routes = {(one.method.upper(), shape(one.path)) for one in contract().operations}
    named = [
        (str(file.relative_to(ROOT)), method, path)
        for room in ("api", "claims", "cli", "core", "formats")
        for file in sorted((ROOT / room).rglob("*.py"))
        for method, path in _ROUTE.findall(file.read_text())
    ]
    assert len(named) > 10
    assert [one for one in named if (one[1], shape(one[2])) not in routes] == []
