"""Libraries that report home, told not to; every entry point says so before it imports one."""

import os

_OFF = {
    "BENTOML_DO_NOT_TRACK": "True",
    "DO_NOT_TRACK": "true",
    "FEAST_USAGE": "False",
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


def turn_off() -> None:
    """Switch telemetry off for this process and its children; the libraries read the environment when imported."""
    os.environ.update(_OFF)
