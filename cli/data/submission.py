"""Submitting claims of files: the services of the API in this process, and the files that a path names."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from api.dependencies import Dependencies
    from api.identity import Caller

T = TypeVar("T")

FILES = click.Path(path_type=Path, exists=True, readable=True)
"""A file or a folder."""


def files_of(path: Path) -> list[Path]:
    """The file, or the files of the folder. Raises `click.UsageError` for an empty folder."""
    files = sorted(one for one in path.iterdir() if one.is_file()) if path.is_dir() else [path]
    if not files:
        raise click.UsageError(f"{path} has no files.")
    return files


async def with_services(url: str, by: str, work: "Callable[[Dependencies, Caller], Awaitable[T]]") -> T:
    """Run `work` with the services over the database at `url`, as a claims system that `by` is responsible for."""
    from api.dependencies import Dependencies
    from api.identity import Caller
    from core.live_claims import LiveClaims
    from core.settings import settings

    own = Dependencies.create(settings(), url, LiveClaims())
    try:
        await own.windows.refresh()
        return await work(own, Caller("ginja data ingest", "claims_system", None, by))
    finally:
        await own.close()
