"""Homes of the demos: each has one of its own, under the home of the settings."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.servers import stop_servers
from core.settings import Settings


@contextmanager
def own_home(settings: Settings, name: str) -> Iterator[Settings]:
    """Settings of an empty home without the user's servers and models; its servers are stopped at the end."""
    home = settings.home.resolve() / name
    _clear(home)
    own = settings.model_copy(
        update={"home": home, "database_url": None, "redis_url": None, "mlflow_url": None, "scorer_url": None}
    )
    try:
        yield own
    finally:
        stop_servers(home)


def _clear(home: Path) -> None:
    """Stop the servers of an earlier demo that was killed, and remove its files."""
    stop_servers(home)
    shutil.rmtree(home, ignore_errors=True)
