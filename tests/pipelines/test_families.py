"""Other families from training to serving: the same record, gates and reasons; a family of one's own in shadow only."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from cli.main import main
from models import registry
from models.artefact import load_artefact, load_pointed, point, read_pointer
from models.errors import FamilyError, ForeignFactoryError, ShadowOnlyError
from models.evaluation import Ranking, roc_auc
from models.families import (
    DEFAULT_FAMILY,
    FAMILIES,
    CatBoost,
    Custom,
    Ebm,
    LightGBM,
    Logistic,
    TrainingSample,
    XGBoost,
    installed,
)
from models.pyfunc import _load_pyfunc
from models.registry import MlflowStore, RunRecord, mlflow_registry
from models.scorer import Scorer
from pipelines.behaviour import read_submissions
from pipelines.challenger import start
from pipelines.datasets import SIMULATED, open_named
from pipelines.evaluate import LOGISTIC, MODEL, RAW, add_rivals, evaluate, find_model, newest_window
from pipelines.promote import Force, promote
from pipelines.provider_level import cross_validation
from pipelines.train import TrainOptions, contenders, family_from, make, prepare, train_and_register
from pipelines.train.search import search
from tests.models import families
from tests.models.stores import new_store
from tests.pipelines import model_life
from tests.pipelines.test_own_features import home as motor_home

QUICK = (
    model_life.OPTIONS.family,
    LightGBM(rounds=40, early_stopping=10, learning_rate=0.15, threads=1),
    CatBoost(rounds=40, early_stopping=10, learning_rate=0.15, threads=1),
    Ebm(rounds=60, pairs=2, max_bin=32, max_bin_pair=8, learning_rate=0.1, threads=1),
    Logistic(rounds=6, knots=16, threads=1),
)
OWN = "tests.pipelines.own_models:centroids"


def sums_up(scorer: Scorer, home: Path, claims: int = 30) -> None:
    """Each score's contributions sum to its margin, and its groups to the same from the typical claim."""
    source = open_named(SIMULATED, home)
    found = read_submissions(source, source.claims.slice(len(source.claims) - claims), np.zeros(claims, dtype=bool))
    for one in found.claims:
        score = scorer.score(one.facts, one.reading)
        assert score.base_margin + sum(score.contributions.values()) == pytest.approx(score.margin, abs=1e-4)
        assert score.typical_margin + sum(group.push for group in score.groups) == pytest.approx(score.margin, abs=1e-4)


def test_a_logistic_regression_is_trained_registered_promoted_and_serves_with_exact_reasons(tmp_path):
    home = model_life.copy_of_trained(tmp_path)
    store, source = new_store(home), open_named(SIMULATED, home)
    options = replace(model_life.OPTIONS, family=Logistic(rounds=6, knots=16, threads=1), trials=2)
    report = train_and_register(home, source=source, options=options, store=store)
    with mlflow_registry._mlflow(store) as mlflow:
        of_parent = f"tags.`mlflow.parentRunId` = '{report.run_id}'"
        children = mlflow.search_runs(search_all_experiments=True, filter_string=of_parent, output_format="list")
    trials = {run.info.run_name: run for run in children}
    assert set(trials) == {"trial-0", "trial-1"}
    assert {run.info.status for run in children} == {"FINISHED"}
    assert trials["trial-0"].data.params == {"model.knots": "16"}
    assert 0 < trials["trial-1"].data.metrics["logloss"] < 1
    assert trials["trial-1"].data.tags["ginja.trial"] == "complete"
    assert (report.family, report.trees, report.shadow_only) == ("logistic", 0, False)
    assert report.model.startswith("logistic: terms over ")
    assert report.ap_model > 2 * report.base_rate
    done = promote(home, force=Force("A. Person", "a drill"), store=store)
    assert done.version == report.version == registry.aliases(store)["champion"]
    pointer = read_pointer(home)
    assert pointer is not None
    champion = load_pointed(home, pointer)
    assert champion.document.explained_by == "terms"
    assert champion.document.monotone
    sums_up(Scorer(champion), home)
    assert "family logistic: terms over" in report.report.read_text()


@pytest.fixture(scope="module")
def prepared_home(tmp_path_factory):
    """A home and the prepared claims of it, which are the same for every family."""
    home = model_life.copy_of_trained(tmp_path_factory.mktemp("families"))
    return home, prepare(open_named(SIMULATED, home), model_life.OPTIONS, reports=home / "reports")


@pytest.mark.parametrize("family", [family for family in QUICK if family.spec not in ("xgboost", "logistic")], ids=str)
def test_every_other_family_serves_with_exact_reasons(family, prepared_home):
    home, prepared = prepared_home
    _, artefact = make(home, prepared, replace(model_life.OPTIONS, family=family))
    assert artefact.document.family == family.spec
    assert artefact.document.libraries[family.library]
    point(home, artefact.version)
    sums_up(Scorer(artefact), home)


def test_a_family_of_ones_own_scores_in_shadow_and_never_decides(tmp_path):
    home = model_life.copy_of_trained(tmp_path)
    store, source = new_store(home), open_named(SIMULATED, home)
    champion = next((home / "models").glob("2*")).name
    options = replace(model_life.OPTIONS, family=Custom(factory=OWN).with_params({"clip": 2.0, "seed": 5}))
    report = train_and_register(home, source=source, options=options, store=store)
    assert (report.family, report.shadow_only) == (OWN, True)
    page = report.report.read_text()
    assert "serves in shadow only" in page
    artefact = load_artefact(report.path)
    assert (artefact.explainer, artefact.document.typical) == (None, None)
    for force in (None, Force("A. Person", "a drill")):
        with pytest.raises(ShadowOnlyError, match=rf"{OWN}\) has no exact reasons.*ginja model trial start --model"):
            promote(home, force=force, store=store)
    with pytest.raises(ShadowOnlyError):
        point(home, report.version)
    registry.register(store, RunRecord(name="c", command="test"), load_artefact(home / "models" / champion))
    point(home, champion)
    with pytest.raises(ShadowOnlyError):
        start(home, report.version, canary_share=0.1, store=store)
    start(home, report.version, store=store)
    (one,) = read_submissions(source, source.claims.slice(0, 1), np.zeros(1, dtype=bool)).claims
    both = Scorer(load_artefact(home / "models" / champion)).score(one.facts, one.reading, challenger=Scorer(artefact))
    assert both.shadow is not None
    assert both.shadow.model_version == report.version
    assert 0 < both.shadow.probability < 1
    with pytest.raises(ShadowOnlyError):
        Scorer(artefact).score(one.facts, one.reading)
    for load_from_store in (
        lambda: registry.fetch(store, report.version, tmp_path / "another-home"),
        lambda: _load_pyfunc(str(report.path)),
    ):
        with pytest.raises(ForeignFactoryError, match=f"factory {OWN}, whose module loading it would import"):
            load_from_store()


def test_rivals_of_every_family_are_compared_on_the_same_claims(monkeypatch):
    """The form that a script reads, on a public-shape file with further columns."""
    monkeypatch.setattr(contenders, "FAMILIES", QUICK)
    home = motor_home()
    words = ["model", "evaluate", "--dataset", "motor", "--rivals", "--replicates", "20", "--json"]
    done = CliRunner().invoke(main, words, env={"GINJA_HOME": str(home)}, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    low, high = found["ap_ci"]
    assert low <= found["ap"] <= high
    assert 0 <= found["dollars_at_k"] <= 1
    expected = {family.spec for family in FAMILIES if installed(family.library)} - {DEFAULT_FAMILY.spec}
    assert expected | {"2x rule", "amount only", "booster of raw columns"} <= set(found["rivals"])
    for name, rival in found["rivals"].items():
        low, high = rival["paired_ci"]
        assert rival["paired_difference"] == pytest.approx(found["ap"] - rival["ap"], abs=1e-5), name
        assert low <= rival["paired_difference"] <= high, name
        assert set(rival) == {"ap", "paired_difference", "paired_ci"}
    assert all(found["rivals"][name]["ap"] > 2 * found["base_rate"] for name in expected)


def test_rivals_learn_with_the_weights_of_the_model(monkeypatch):
    """Half the labels are wrong and withdrawn, that is, of weight 0: each rival ranks as if they were not there."""
    monkeypatch.setattr(contenders, "FAMILIES", QUICK)
    home = motor_home()
    source, artefact = open_named("motor", home), find_model(home, "motor")
    window = newest_window(home, artefact, source=source)
    examples, rows = window.examples, window.rows
    wrong = np.arange(len(examples)) % 2 == 0
    wrong[rows] = False
    weights = np.where(wrong, 0.0, 1.0)
    mislabelled = replace(examples, fraud=examples.fraud ^ wrong)
    found = {}
    for name, changed in (("weighted", replace(mislabelled, weights=weights)), ("plain", mislabelled)):
        claims = window.evaluation_set(artefact)
        add_rivals(claims, replace(window, examples=changed), artefact)
        contenders.Contenders().add(claims, replace(window, examples=changed), artefact)
        found[name] = {
            rival: roc_auc(examples.fraud[rows], Ranking.of(scores)) for rival, scores in claims.scores.items()
        }
    for rival in (LOGISTIC, RAW, *(family.spec for family in QUICK[1:] if installed(family.library))):
        assert found["weighted"][rival] > found["plain"][rival] + 0.05, (rival, found)


def test_a_family_that_is_not_installed_is_named_and_not_compared(monkeypatch):
    monkeypatch.setattr(contenders, "FAMILIES", (QUICK[4],))
    monkeypatch.setattr(contenders, "installed", lambda distribution: False)
    home = motor_home()
    contest = contenders.Contenders()
    found = evaluate(home, open_named("motor", home), replicates=2, contenders=contest.add, store=MlflowStore.of(home))
    assert contest.missing == ["logistic"]
    assert MODEL in found.evaluated.metrics.rankings


def test_families_are_compared_at_provider_level_on_the_same_folds():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 4))
    fraud = x[:, 0] + rng.normal(size=300) > 1.2
    parts = cross_validation.folds(fraud)[:2]
    scored = cross_validation.score_family(QUICK[4], x, fraud, parts, step=lambda: None)
    assert scored.name == "logistic"
    assert [len(scores) for scores in scored.scores] == [len(fold.test) for fold in parts]
    measured = cross_validation.SortedScores(scored, fraud, parts)
    assert measured.auc(np.ones(300)) > 0.7
    everything = measured.dollars(np.ones(300), 1.0)
    assert everything == pytest.approx(1.0)
    assert 0 < measured.dollars(np.ones(300), 0.1) < 0.7


def test_a_rival_at_provider_level_learns_from_every_training_provider():
    """The providers that stop its training are learned from too, as the model does."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3))
    fraud = x[:, 0] > 0.7
    part = cross_validation.folds(fraud)[0]
    scored = cross_validation.score_family(QUICK[4], x, fraud, [part], step=lambda: None)
    whole = TrainingSample(x[part.train].astype(np.float32), fraud[part.train])
    names = ["a", "b", "c"]
    of_all = [
        QUICK[4].fit_rounds(whole, rounds, features=names).model.margins(x[part.test].astype(np.float32))
        for rounds in range(1, QUICK[4].rounds + 1)
    ]
    assert any(np.allclose(scored.scores[0], margins, rtol=1e-6) for margins in of_all)


@pytest.mark.parametrize("text", ["leaves: 7\nl2: 3", '{"leaves": 7, "l2": 3}'], ids=["YAML", "JSON"])
def test_parameters_are_read_from_a_file(tmp_path, text):
    file = tmp_path / "params"
    file.write_text(text)
    assert family_from("lightgbm", file) == LightGBM(leaves=7, l2=3.0)
    assert family_from("lightgbm", file, seed=11).seed == 11
    assert family_from("xgboost") == TrainOptions().family == XGBoost()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- leaves", "must map names of parameters to values"),
        ("{leaves: [", "is neither YAML nor JSON"),
        ("leafs: 7", "lightgbm has no parameter leafs"),
    ],
)
def test_a_file_of_parameters_that_cannot_be_used_is_refused_before_anything_begins(tmp_path, text, message):
    file = tmp_path / "params.yaml"
    file.write_text(text)
    words = ["model", "train", "--model", "lightgbm", "--params", str(file)]
    done = CliRunner().invoke(main, words, env={"GINJA_HOME": str(tmp_path / "home")})
    assert done.exit_code == 2
    assert message in done.output


def test_an_unknown_family_is_refused_with_those_there_are(tmp_path):
    done = CliRunner().invoke(main, ["model", "train", "--model", "forest"], env={"GINJA_HOME": str(tmp_path)})
    assert done.exit_code == 2
    assert "available: xgboost, lightgbm, catboost, ebm, logistic, or package.module:factory" in done.output


@pytest.mark.parametrize("factory", ["no.such.module:make", "tests.pipelines.own_models:nothing"])
def test_a_factory_that_cannot_be_imported_is_refused_by_name(factory):
    with pytest.raises(FamilyError, match=f"{factory} cannot be imported"):
        Custom(factory=factory).fit(families.sample(0), families.sample(3), features=families.NAMES)


@pytest.mark.parametrize("name", ["lightgbm", "ebm", "logistic"])
def test_a_search_keeps_every_trial(name):
    base = families.SMALL[name]
    seen: list[int] = []
    found = search(
        families.sample(0), families.sample(3), features=families.NAMES, monotone={}, base=base, trials=2,
        done=lambda number, best: seen.append(number),
    )  # fmt: skip
    assert seen == [1, 2]
    assert [trial.number for trial in found.trials] == [0, 1]
    assert found.trials[0].params == base.searched
    assert found.loss == min(trial.loss for trial in found.trials if trial.loss is not None)
    assert type(found.family) is type(base)


def test_the_parameters_of_a_factory_are_not_searched():
    with pytest.raises(FamilyError, match="cannot be searched"):
        search(
            families.sample(0),
            families.sample(3),
            features=families.NAMES,
            monotone={},
            base=Custom(factory=OWN),
            trials=1,
        )


def test_bytes_that_a_factory_cannot_read_are_refused():
    with pytest.raises(ValueError, match=rf"is not a model of {OWN}"):
        Custom(factory=OWN).load(b"no JSON", families.NAMES)


def test_a_factory_that_fails_is_refused_by_name():
    with pytest.raises(FamilyError, match=f"--model {OWN} failed with TypeError"):
        Custom(factory=OWN).with_params({"unknown": 1}).fit(
            families.sample(0), families.sample(3), features=families.NAMES
        )
