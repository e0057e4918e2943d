import io

import numpy as np
import pytest

from models.evaluation import CardFacts, CardFigure, Interval, figures, render_model_card
from tests.models import makers

RNG = np.random.default_rng(0)
FRAUD = RNG.random(6000) < 0.05
SCORE = RNG.normal(size=6000) + 2 * FRAUD
AMOUNTS = RNG.integers(1000, 100_000, 6000)


@pytest.mark.parametrize(
    "figure",
    [
        lambda: figures.precision_recall(FRAUD, {"model": SCORE, "amount": AMOUNTS}),
        lambda: figures.gains(FRAUD, AMOUNTS, {"model": SCORE, "amount": AMOUNTS}),
        lambda: figures.calibration(FRAUD, 1 / (1 + np.exp(3 - SCORE))),
        lambda: figures.contributions(makers.names(30), RNG.normal(size=(200, 30))),
        lambda: figures.confusion(np.where(FRAUD, "upcoding", "clean").tolist(), SCORE > 1),
        lambda: figures.learning({"train": [0.5, 0.4], "evaluation": [0.6, 0.5]}, 2),
    ],
    ids=["pr", "gains", "calibration", "contributions", "confusion", "learning"],
)
def test_every_figure_has_labelled_axes(figure):
    drawn = figure()
    out = io.BytesIO()
    drawn.savefig(out, format="png")
    assert out.getvalue().startswith(b"\x89PNG")
    axes = drawn.axes[0]
    assert axes.get_xlabel()
    assert axes.get_title(loc="left")


def test_the_confusion_names_kinds_and_counts():
    drawn = figures.confusion(["clean", "clean", "upcoding"], np.array([False, True, True]))
    texts = {text.get_text() for text in drawn.axes[0].texts}
    assert texts == {"1 of 2", "1 of 1"}


def test_a_model_card_describes_the_model_and_compares_each_figure_with_the_baselines():
    booster = makers.booster()
    document = makers.document(booster, None).model_copy(
        update={"monotone": {"amount_to_procedure_mean": 1}, "left_out": {"age_years": "the data have no such column"}}
    )
    facts = CardFacts(
        data="simulated, 2024 to 2025",
        split="in time",
        command="ginja model train",
        measured=[
            CardFigure("average precision", "all", Interval(0.5, 0.4, 0.6, 0.95), {"2× rule": 0.1}),
            CardFigure("average precision", "new providers", 0.45),
        ],
        strongest=[("amount_to_procedure_mean", 0.8)],
        limits=["Synthetic data prove plumbing."],
    )
    text = render_model_card(document, facts)
    assert text.startswith(f"# Fraud model {document.version}\n")
    assert "| average precision | all | 0.500 (0.400 to 0.600) | 0.100 |" in text
    assert "| average precision | new providers | 0.450 |  |" in text
    assert "`amount_to_procedure_mean`: higher values never lower the risk." in text
    assert "`age_years`: the data have no such column" in text
    assert "Synthetic data prove plumbing." in text
