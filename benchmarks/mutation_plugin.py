"""A pytest plugin for `make mutation`, which starts one run of the tests for each mutant.

The tests run fastest first, by their times in mutmut's statistics: a run stops at the first test that fails, so most
mutants never reach a slow one. Mutants are forked from a process that has collected the tests; what tests import only
when they run is imported there as well, once, and its objects are kept out of the collections of every mutant.
"""

import gc
import importlib
import json
from pathlib import Path
from typing import Final

import pytest

_STATISTICS: Final = Path("mutmut-stats.json")
_PRELOADED: Final = (
    "IPython.display",
    "alembic.command",
    "feast.repo_operations",
    "git",
    "mlflow.pyfunc.loaders",
    "mlflow.store.model_registry.sqlalchemy_store",
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.tracking.request_header.registry",
    "mlflow.types.responses",
    "mlflow.xgboost",
    "sknetwork.clustering",
)


def pytest_configure() -> None:
    """Import what the tests import later, and have MLflow read which packages are installed."""
    for name in _PRELOADED:
        importlib.import_module(name)
    from mlflow.utils.requirements_utils import warn_dependency_requirement_mismatches

    warn_dependency_requirement_mismatches(["xgboost"])


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the tests; those without a time keep their order, at the start."""
    if _STATISTICS.exists():
        seconds: dict[str, float] = json.loads(_STATISTICS.read_text())["duration_by_test"]
        items.sort(key=lambda item: seconds.get(item.nodeid, 0.0))


def pytest_collection_finish() -> None:
    """Keep what exists now out of collections: the API runs a full one at each start."""
    gc.freeze()
