"""What promotion measures and what thresholds mean on a window of claims, with a small model of every feature."""

from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from claims.scoring import ClaimFacts
from core.clock import DAY_US
from core.settings import Settings, held
from features.vector import FEATURE_NAMES
from models.artefact import Artefact, load_artefact, models_folder, write_artefact
from models.errors import RegistryError
from models.evaluation import (
    LabelledScores,
    evaluate_threshold,
    threshold_by_capacity,
    threshold_by_cost,
    threshold_table,
)
from models.explain import build_tables
from models.registry import MlflowStore
from pipelines import audit_trail
from pipelines.datasets import Examples, Slices, Source
from pipelines.evaluate import MODEL, Window, false_positives_by_group
from pipelines.promote import ThresholdOptions, choose_threshold, threshold_options
from pipelines.promote.flow import _facts, candidate
from pipelines.promote.measures import Measure
from pipelines.promote.measuring import of_latency
from tests.features.factories import random_claims
from tests.models import boosters, makers

ROWS, SEEN = 1_200, 200
DOWN = MlflowStore("http://127.0.0.1:9", None)


@cache
def drawn() -> tuple[pa.Table, np.ndarray, np.ndarray]:
    """Claims of sixty days, their vectors, and which are fraud; the model can tell, not without errors."""
    rng = np.random.default_rng(5)
    table = random_claims(ROWS, days=60, members=100, providers=12, procedures=10)[0]
    fraud = rng.random(ROWS) < 0.2
    x = rng.random((ROWS, len(FEATURE_NAMES))).astype(np.float32)
    x[:, 0] += 0.7 * fraud
    return table, x, fraud


@pytest.fixture
def model(tmp_path: Path) -> Artefact:
    _, x, fraud = drawn()
    booster = boosters.train(x[:SEEN], fraud[:SEEN], rounds=12)
    booster.feature_names = list(FEATURE_NAMES)
    tables = build_tables(booster)
    folder, _ = write_artefact(
        models_folder(tmp_path), booster=booster, document=makers.document(booster, tables), tables=tables
    )
    return load_artefact(folder)


@pytest.fixture
def window(tmp_path: Path) -> Window:
    table, x, fraud = drawn()
    received = table["received_at"].cast(pa.int64()).to_numpy()
    examples = Examples(
        claims=table,
        full=x,
        features=FEATURE_NAMES,
        left_out={},
        fraud=fraud,
        kind=np.full(ROWS, None, dtype=object),
        received_us=received,
        known_us=received,
        amounts_cents=table["amount_cents"].to_numpy(),
        providers=np.array(table["provider_id"].to_pylist(), dtype=object),
        unlabelled=0,
    )
    rows = np.arange(ROWS)
    slices = Slices(rows[:SEEN], rows[:0], rows[:0], rows[SEEN:], "by time", 0, 0, 0)
    source = Source("small", tmp_path, table, table, "claim", False, "0" * 64, {}, ())
    return Window(source, examples, slices, slices.test)


def scored(window: Window, model: Artefact) -> LabelledScores:
    claims = window.evaluation_set(model)
    days = (ROWS - SEEN) / window.claims_a_day
    return LabelledScores(claims.probabilities[MODEL], claims.fraud, claims.amounts_cents, days)


def test_the_default_threshold_is_the_models_own(window: Window, model: Artefact) -> None:
    options = threshold_options(model, window)
    own = evaluate_threshold(scored(window, model), model.threshold)
    assert (options.model, options.current, options.requested) == (model.version, own, own)


@pytest.mark.parametrize("cost", [None, 2_000.0])
def test_a_threshold_is_evaluated_as_a_number_or_from_capacity_or_cost(
    window: Window, model: Artefact, cost: float | None
) -> None:
    labelled = scored(window, model)
    paid = cost or 0.0
    number = threshold_options(model, window, threshold=0.25, review_cents=cost)
    assert number.requested == evaluate_threshold(labelled, 0.25, review_cents=paid)
    assert number.current == evaluate_threshold(labelled, model.threshold, review_cents=paid)
    capacity = threshold_options(model, window, reviews_a_week=56, review_cents=cost)
    assert capacity.requested == threshold_by_capacity(labelled, 8.0, review_cents=paid)
    assert capacity.requested.alerts_per_day <= 8
    if cost is not None:
        assert threshold_options(model, window, review_cents=cost).requested == threshold_by_cost(labelled, cost)


def test_the_alternative_thresholds_flag_at_most_a_fifth_of_the_claims(window: Window, model: Artefact) -> None:
    options = threshold_options(model, window, review_cents=100.0)
    table = threshold_table(scored(window, model), review_cents=100.0)
    assert options.choices == tuple(one for one in table if one.alerts_per_day * 5 <= window.claims_a_day)
    assert 0 < len(options.choices) < len(table)


def groups(window: Window, model: Artefact, options: ThresholdOptions) -> list[tuple[str, str]]:
    claims = window.evaluation_set(model)
    flagged = claims.probabilities[MODEL] >= options.requested.threshold
    found = false_positives_by_group(claims, flagged, replicates=100)
    assert len(found) > 8
    return [(row.group, row.value) for row in sorted(found, key=lambda row: row.false_positive_rate, reverse=True)]


def test_the_eight_groups_with_the_highest_false_positive_rates_are_sorted_worst_first(
    window: Window, model: Artefact
) -> None:
    options = threshold_options(model, window, threshold=0.2)
    assert [(row.group, row.value) for row in options.group_false_positives] == groups(window, model, options)[:8]


def test_the_latency_is_measured_on_the_newest_fifty_claims(window: Window, model: Artefact) -> None:
    facts = _facts(window)
    assert [one.claim_id for one in facts] == window.examples.claims["claim_id"].to_pylist()[-50:]
    measured = of_latency(model, facts[:3])
    assert set(measured) == {Measure.EXPLAINED_SCORE_P99_MS}
    assert 0.05 < measured[Measure.EXPLAINED_SCORE_P99_MS].value < 10_000


def test_claims_are_scored_as_they_were_received_with_placeholders_for_what_the_data_lack(window: Window) -> None:
    table = window.examples.claims
    for name in ("units", "lines", "diagnoses", "procedure_code", "diagnosis_code", "member_id", "region"):
        place = table.schema.get_field_index(name)
        table = table.set_column(place, table.schema.field(name), pa.nulls(len(table), table.schema.field(name).type))
    lacking = Window(window.source, _with_claims(window.examples, table), window.slices, window.rows)
    (whole, partial) = (_facts(one)[-1] for one in (window, lacking))
    row = window.examples.claims.select(list(ClaimFacts.model_fields)).to_pylist()[-1]
    assert whole == ClaimFacts(**{name: value for name, value in row.items() if value is not None})
    placeholders = {"units": 1, "lines": 1, "diagnoses": 1, "region": None}
    placeholders |= dict.fromkeys(("procedure_code", "diagnosis_code", "member_id"), "?")
    assert partial == whole.model_copy(update=placeholders)


def _with_claims(examples: Examples, claims: pa.Table) -> Examples:
    return Examples(**{name: getattr(examples, name) for name in Examples.__slots__} | {"claims": claims})


def test_a_chosen_threshold_makes_a_new_model_that_states_who_chose_it_and_is_recorded_once_registered(
    window: Window, model: Artefact, tmp_path: Path
) -> None:
    choice = evaluate_threshold(scored(window, model), 0.25, review_cents=50.0)
    never = evaluate_threshold(scored(window, model), 1.0)  # no alert, so no precision
    with held(Settings(home=tmp_path, mlflow_url=DOWN.url)):
        for one, store in ((choice, None), (never, DOWN)):
            with pytest.raises(RegistryError, match=r"127\.0\.0\.1:9"):
                choose_threshold(tmp_path, model, one, by="Ann", why="fewer alerts", how="number", store=store)
    assert audit_trail.read(tmp_path) == []
    folders = [path for path in models_folder(tmp_path).iterdir() if path.is_dir() and path.name != model.version]
    made = {chosen.threshold: chosen for chosen in map(load_artefact, folders)}
    assert set(made) == {0.25, 1.0}
    assert "precision" not in made[1.0].document.threshold_choice
    assert "recall" in made[1.0].document.threshold_choice
    chosen = made[0.25]
    stated = dict(chosen.document.threshold_choice)
    assert stated.pop("at")[-6:] == "+00:00"
    assert stated == {"how": "number", "by": "Ann", "why": "fewer alerts", "of": model.version, **choice.as_dict()}
    assert chosen.version[:8] == model.version[:8]
    assert (
        chosen.document.model_copy(
            update={name: getattr(model.document, name) for name in ("version", "threshold", "threshold_choice")}
        )
        == model.document
    )
    assert chosen.booster.save_raw("json") == model.booster.save_raw("json")


def test_the_candidate_is_looked_up_in_the_store() -> None:
    with pytest.raises(RegistryError, match=r"127\.0\.0\.1:9"):
        candidate(DOWN)


def test_the_window_is_of_the_days_of_its_claims(window: Window) -> None:
    received = window.examples.received_us
    assert window.claims_a_day == pytest.approx(ROWS / ((received[-1] - received[0]) / DAY_US))
