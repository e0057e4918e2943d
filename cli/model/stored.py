"""`ginja model list` and `show`: the models of this home."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import click

from cli.command import command
from cli.output import interval_text, print_json, print_values, terminal

if TYPE_CHECKING:
    from models.artefact import StoredModel


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A model in the list; what its document states is none where the files are damaged."""

    model: str
    roles: tuple[str, ...]
    dataset: str | None
    family: str | None
    trees: int | None
    features: int | None
    threshold: float | None
    base_rate: float | None
    problem: str | None
    """Why it cannot be used; none: its files are intact."""

    @classmethod
    def of(cls, model: "StoredModel") -> "ListedModel":
        """The row of a model."""
        document, roles = model.document, tuple(model.roles)
        if document is None:
            return cls(model.version, roles, None, None, None, None, None, None, model.problem)
        dataset = document.provenance.get("dataset")
        return cls(
            model.version,
            roles,
            dataset if isinstance(dataset, str) else None,
            document.family,
            document.trees,
            len(document.features),
            document.threshold,
            document.base_rate,
            model.problem,
        )


@command(name="list", examples=["ginja model list", "ginja model list --json"])
def list_(as_json: bool) -> None:
    """List the models of this home, newest first, with their roles and whether their files are intact."""
    from rich.table import Table

    from core.settings import settings
    from models.artefact import stored_models

    home = settings().home.resolve()
    rows = [ListedModel.of(model) for model in stored_models(home)]
    if as_json:
        print_json({"models": [asdict(row) for row in rows]})
        return
    if not rows:
        raise click.UsageError(f"{home} has no model; run `ginja model train` first.")
    shown = Table("model", "role", "data set", "family", "trees", "features", "threshold", "base rate", "files")
    for row in rows:
        numbers = ["–" if value is None else f"{value:.4f}" for value in (row.threshold, row.base_rate)]
        counts = ["–" if value is None else str(value) for value in (row.trees, row.features)]
        state = "intact" if row.problem is None else row.problem
        shown.add_row(
            row.model, ", ".join(row.roles) or "–", row.dataset or "–", row.family or "–", *counts, *numbers, state
        )
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
    shown["share_at_threshold"] = model.document.share_at_threshold
    if not as_json:
        shown["calibration"] = {name: details["calibration"].get(name) for name in ("method", "a", "b", "c", "frauds")}
        shown["share_at_threshold"] = interval_text(model.document.share_at_threshold)
        shown["features"] = len(model.document.features)
        shown["monotone"] = f"{len(model.document.monotone)} features"
    print_values(shown, as_json=as_json)
