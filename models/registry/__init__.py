"""MLflow: runs, registered models and promotion.

mlflow_registry.py  runs, the registered model `fraud`, its aliases and artefacts
records.py run_log.py  what is recorded of a run, and how
model_log.py        an artefact as an MLflow model, which `models.pyfunc` loads
children.py         the trials of a search, as runs below that of a training
run_facts.py        runs as they are recorded, for reports on the past
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
from models.registry.run_facts import RunFacts, existing_store, run_text, runs_ended_before

__all__ = [
    "CANDIDATE",
    "CHAMPION",
    "ChildRun",
    "DataRecord",
    "MlflowStore",
    "RegisteredModel",
    "RunFacts",
    "RunRecord",
    "adopt",
    "aliases",
    "annotate",
    "existing_store",
    "fetch",
    "find",
    "log_children",
    "log_run",
    "register",
    "run_text",
    "runs_ended_before",
    "set_alias",
    "text_of",
]
