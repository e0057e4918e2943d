"""What the libraries must find in the environment when they are imported; every entry point prepares it first."""

import os

from core import telemetry

_WANTED = {
    # Threads that wait for each other sleep instead of spinning. Beside other busy processes spinning cost XGBoost
    # twenty times the CPU and seventeen times the time (2 cores at a load of 12: 32.4 s against 1.8 s for 60 trees).
    "OMP_WAIT_POLICY": "PASSIVE",
    # MLflow would put a handler of its own beside ours.
    "MLFLOW_CONFIGURE_LOGGING": "false",
}


def prepare() -> None:
    """Set what this process and its children need, where the user has not set it; switch telemetry off in any case."""
    telemetry.turn_off()
    for name, value in _WANTED.items():
        os.environ.setdefault(name, value)
