"""What the commands of a model share: the data set they read, and the progress of a training."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.progress import task

if TYPE_CHECKING:
    from pipelines.datasets import Source
    from pipelines.train import Watcher


@contextmanager
def training_progress(title: str, trials: int) -> Iterator["Watcher"]:
    """Show the steps of a training, the rounds of its booster and the trials of its search."""
    from pipelines.train import Watcher

    with task(title) as progress:

        def on_round(number: int, loss: float) -> bool:
            progress.detail(f"round {number + 1}, log loss {loss:.4f}")
            return False

        def on_trial(number: int, best: float) -> None:
            progress.step(f"trial {number} of {trials}, best log loss {best:.4f}")

        yield Watcher(step=progress.step, round=on_round, trial=on_trial)


def check_source(dataset: str, data: Path | None, mapping: Path | None) -> None:
    """Check that the options name one data set. Raises `click.UsageError`."""
    if data is None and mapping is not None:
        raise click.UsageError("--mapping needs --data.")
    if data is not None and mapping is None:
        raise click.UsageError("--data needs --mapping; `ginja data ingest csv FILE --suggest` drafts one.")
    if data is not None and dataset != "simulated":
        raise click.UsageError("--data cannot be combined with --dataset.")


def source_of(
    dataset: str, data: Path | None = None, mapping: Path | None = None, *, accept_rejects: bool = False
) -> "Source":
    """The data set that the options name; a file and the public set are ingested first.

    Raises `RejectedRowsError` where the rows that were not rejected are not representative, unless `accept_rejects`.
    """
    from core.settings import settings
    from pipelines.datasets import open_file, open_or_ingest

    check_source(dataset, data, mapping)
    if data is not None and mapping is not None:
        return open_file(data, mapping, settings().home, accept_rejects=accept_rejects)
    return open_or_ingest(dataset, settings().home, settings().data_dir, accept_rejects=accept_rejects)


def existing_source(
    dataset: str, data: Path | None = None, mapping: Path | None = None, *, version: str | None = None
) -> "Source":
    """The data set that the options name, for commands that read.

    Raises `DatasetError` naming the command that creates a data set that does not exist, and `NoModelError` before a
    file is ingested that no model can be evaluated on.
    """
    from core.settings import settings
    from pipelines.datasets import open_named

    check_source(dataset, data, mapping)
    if data is not None and mapping is not None:
        from pipelines.evaluate import find_model
        from pipelines.ingest import load_mapping

        find_model(settings().home, load_mapping(mapping).name, version)
        return source_of(dataset, data, mapping)
    return open_named(dataset, settings().home)


def registry_redis_url() -> str | None:
    """The Valkey URL for a feature registry that does not exist yet: that of the settings, else that of the embedded
    server if it is running, else `None`."""
    from core import valkey
    from core.settings import settings

    if settings().redis_url is not None or valkey.running(settings().home.resolve()) is not None:
        from core.servers import valkey_url

        return valkey_url(settings())
    return None
