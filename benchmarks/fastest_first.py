"""A pytest plugin for `make mutation`: the tests of a mutant run fastest first, by their times in mutmut's statistics.

A run stops at the first test that fails, so most mutants never reach a slow one.
"""

import json
from pathlib import Path

import pytest

_STATISTICS = Path("mutmut-stats.json")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the tests; those without a time keep their order, at the start."""
    if _STATISTICS.exists():
        seconds: dict[str, float] = json.loads(_STATISTICS.read_text())["duration_by_test"]
        items.sort(key=lambda item: seconds.get(item.nodeid, 0.0))
