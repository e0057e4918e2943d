"""Turn off the telemetry of libraries; every entry point does so before it imports one."""

import os

_OFF = {
    "BENTOML_DO_NOT_TRACK": "True",
    "DO_NOT_TRACK": "true",
    "FEAST_USAGE": "False",
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


def turn_off() -> None:
    """Turn telemetry off for this process and its children. Libraries read the environment on import."""
    os.environ.update(_OFF)
