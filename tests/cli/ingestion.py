"""Runs `ginja data ingest FORMAT` against a seeded database."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeAlias

import psycopg
from click.testing import CliRunner, Result

from cli.main import main
from tests.api.makers import seed

Ingest: TypeAlias = Callable[..., tuple[Result, int]]
"""Words of the command → its result, and how many claims are stored afterwards."""


@contextmanager
def ingestion(
    format_: str, new_database: Callable[..., AbstractContextManager[str]], template: str
) -> Iterator[Ingest]:
    """The command on a database of its own; nothing listens where the scorer should be."""
    with new_database(template) as url:
        seed(url)

        def run(*words: str) -> tuple[Result, int]:
            environment = {"GINJA_DATABASE_URL": url, "GINJA_SCORER_URL": "http://127.0.0.1:1"}
            result = CliRunner().invoke(main, ["data", "ingest", format_, *words], env=environment)
            with psycopg.connect(url) as connection:
                (stored,) = connection.execute("SELECT count(*) FROM claims").fetchone()  # type: ignore[misc]
            return result, stored

        yield run
