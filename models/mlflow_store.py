"""Where MLflow keeps its records; imports nothing, for programs that start MLflow and do not use it."""

from dataclasses import dataclass
from pathlib import Path


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
