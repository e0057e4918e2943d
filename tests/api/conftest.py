"""The API over one database per test."""

import io
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager

import pytest
import pytest_asyncio

from core.logging import configure_logging
from tests.api.makers import Api, running_api, seed
from tests.api.noted_statements import note_statements

NewDatabase = Callable[..., AbstractContextManager[str]]


@pytest.fixture(scope="session")
def seeded_template(new_database: NewDatabase, database_template: str) -> Iterator[str]:
    """Name of a database with the small insurer in it, to be copied."""
    with new_database(database_template) as url:
        seed(url)
        yield url.rpartition("/")[2].partition("?")[0]


@pytest.fixture
def seeded_url(new_database: NewDatabase, seeded_template: str) -> Iterator[str]:
    """A database for this test alone, with the small insurer."""
    with new_database(seeded_template) as url:
        yield url


@pytest.fixture
async def api(seeded_url: str) -> AsyncIterator[Api]:
    """The API, with a healthy scorer at the wire."""
    async with running_api(seeded_url) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_api(new_database: NewDatabase, seeded_template: str) -> AsyncIterator[Api]:
    """One API for the tests of a module that are independent of each other's claims."""
    with new_database(seeded_template) as url:
        async with running_api(url) as running:
            yield running


@pytest.fixture
def sent_statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that are sent."""
    return note_statements(monkeypatch)


@pytest.fixture
def log_lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What the platform logs, as its processes write it."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    lines = io.StringIO()
    configure_logging("INFO", lines)
    monkeypatch.setattr(logging.getLogger("httpx"), "disabled", True)  # the test's own client logs its requests
    yield lines
    root.handlers = handlers
    root.setLevel(level)
