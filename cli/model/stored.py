"""`ginja model list` and `show`: the models of this home."""

from typing import TYPE_CHECKING, Any

import click

from cli.command import command
from cli.output import print_json, print_values, terminal

if TYPE_CHECKING:
    from models.artefact import StoredModel


@command(name="list", examples=["ginja model list", "ginja model list --json"])
def list_(as_json: bool) -> None:
    """List the models of this home, newest first, with their roles and whether their files are intact."""
    from rich.table import Table

    from core.settings import settings
    from models.artefact import stored_models

    home = settings().home.resolve()
    rows = [_row(model) for model in stored_models(home)]
    if as_json:
        print_json({"models": rows})
        return
    if not rows:
        raise click.UsageError(f"{home} has no model; run `ginja model train` first.")
    shown = Table("model", "role", "data set", "trees", "features", "threshold", "base rate", "files")
    for row in rows:
        numbers = [f"{row[name]:.4f}" if row[name] is not None else "–" for name in ("threshold", "base_rate")]
        counts = [str(row[name]) if row[name] is not None else "–" for name in ("trees", "features")]
        state = "intact" if row["problem"] is None else row["problem"]
        shown.add_row(row["model"], ", ".join(row["roles"]) or "–", row["dataset"] or "–", *counts, *numbers, state)
    terminal().print(shown)


@command(examples=["ginja model show", "ginja model show --model 20260425-6c8b887bb1 --json"])
@click.option("--model", "version", metavar="VERSION", help="Version of the model; default: the champion.")
def show(version: str | None, as_json: bool) -> None:
    """Show one model: role, threshold and how it was chosen, calibration, constraints, libraries, data."""
    from core.settings import settings
    from models.artefact import stored_model
    from models.errors import ArtefactCorruptError

    model = stored_model(settings().home.resolve(), version)
    if model.document is None:
        raise ArtefactCorruptError(model.problem or "the model cannot be read")
    details = model.document.model_dump(mode="json", exclude={"version", "training_range", "typical"})
    shown = {"model": model.version, "roles": list(model.roles), **details}
    if not as_json:
        shown["features"] = len(model.document.features)
        shown["monotone"] = f"{len(model.document.monotone)} features"
    print_values(shown, as_json=as_json)


def _row(model: "StoredModel") -> dict[str, Any]:
    document = model.document
    return {
        "model": model.version,
        "roles": list(model.roles),
        "dataset": None if document is None else document.provenance.get("dataset"),
        "trees": None if document is None else document.trees,
        "features": None if document is None else len(document.features),
        "threshold": None if document is None else document.threshold,
        "base_rate": None if document is None else document.base_rate,
        "problem": model.problem,
    }
