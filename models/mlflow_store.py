"""Where MLflow keeps its records; does not import MLflow, for programs that start it and do not use it."""

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.error import URLError
from urllib.request import urlopen

EXPERIMENT: Final = "ginja"
"""The experiment of every run. MLflow opens on its own, empty one."""
_ASK_S: Final = 2.0
_OF_NAME: Final = "SELECT experiment_id FROM experiments WHERE name = ?"


@dataclass(frozen=True, slots=True)
class MlflowStore:
    """Tracking URL of MLflow, and the artifact location (None: the server's default)."""

    url: str
    artifacts: str | None

    @classmethod
    def of(cls, home: Path, url: str | None = None) -> "MlflowStore":
        """The server at `url`, or a SQLite store under `home`.

        Without a server, artifacts are kept under `home`: MLflow would write them to the working directory.
        """
        if url is not None and not url.startswith("sqlite:"):
            return cls(url, None)
        folder = (home / "mlflow").resolve()
        folder.mkdir(parents=True, exist_ok=True)
        return cls(url or f"sqlite:///{folder / 'mlflow.db'}", (folder / "artifacts").as_uri())

    def experiment_id(self) -> str | None:
        """The id of our experiment; `None`: no run was recorded, or the store does not answer within two seconds."""
        if self.url.startswith("sqlite:"):
            path = Path(self.url.removeprefix("sqlite:///"))
            try:
                with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as records:
                    row = records.execute(_OF_NAME, [EXPERIMENT]).fetchone()
            except sqlite3.Error:
                return None
            return None if row is None else str(row[0])
        if not self.url.startswith(("http://", "https://")):
            return None
        asked = f"{self.url.rstrip('/')}/api/2.0/mlflow/experiments/get-by-name?experiment_name={EXPERIMENT}"
        try:
            with urlopen(asked, timeout=_ASK_S) as answer:  # noqa: S310  # nosec B310: http or https, by the check above
                return str(json.load(answer)["experiment"]["experiment_id"])
        except (URLError, OSError, ValueError, KeyError, TypeError):
            return None

    def experiment_page(self, server: str) -> str:
        """The page of our experiment at the MLflow `server` over this store; its first page where there is none yet."""
        found = self.experiment_id()
        return server if found is None else f"{server.rstrip('/')}/#/experiments/{found}"
