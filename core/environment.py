"""What every entry point sets first: the umask, and environment variables that libraries read on import."""

import os

from core import telemetry

PRIVATE_UMASK = 0o077
"""Files 0600, folders 0700."""

_VARIABLES = {
    # Waiting OpenMP threads sleep instead of spinning. Next to other busy processes spinning cost XGBoost 20 times
    # the CPU and 17 times the time (2 cores at a load of 12: 32.4 s against 1.8 s for 60 trees).
    "OMP_WAIT_POLICY": "PASSIVE",
    # Keeps MLflow from adding its own log handler.
    "MLFLOW_CONFIGURE_LOGGING": "false",
}


def prepare() -> None:
    """For this process and its children: keep new files private, set the variables the user has not set, and turn
    telemetry off.

    A home holds names and birth dates. Nothing in it is readable by other users, whichever library writes it
    (`docs/adr/0130-private-files-and-a-plain-database-role.md`).
    """
    os.umask(PRIVATE_UMASK)
    telemetry.turn_off()
    for name, value in _VARIABLES.items():
        os.environ.setdefault(name, value)
