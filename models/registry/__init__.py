"""MLflow: runs, registered models and promotion.

mlflow_registry.py  runs, the registered model `fraud`, its aliases and artefacts
promotion.py        making a registered model the champion, and rolling back
"""

from models.mlflow_store import MlflowStore
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
    "DataRecord",
    "MlflowStore",
    "RegisteredModel",
    "RunRecord",
    "aliases",
    "annotate",
    "fetch",
    "find",
    "log_run",
    "register",
    "set_alias",
    "text_of",
]
