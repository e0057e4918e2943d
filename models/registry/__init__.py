"""MLflow: runs, registered models and promotion.

mlflow_registry.py  runs, the registered model `fraud`, its aliases and artefacts
records.py run_log.py  what is recorded of a run, and how
model_log.py        an artefact as an MLflow model, which `models.pyfunc` loads
children.py         the trials of a search, as runs below that of a training
promotion.py        making a registered model the champion, and rolling back
"""

from models.mlflow_store import MlflowStore
from models.registry.children import ChildRun, log_children
from models.registry.mlflow_registry import (
    CANDIDATE,
    CHAMPION,
    adopt,
    aliases,
    annotate,
    fetch,
    find,
    log_run,
    register,
    set_alias,
    text_of,
)
from models.registry.records import DataRecord, RegisteredModel, RunRecord

__all__ = [
    "CANDIDATE",
    "CHAMPION",
    "ChildRun",
    "DataRecord",
    "MlflowStore",
    "RegisteredModel",
    "RunRecord",
    "adopt",
    "aliases",
    "annotate",
    "fetch",
    "find",
    "log_children",
    "log_run",
    "register",
    "set_alias",
    "text_of",
]
