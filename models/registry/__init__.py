"""MLflow: runs, registered models and promotion.

mlflow_registry.py  runs, the registered model `fraud`, its aliases and artefacts
children.py         the trials of a search, as runs below that of a training
promotion.py        making a registered model the champion, and rolling back
"""

from models.mlflow_store import MlflowStore
from models.registry.children import ChildRun, log_children
from models.registry.mlflow_registry import (
    CANDIDATE,
    CHAMPION,
    DataRecord,
    RegisteredModel,
    RunRecord,
    aliases,
    annotate,
    fetch,
    find,
    log_run,
    register,
    set_alias,
    text_of,
)

__all__ = [
    "CANDIDATE",
    "CHAMPION",
    "ChildRun",
    "DataRecord",
    "MlflowStore",
    "RegisteredModel",
    "RunRecord",
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
