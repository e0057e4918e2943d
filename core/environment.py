"""Environment variables that libraries read on import; every entry point sets them first."""

import os

from core import telemetry

_VARIABLES = {
    # Waiting OpenMP threads sleep instead of spinning. Next to other busy processes spinning cost XGBoost 20 times
    # the CPU and 17 times the time (2 cores at a load of 12: 32.4 s against 1.8 s for 60 trees).
    "OMP_WAIT_POLICY": "PASSIVE",
    # Keeps MLflow from adding its own log handler.
    "MLFLOW_CONFIGURE_LOGGING": "false",
}


def prepare() -> None:
    """Set the variables the user has not set, for this process and its children, and turn telemetry off."""
    telemetry.turn_off()
    for name, value in _VARIABLES.items():
        os.environ.setdefault(name, value)
