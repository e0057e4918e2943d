"""Every family: the same training, native form, margins and exact explanation, whatever the library is."""

import sys
from pathlib import Path

import numpy as np
import pytest

from features.vector import schema_hash
from models.artefact import Calibration, ModelDocument, load_artefact, write_artefact
from models.errors import ArtefactCorruptError, FamilyError, TrainingError
from models.explain import LeafTables
from models.families import (
    FAMILIES,
    AdditiveModel,
    Custom,
    Family,
    Fit,
    LightGBM,
    Logistic,
    Model,
    TrainingSample,
    XGBoost,
    explained_by,
    explainer_of,
    family_of,
)
from models.families.ebm import terms_of
from models.families.logistic import normal_scores
from models.families.thresholds import below_after
from tests.models import families, makers

EVERY = tuple(families.SMALL)
EXACT = 2e-5
"""Largest difference of a margin: 20 leaves of 32 bits are added."""


def library_contributions(name: str, model: Model, x: np.ndarray) -> np.ndarray:
    """The Shapley values (N, F + 1) that the library of a family of trees gives; the last is the base."""
    if name == "xgboost":
        import xgboost

        matrix = xgboost.DMatrix(x, feature_names=list(model.features))
        return model.booster.predict(matrix, pred_contribs=True)  # type: ignore[attr-defined]
    if name == "lightgbm":
        import lightgbm

        return lightgbm.Booster(model_str=model.to_bytes().decode()).predict(x, pred_contrib=True)
    import catboost

    return model.native().get_feature_importance(catboost.Pool(x), type="ShapValues")  # type: ignore[attr-defined]


@pytest.mark.parametrize("missing", [True, False], ids=["trained with missing values", "trained without"])
@pytest.mark.parametrize("name", EVERY)
def test_contributions_sum_to_the_margin_that_the_library_gives(name, missing):
    fit = families.trained(name, missing=missing)
    rows = families.hard_rows(fit)
    explainer = explainer_of(fit.model)
    assert explainer is not None
    margins, phi = explainer.explain_many(rows)
    assert np.abs(explainer.base_margin + phi.sum(axis=1) - margins).max() < EXACT
    assert np.abs(fit.model.margins(rows) - margins).max() < EXACT  # of trees: those of the library
    assert np.array_equal(explainer.margins(rows), margins)
    alone = [explainer.explain_many(row.reshape(1, -1)) for row in rows[:40]]
    assert np.array_equal(np.concatenate([one[0] for one in alone]), margins[:40])
    assert np.array_equal(np.concatenate([one[1] for one in alone]), phi[:40])


@pytest.mark.parametrize("missing", [True, False], ids=["trained with missing values", "trained without"])
@pytest.mark.parametrize("name", families.TREES)
def test_contributions_of_trees_are_the_shapley_values_of_the_library(name, missing):
    fit = families.trained(name, missing=missing)
    rows = families.hard_rows(fit)
    tables = explainer_of(fit.model)
    assert isinstance(tables, LeafTables)
    theirs = library_contributions(name, fit.model, rows)
    assert np.abs(theirs[:, :-1] - tables.explain_many(rows)[1]).max() < EXACT
    assert theirs[0, -1] == pytest.approx(tables.base_margin, abs=EXACT)


def test_the_terms_of_an_ebm_give_the_decision_function_of_the_library():
    from interpret.glassbox import ExplainableBoostingClassifier

    train = families.sample(0)
    library = ExplainableBoostingClassifier(
        feature_types=["continuous"] * families.FEATURES, max_bins=24, max_interaction_bins=6, interactions=4,
        outer_bags=1, max_rounds=40, n_jobs=1,
    )  # fmt: skip
    library.fit(train.x, train.fraud.astype(int))
    model = AdditiveModel(terms_of(library, train, families.NAMES))
    assert len(model.terms.pairs) == 4
    rows = families.hard_rows(Fit(model, family_of("ebm"), 1, {}))
    assert np.abs(library.decision_function(rows) - model.margins(rows)).max() < EXACT
    each = np.abs(model.explain_many(train.x)[1]).mean(axis=0)
    assert (model.gains() >= each - EXACT).all()  # a sum of absolute values is at least that of the sum


def test_a_logistic_regression_is_the_one_of_scikit_learn_on_normal_scores():
    from sklearn.linear_model import LogisticRegression

    train = families.sample(0, missing=False)
    family = Logistic(rounds=1, penalty=0.01, knots=32)
    model = family.fit_rounds(train, 1, features=families.NAMES).model
    scales = [normal_scores(column, 32) for column in train.x.T]
    x = np.column_stack([np.interp(column, *scale) for column, scale in zip(train.x.T, scales, strict=True)])
    assert x.mean(axis=0) == pytest.approx(0, abs=1e-9)
    assert x.std(axis=0) == pytest.approx(1)
    theirs = LogisticRegression(C=1 / (0.01 * len(x)), tol=1e-10, max_iter=1_000).fit(x, train.fraud)
    assert np.abs(theirs.decision_function(x) - model.margins(train.x)).max() < 2e-3


@pytest.mark.parametrize("name", EVERY)
def test_the_same_training_gives_the_same_bytes_and_they_give_the_same_model(name):
    fit = families.trained(name)
    again = fit.family.fit(families.sample(0), families.sample(3), features=families.NAMES)
    raw = fit.model.to_bytes()
    assert again.model.to_bytes() == raw
    loaded = fit.family.load(raw, families.NAMES)
    assert loaded.to_bytes() == raw
    assert loaded.trees == fit.model.trees
    assert np.array_equal(loaded.margins(families.sample(5).x), fit.model.margins(families.sample(5).x))
    assert np.array_equal(loaded.gains(), fit.model.gains())


@pytest.mark.parametrize("name", EVERY)
def test_what_it_learned_from_is_what_the_labels_follow(name):
    gains = families.trained(name).model.gains()
    assert gains.shape == (families.FEATURES,)
    assert (gains >= 0).all()
    assert gains[:3].sum() > gains[4:].sum() * 2


@pytest.mark.parametrize("name", EVERY)
def test_a_constrained_feature_never_lowers_the_margin_of_any_family(name):
    model = families.trained(name, monotone=True).model
    rows = makers.vectors(60, families.FEATURES, 4).copy()
    margins = []
    for value in np.linspace(0, 30, 40, dtype=np.float32):
        rows[:, 3] = value
        margins.append(model.margins(rows))
    assert (np.diff(np.array(margins), axis=0) >= -1e-6).all()


@pytest.mark.parametrize("name", EVERY)
def test_weights_raise_the_margins_of_the_class_that_weighs_more(name):
    train = families.sample(0)
    heavy = TrainingSample(train.x, train.fraud, np.where(train.fraud, 4.0, 1.0))
    fit = families.trained(name)
    other = fit.family.fit_rounds(heavy, fit.rounds, features=families.NAMES)
    assert other.model.margins(train.x).mean() > fit.model.margins(train.x).mean() + 0.3
    assert (other.rounds, other.history) == (fit.rounds, {})


@pytest.mark.parametrize("name", [name for name in EVERY if name != "ebm"])
def test_the_round_of_least_loss_is_kept_and_a_caller_may_stop_earlier(name):
    fit = families.trained(name)
    losses = fit.history["evaluation"]
    assert fit.rounds == int(np.argmin(losses)) + 1
    seen: list[tuple[int, float]] = []

    def stop_at_two(number: int, loss: float) -> bool:
        seen.append((number, loss))
        return number == 2

    fit.family.fit(families.sample(0), families.sample(3), features=families.NAMES, on_round=stop_at_two)
    assert [number for number, _ in seen] == [0, 1, 2]
    assert [loss for _, loss in seen] == pytest.approx(losses[:3])


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.spec)
def test_every_family_refuses_samples_that_cannot_train(family):
    good = families.sample(0)
    bad = TrainingSample(good.x, np.zeros(len(good.x), dtype=bool))
    with pytest.raises(TrainingError, match="0 frauds"):
        family.fit(bad, good, features=families.NAMES)
    with pytest.raises(TrainingError, match="0 frauds"):
        family.fit_rounds(bad, 3, features=families.NAMES)


@pytest.mark.parametrize("family", FAMILIES[1:], ids=lambda family: family.spec)  # XGBoost's own: test_artefact.py
@pytest.mark.parametrize("raw", [b"", b"{}", b"\xff\x00", b"tree\nnum_class=1\n", b'{"features_info":{}}'])
def test_bytes_that_are_no_model_of_the_family_are_refused(family, raw):
    with pytest.raises(ValueError, match=r"is not|has "):
        family.load(raw, families.NAMES)


@pytest.mark.parametrize("value", [0.0, -0.0, 0.1, 1 / 3, -7.25, 1e-46, 3.5e38, 1e300, -1e300, 16777217.0])
def test_at_most_a_threshold_is_below_the_next_float(value):
    x = np.array([value, 0.0, 1.0, -1.0, 3e38, -3e38], dtype=np.float64)
    with np.errstate(over="ignore"):
        near = x.astype(np.float32)
    rows = np.concatenate([near, np.nextafter(near, np.float32(-np.inf)), np.nextafter(near, np.float32(np.inf))])
    rows = rows[np.isfinite(rows)]
    assert np.array_equal(rows.astype(np.float64) <= value, rows < np.float32(below_after(value)))


def stored(folder: Path, name: str, **changes: object) -> Path:
    """A model of a family on disk, with its explainer."""
    fit = families.trained(name)
    explainer = explainer_of(fit.model)
    document = ModelDocument(
        version="20260101-test",
        features=families.NAMES,
        schema_hash=schema_hash(families.NAMES),
        family=name,
        trees=fit.model.trees,
        calibration=Calibration(a=1.0, b=1.0, c=0.0),
        threshold=0.3,
        base_rate=0.15,
        explained_by=explained_by(explainer),
    ).model_copy(update=changes)
    tables = explainer if isinstance(explainer, LeafTables) else None
    return write_artefact(folder, model=fit.model, document=document, tables=tables)[0]


@pytest.mark.parametrize(("name", "module"), [("lightgbm", "lightgbm"), ("catboost", "catboost"), ("ebm", "interpret")])
def test_a_model_is_loaded_and_explained_without_its_library(name, module, tmp_path, monkeypatch):
    folder = stored(tmp_path, name)
    for loaded in [loaded for loaded in sys.modules if loaded.partition(".")[0] == module]:
        monkeypatch.setitem(sys.modules, loaded, None)
    artefact = load_artefact(folder)
    rows = families.sample(5).x
    assert artefact.explainer is not None
    margins, phi = artefact.explainer.explain_many(rows)
    assert np.array_equal(artefact.margins(rows), margins)
    assert phi.std() > 0
    with pytest.raises(FamilyError, match=r"ginja-claims\[challengers\]"):
        artefact.model.margins(rows) if module != "interpret" else family_of("ebm").fit(
            families.sample(0), families.sample(3), features=families.NAMES
        )


@pytest.mark.parametrize("name", EVERY)
def test_a_stored_model_is_that_of_its_document(name, tmp_path):
    folder = stored(tmp_path, name)
    artefact = load_artefact(folder)
    assert artefact.document.family == name
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        {family_of(name).file, "model.json", "manifest.json", "signature.json"}
        | ({"explainer.npz"} if name in families.TREES else set())
    )
    other = next(one for one in EVERY if family_of(one).file != family_of(name).file)
    text = (folder / "model.json").read_bytes()
    changed = text.replace(f'"family":"{name}"'.encode(), f'"family":"{other}"'.encode())
    if name == "xgboost":  # which the document leaves out
        changed = text.replace(b'"features"', f'"family":"{other}","features"'.encode(), 1)
    makers.rewrite(folder, "model.json", changed)
    with pytest.raises(ArtefactCorruptError, match=r"canonical|has no|is not"):
        load_artefact(folder)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"depht": 3}, "lightgbm has no parameter depht; it has colsample"),
        ({"leaves": 7.5}, "leaves must be a whole number, not 7.5"),
        ({"leaves": "7"}, "leaves must be a whole number, not '7'"),
        ({"l2": True}, "l2 must be a number, not True"),
    ],
)
def test_parameters_that_a_family_does_not_have_are_refused_by_name(given, message):
    with pytest.raises(FamilyError) as refused:
        LightGBM().with_params(given)
    assert message in str(refused.value)


def test_parameters_keep_their_type_and_others_their_default():
    family = XGBoost().with_params({"depth": 3.0, "l2": 1, "seed": 11})
    assert family == XGBoost(depth=3, l2=1.0, seed=11)
    assert isinstance(family.params()["depth"], int)


def test_a_family_is_found_by_name_or_as_a_factory():
    assert [family_of(family.spec) for family in FAMILIES] == list(FAMILIES)
    assert family_of("package.module:factory") == Custom(factory="package.module:factory")
    for spec in ("forest", "os.system", "a:b:c", "../x:y", ""):
        with pytest.raises(FamilyError, match="no family of models named"):
            family_of(spec)


def test_each_native_file_is_of_families_that_read_it_alike():
    by_file: dict[str, list[Family]] = {}
    for family in (*FAMILIES, Custom()):
        by_file.setdefault(family.file, []).append(family)
    assert {file: len(found) for file, found in by_file.items() if len(found) > 1} == {"terms.json": 2}
