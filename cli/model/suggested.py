"""`ginja model train --suggest`: the mapping of a file is drafted, kept, and used in one go."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pipelines.datasets import Source
    from pipelines.train import TrainingReport


@dataclass(frozen=True, slots=True)
class SuggestedMapping:
    """A drafted mapping that was kept as a file, and what became of each column."""

    path: Path
    columns_used: Mapping[str, str]
    """Column → field or feature."""
    columns_left_out: Mapping[str, str]
    """Column → why."""


def suggested_mapping(file: Path, home: Path) -> SuggestedMapping:
    """Draft the mapping of a file, keep it under `mappings` of the home, and say on the error stream what it is unsure
    of.

    Raises `click.UsageError` where another mapping is kept there, `SourceError` where the file cannot be read.
    """
    import yaml

    from pipelines.ingest import suggest

    draft = suggest(file)
    path = home / "mappings" / f"{yaml.safe_load(draft.mapping)['name']}.yaml"
    if path.exists() and path.read_text(encoding="utf-8") != draft.mapping:
        raise click.UsageError(
            f"{path} was changed since it was drafted, or is of another file. Use it with --mapping {path}, or remove "
            "it to draft it again."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(draft.mapping, encoding="utf-8")
    partial.replace(path)
    click.echo(
        f"Mapping drafted: {path}; {len(draft.columns_used)} columns used, {len(draft.columns_left_out)} left out",
        err=True,
    )
    for column, why in draft.columns_left_out.items():
        click.echo(f"  left out: {column}: {why}", err=True)
    for note in draft.to_do:
        click.echo(f"To do: {note}", err=True)
    return SuggestedMapping(path, draft.columns_used, draft.columns_left_out)


def figures(report: "TrainingReport", source: "Source", drafted: SuggestedMapping) -> dict[str, object]:
    """The report's JSON form, with what was read of the file and the comparison with a booster of its columns."""
    return report.as_json() | {
        "mapping": str(drafted.path),
        "rows": source.about["rows"],
        "rejected": source.about["rejected"],
        "reject_label_rates": source.about["reject_label_rates"],
        "columns_used": dict(drafted.columns_used),
        "columns_left_out": dict(drafted.columns_left_out),
        "ap": report.ap_model,
        "ap_ci": report.ap_model_interval,
        "ap_raw_booster": report.ap_raw_booster,
        "paired_ci": report.ap_lead_raw_booster,
    }
