import io

import numpy as np
import pytest
from matplotlib import image

from benchmarks.calibration import log_odds
from models.artefact import Calibration, ModelDocument
from models.calibration import fit_calibrator
from models.evaluation import CardFacts, CardFigure, Interval, figures, metrics, render_model_card
from tests.models import makers

RNG = np.random.default_rng(0)
FRAUD = RNG.random(6000) < 0.05
SCORE = RNG.normal(size=6000) + 2 * FRAUD
AMOUNTS = RNG.integers(1000, 100_000, 6000)


@pytest.mark.parametrize(
    "figure",
    [
        lambda: figures.precision_recall(FRAUD, {"model": SCORE, "amount": AMOUNTS}),
        lambda: figures.roc(FRAUD, {"model": SCORE, "amount": AMOUNTS}),
        lambda: figures.gains(FRAUD, AMOUNTS, {"model": SCORE, "amount": AMOUNTS}),
        lambda: figures.calibration(FRAUD, 1 / (1 + np.exp(3 - SCORE))),
        lambda: figures.contributions(makers.names(30), RNG.normal(size=(200, 30))),
        lambda: figures.confusion(np.where(FRAUD, "upcoding", "clean").tolist(), SCORE > 1),
        lambda: figures.learning({"train": [0.5, 0.4], "evaluation": [0.6, 0.5]}, 2),
    ],
    ids=["pr", "roc", "gains", "calibration", "contributions", "confusion", "learning"],
)
def test_every_figure_has_labelled_axes(figure):
    drawn = figure()
    assert figures.png(drawn).startswith(b"\x89PNG")
    axes = drawn.axes[0]
    assert axes.get_xlabel()
    assert axes.get_title(loc="left")


def test_a_png_shows_what_matplotlib_saves():
    """Their layouts may differ by a pixel: a layout that is computed again starts from the one before."""
    drawn = figures.precision_recall(FRAUD, {"model": SCORE, "amount": AMOUNTS})
    saved = io.BytesIO()
    drawn.savefig(saved, format="png")
    ours, theirs = (image.imread(io.BytesIO(one)) for one in (figures.png(drawn), saved.getvalue()))
    assert ours.shape == theirs.shape
    assert np.abs(ours.mean(axis=(0, 1)) - theirs.mean(axis=(0, 1))).max() < 0.005


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


def test_a_model_card_states_how_certain_the_probability_at_the_threshold_is():
    document = makers.document(makers.booster(), None)
    facts = CardFacts(data="", split="", command="", measured=[])
    assert document.share_at_threshold is None
    assert "Calibrated on" not in render_model_card(document, facts)
    calibrator = fit_calibrator(*log_odds(30, claims=2_000, seed=1))
    known = document.model_copy(update={"calibration": Calibration.of(calibrator)})
    low, high = known.share_at_threshold
    assert low < known.threshold < high
    text = render_model_card(known, facts)
    assert f"- Calibrated on 30 frauds: at the threshold {low:.2%} to {high:.2%} of the claims are fraud" in text
    restored = ModelDocument.model_validate_json(known.model_dump_json())
    assert restored.calibration.calibrator == calibrator


def curve(figure, label: str) -> tuple[np.ndarray, np.ndarray]:
    """The points of a line of a figure."""
    (line,) = [line for line in figure.axes[0].lines if str(line.get_label()).startswith(label)]
    return np.asarray(line.get_xdata(), dtype=float), np.asarray(line.get_ydata(), dtype=float)


def drawn_at(x: np.ndarray, y: np.ndarray, at: float, *, log: bool) -> float:
    """What a reader sees at `at`: between two points the line is straight on the axis, logarithmic or not."""
    return float(np.interp(np.log(at), np.log(x), y) if log else np.interp(at, x, y))


@pytest.mark.parametrize("share", [0.002, 0.01, 0.1, 0.5])
def test_the_gains_of_a_random_order_are_as_large_as_the_share_reviewed(share):
    x, y = curve(figures.gains(FRAUD, AMOUNTS, {"model": SCORE}), "random")
    assert drawn_at(x, y, share, log=True) == pytest.approx(share, rel=0.01)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.3, 0.7])
def test_a_tie_gains_in_proportion_to_the_claims_taken_of_it(share):
    """A rule that flags a fifth: its gains are those of `at_k`, which takes tied claims in equal parts."""
    rule = (np.arange(6000) % 5 == 0).astype(float)
    x, y = curve(figures.gains(FRAUD, AMOUNTS, {"rule": rule}), "rule")
    expected = metrics.at_k(FRAUD, rule, share * 6000, AMOUNTS).dollars
    assert drawn_at(x, y, share, log=True) == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6])
def test_precision_within_a_tie_is_that_of_taking_its_claims_in_equal_parts(share):
    rule = np.where(FRAUD & (np.arange(6000) % 2 == 0), 1.0, (np.arange(6000) % 10 == 1).astype(float))
    x, y = curve(figures.precision_recall(FRAUD, {"rule": rule}), "rule")
    found = metrics.at_k(FRAUD, rule, share * 6000, AMOUNTS)
    assert drawn_at(x, y, found.recall, log=False) == pytest.approx(found.precision, rel=0.01)
    assert (np.diff(x) >= 0).all()


def test_the_figures_count_claims_by_their_weights():
    weights = np.where(FRAUD, 3.0, 1.0)
    again = np.repeat(np.arange(6000), weights.astype(int))
    for draw in (figures.precision_recall, figures.roc):
        weighted = curve(draw(FRAUD, {"model": SCORE}, weights=weights), "model")
        repeated = curve(draw(FRAUD[again], {"model": SCORE[again]}), "model")
        at = np.linspace(0.05, 0.95, 10)
        assert np.interp(at, *weighted) == pytest.approx(np.interp(at, *repeated), abs=0.01)


def test_every_ranking_is_drawn_and_has_a_look_of_its_own():
    scores = {f"rival {n}": SCORE + n for n in range(11)}
    lines = figures.roc(FRAUD, scores).axes[0].lines[:11]
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 11


def test_the_legend_states_a_metric_with_its_interval():
    drawn = figures.roc(FRAUD, {"model": SCORE}, intervals={"model": Interval(0.9, 0.85, 0.95, 0.95)})
    assert drawn.axes[0].lines[0].get_label() == f"model, AUC {metrics.roc_auc(FRAUD, SCORE):.3f} (0.850 to 0.950)"


def test_a_bin_without_fraud_is_drawn_at_the_upper_end_of_its_interval_and_not_at_a_made_up_share():
    p = 1 / (1 + np.exp(6 - 2 * SCORE))
    fraud = FRAUD & (p > np.quantile(p, 0.5))
    none = [b for b in metrics.calibration_bins(fraud, p) if b.observed == 0]
    assert none
    drawn = figures.calibration(fraud, p)
    x, y = curve(drawn, "no fraud observed")
    assert x == pytest.approx([b.expected for b in none])
    assert y == pytest.approx([b.high for b in none])
    observed = drawn.axes[0].containers[0].lines[0].get_ydata()
    assert len(observed) + len(none) == len(metrics.calibration_bins(fraud, p))
    assert (np.asarray(observed) > 0).all()
