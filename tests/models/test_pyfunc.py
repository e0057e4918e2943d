"""The registered model as data scientists load it with MLflow: probability and decision of the scorer, to the bit."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from core.settings import Settings
from core.signing import own_public_key
from models import registry
from models.artefact import Artefact, models_folder
from models.errors import ArtefactCorruptError, SchemaMismatchError
from models.pyfunc import LoadedModel, _load_pyfunc
from models.registry import MlflowStore, RunRecord
from models.scorer import Scorer
from tests.models import claims
from tests.models.stores import new_store

ROOT = Path(__file__).parents[2]
LOAD = """
import json, pickle, sys

def refusing(load):
    def guarded(*arguments, **options):
        # Numba keeps machine code that it compiled on this machine.
        caller = sys._getframe(1).f_globals["__name__"]
        assert caller.startswith("numba."), f"{caller} unpickles"
        return load(*arguments, **options)
    return guarded

import mlflow, pandas as pd
pickle.load, pickle.loads, pickle.Unpickler = map(refusing, (pickle.load, pickle.loads, pickle.Unpickler))
import warnings
warnings.simplefilter("ignore")
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model("models:/fraud@champion")
vectors = pd.read_parquet(sys.argv[2])
predicted = model.predict(vectors)
json.dump({
    "probability": [value.hex() for value in predicted["probability"]],
    "flagged": predicted["flagged"].tolist(),
    "threshold": predicted["threshold"].iloc[0],
    "example": len(model.input_example),
    "modules": sorted(sys.modules),
}, sys.stdout)
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A home whose only model is registered and is the champion."""
    home = tmp_path_factory.mktemp("home")
    artefact = claims.artefact(models_folder(home), version="v1")
    store = new_store(home)
    registry.register(store, RunRecord(name="v1", command="test"), artefact)
    registry.set_alias(store, registry.CHAMPION, "v1")
    return home


@pytest.fixture(scope="module")
def scorer(home) -> Scorer:
    return Scorer(loaded(home).artefact)


def loaded(home: Path) -> LoadedModel:
    return _load_pyfunc(str(models_folder(home) / "v1"))


def vectors(scorer: Scorer, rows: int = 60) -> pd.DataFrame:
    """Vectors of claims in the model's schema."""
    return pd.DataFrame(claims.training()[0][:rows], columns=list(scorer.artefact.features))


def test_a_plain_process_loads_the_champion_and_gets_the_probabilities_and_decisions_of_the_scorer(
    home, scorer, tmp_path
):
    """It imports MLflow and what loads an artefact, nothing of pipelines or Feast, and unpickles nothing."""
    x = vectors(scorer)
    x[list(reversed(x.columns))].to_parquet(tmp_path / "vectors.parquet")
    scores = scorer.score_many([claims.claim_to_score(number) for number in range(60)])
    public = own_public_key(Settings(home=home)) or ""
    done = subprocess.run(
        [sys.executable, "-c", LOAD, MlflowStore.of(home).url, str(tmp_path / "vectors.parquet")],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT),
             "MLFLOW_DISABLE_TELEMETRY": "true", "GINJA_SIGNING_PUBLIC_KEYS": public,
             "NUMBA_CACHE_DIR": os.environ.get("NUMBA_CACHE_DIR", str(tmp_path))},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["probability"] == [score.probability.hex() for score in scores]
    assert found["flagged"] == [score.flagged for score in scores]
    assert 0 < sum(found["flagged"]) < 60
    assert found["threshold"] == scorer.artefact.threshold
    assert found["example"] == 2
    rooms = {name.split(".")[0] for name in found["modules"]}
    assert not rooms & {"pipelines", "serving", "api", "cli", "feast", "bentoml", "duckdb", "great_expectations"}


def test_the_logged_model_holds_our_files_a_signature_an_example_and_requirements_and_no_pickle(home):
    (folder,) = {path.parent for path in (home / "mlflow").rglob("MLmodel")}
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {f"data/v1/{name}" for name in ("model.ubj", "model.json", "explainer.npz", "manifest.json")} <= files
    assert not [name for name in files if name.endswith((".pkl", ".pickle", ".cloudpickle", ".joblib"))]
    described = yaml.safe_load((folder / "MLmodel").read_text())
    flavor = described["flavors"]["python_function"]
    assert flavor["loader_module"] == "models.pyfunc"
    assert "code" not in flavor or flavor["code"] is None
    assert described["saved_input_example_info"]["artifact_path"] == "input_example.json"
    outputs = json.loads(described["signature"]["outputs"])
    assert [column["name"] for column in outputs] == ["probability", "flagged", "threshold", "margin"]
    required = (folder / "requirements.txt").read_text()
    assert "ginja-claims[features,models]==" in required
    assert "xgboost==" in required


def test_probabilities_without_tables_are_those_of_the_scorer_too(tmp_path):
    artefact = claims.artefact(tmp_path, tables=False, version="v2")
    x, scorer = claims.training()[0][:20], Scorer(artefact)
    scores = scorer.score_many([claims.claim_to_score(number) for number in range(20)])
    predicted = LoadedModel(artefact).predict(x)
    assert predicted["probability"].tolist() == [score.probability for score in scores]
    assert predicted["margin"].tolist() == [score.margin for score in scores]


def test_a_frame_keeps_its_index_and_its_further_columns_are_ignored(home, scorer):
    x = vectors(scorer, 3).assign(claim_id=["a", "b", "c"]).set_index("claim_id", drop=False)
    assert loaded(home).predict(x).index.tolist() == ["a", "b", "c"]


@pytest.mark.parametrize("columns", [slice(1, None), slice(0, 0)], ids=["one is absent", "all are absent"])
def test_a_frame_without_a_feature_is_refused_and_not_scored_as_missing(home, scorer, columns):
    x = vectors(scorer, 3)
    with pytest.raises(SchemaMismatchError, match=f"has no column {x.columns[0]}"):
        loaded(home).predict(x.iloc[:, columns])
    with pytest.raises(SchemaMismatchError, match="expected vectors of"):
        loaded(home).predict(x.to_numpy()[:, columns])


def test_an_artefact_that_is_not_the_registered_one_is_not_loaded(home, tmp_path):
    other: Artefact = claims.artefact(tmp_path, version="v1", threshold=0.9)
    with pytest.raises(ArtefactCorruptError, match="expected"):
        _load_pyfunc(str(other.path), {"manifest_sha256": loaded(home).artefact.manifest_sha256})
