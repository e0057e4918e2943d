"""Log an artefact as an MLflow model that `mlflow.pyfunc.load_model` loads without unpickling anything."""

from importlib.metadata import version
from types import ModuleType
from typing import TYPE_CHECKING, Protocol

import numpy as np

from core.version import __version__
from models.artefact import Artefact, ModelDocument
from models.pyfunc import MANIFEST_SHA256

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.models import ModelSignature

LOADER = "models.pyfunc"
_LIBRARIES = ("numba", "numpy", "pandas", "scipy", "xgboost")


class LoggedModel(Protocol):
    """MLflow's record of a logged model, as far as it is used."""

    model_id: str
    model_uri: str


def log_model(mlflow: ModuleType, artefact: Artefact, tags: dict[str, str]) -> LoggedModel:
    """Log an artefact in the active run."""
    logged: LoggedModel = mlflow.pyfunc.log_model(
        name="model",
        loader_module=LOADER,
        data_path=str(artefact.path),
        model_config={MANIFEST_SHA256: artefact.manifest_sha256},
        signature=_signature(artefact),
        input_example=input_example(artefact.document),
        pip_requirements=requirements(artefact.document),
        metadata=tags,
    )
    return logged


def artefact_path(artefact_version: str) -> str:
    """Where the artefact's files are within the logged model."""
    return f"data/{artefact_version}"


def requirements(document: ModelDocument) -> list[str]:
    """Pip requirements to load the model: this package, and the libraries whose version may change a bit."""
    names = sorted({*_LIBRARIES, *document.libraries})
    return [f"ginja-claims[features,models]=={__version__}", *(f"{name}=={version(name)}" for name in names)]


def input_example(document: ModelDocument) -> "pd.DataFrame":
    """Two vectors of the model's schema, at the lower and upper end of the training claims; of no single claim."""
    import pandas as pd

    known = document.training_range
    rows = [[0.0] * len(document.features)] if known is None else [known.tail_low, known.tail_high]
    return pd.DataFrame(np.array(rows, dtype=np.float64), columns=list(document.features))


def _signature(artefact: Artefact) -> "ModelSignature":
    """Every feature is a required column of numbers, NaN where a value is missing; float32 is accepted too."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    outputs = [("double", "probability"), ("boolean", "flagged"), ("double", "threshold"), ("double", "margin")]
    return ModelSignature(
        inputs=Schema([ColSpec("double", name) for name in artefact.features]),
        outputs=Schema([ColSpec(kind, name) for kind, name in outputs]),
    )
