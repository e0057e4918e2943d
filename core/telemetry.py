"""Turn off the telemetry of libraries; every entry point does so before it imports one."""

import os

_OFF = {
    "BENTOML_DO_NOT_TRACK": "True",
    "DO_NOT_TRACK": "true",
    "FEAST_USAGE": "False",
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
_LIBRARIES = {
    "BENTOML_DO_NOT_TRACK": "BentoML",
    "DO_NOT_TRACK": "libraries that honour DO_NOT_TRACK",
    "FEAST_USAGE": "Feast",
    "GX_ANALYTICS_ENABLED": "Great Expectations",
    "MLFLOW_DISABLE_TELEMETRY": "MLflow",
}


def turn_off() -> None:
    """Turn telemetry off for this process and its children. Libraries read the environment on import."""
    os.environ.update(_OFF)


def switched_off() -> dict[str, bool]:
    """By library: whether its switch is off in this process, and so in those that it starts."""
    return {_LIBRARIES[name]: os.environ.get(name) == value for name, value in _OFF.items()}
