"""`ginja model explain`: why a model finds a claim suspicious, or not."""

from pathlib import Path
from typing import Any

import click

from cli.command import command
from cli.options import DATASET, model_option
from cli.output import interval_text, print_json
from cli.progress import task


@command(examples=["ginja model explain", "ginja model explain clm_0123 --json"])
@click.argument("claim_id", metavar="[CLAIM]", required=False)
@DATASET
@model_option("the last one trained on the data set")
def explain(claim_id: str | None, dataset: str, version: str | None, as_json: bool) -> None:
    """Explain the score of CLAIM (default: the most suspicious claim that was not trained on)."""
    from core.settings import settings

    with task("Explaining"):
        found = _explained(settings().home.resolve(), dataset, claim_id, version)
    if as_json:
        print_json(found)
        return
    flagged = "flagged" if found["flagged"] else "not flagged"
    probability = f"{found['probability']:.3f} ({interval_text(found['probability_interval'])})"
    click.echo(f"Claim {found['claim_id']}: probability {probability}, {flagged}, by {found['model']}")
    for kind, title in (
        ("evidence", "Evidence about this claim"),
        ("prior", "Prior knowledge about provider and member (affects the rank; no evidence about this claim)"),
    ):
        click.echo(f"{title}:")
        mine = [reason for reason in found["reasons"] if reason["kind"] == kind]
        for reason in mine:
            click.echo(f"  {reason['direction']:>8}  {reason['text']}")
        if not mine:
            click.echo("            nothing substantial")
    click.echo(f"Log-odds {found['margin']:.3f} = {found['typical_margin']:.3f} for the typical claim, plus by group:")
    for group in found["groups"]:
        click.echo(f"  {group['push']:>+8.3f}  {group['title']}")


def _explained(home: Path, dataset: str, claim_id: str | None, version: str | None) -> dict[str, Any]:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    from claims.reason_groups import title_of
    from cli.model.common import existing_source
    from features.feast import historical_features
    from features.vector import build_many
    from models.scorer import Scorer
    from pipelines.datasets import DatasetError, ensure_features
    from pipelines.evaluate import find_model, newest_window
    from serving.files import score_table

    source = existing_source(dataset)
    model = find_model(home, source.name, version)
    scorer = Scorer(model)
    if claim_id is None:
        window = newest_window(home, model, source=source)
        claim_id = window.examples.claims["claim_id"][
            int(window.rows[int(np.argmax(window.evaluation_set(model).scores["model"]))])
        ].as_py()
    claim = source.claims.filter(pc.equal(source.claims["claim_id"], claim_id))
    if not len(claim):
        raise DatasetError(f"{source.name} has no claim {claim_id!r:.80}")
    ensure_features(source)
    states = pa.concat_tables(historical_features(source.home, claim))
    attributes = None if source.attributes is None else source.attributes.of(claim["claim_id"])
    scored = score_table(scorer, states, attributes).to_pylist()[0]
    vector = scorer.schema.rows(build_many(states), states, attributes)
    _, contributions, base = scorer.explain(vector)
    groups = scorer.reasoner.groups(contributions[0])
    order = np.argsort(-np.abs(contributions[0]), kind="stable")
    return {
        "claim_id": claim_id,
        "dataset": source.name,
        "model": model.version,
        "probability": scored["probability"],
        "probability_interval": model.calibrator.interval(scored["margin"]),
        "flagged": scored["flagged"],
        "threshold": model.threshold,
        "margin": scored["margin"],
        "base": float(base),
        "typical_margin": scored["margin"] - sum(group.push for group in groups),
        "groups": [
            {
                "code": group.code,
                "title": title_of(group.code),
                "push": group.push,
                "features": group.features,
            }
            for group in groups
        ],
        "reasons": scored["reasons"],
        "contributions": [
            {
                "feature": model.features[place],
                "value": None if np.isnan(vector[0, place]) else float(vector[0, place]),
                "contribution": float(contributions[0, place]),
            }
            for place in order
        ],
        "left_out": model.document.left_out,
    }
