"""The rivals of a model: every baseline of the evaluation page, which are also those of the promotion gates."""

from models.artefact import Artefact
from pipelines.evaluate.baselines import learned_baselines, simple_baselines
from pipelines.evaluate.evaluation_set import RAW, EvaluationSet
from pipelines.evaluate.source_columns import raw_booster
from pipelines.evaluate.window import Window


def add_rivals(claims: EvaluationSet, window: Window, artefact: Artefact) -> None:
    """Add the scores of every baseline to the claims of a window.

    Learned ones are trained on the claims before it, with the features of `artefact` and the weights that it learned
    with; a booster of the raw columns is there only where the source declares attributes.
    """
    claims.scores.update(simple_baselines(claims))
    examples, train = window.examples, window.slices.train
    schema = artefact.schema
    claims.scores.update(
        learned_baselines(
            examples.matrix(train, schema),
            examples.fraud[train],
            examples.matrix(window.rows, schema),
            weights=examples.training_weights(train),
        )
    )
    if examples.declared:
        claims.scores[RAW] = raw_booster(examples, window.slices.learned, window.rows)
