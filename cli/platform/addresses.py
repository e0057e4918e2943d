"""Where the running platform of a home is reached: `ginja up` writes it, `ginja status` reads it."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from core.processes import local_url
from core.settings import Settings


@dataclass(frozen=True, slots=True)
class Addresses:
    """URLs of the parts that listen."""

    api: str
    scorer: str
    mlflow: str

    @classmethod
    def of(cls, settings: Settings) -> "Addresses":
        """The addresses that settings name."""
        return cls(
            local_url(settings.api_host, settings.api_port),
            local_url(settings.scorer_host, settings.scorer_port),
            settings.mlflow_url or local_url("127.0.0.1", settings.mlflow_port),
        )

    def write(self, home: Path) -> None:
        """Store them in the home; the file is there while the platform runs."""
        _file(home).write_text(json.dumps(asdict(self)))


def read(settings: Settings) -> Addresses:
    """The addresses of the running platform; without one, those of the settings."""
    try:
        return Addresses(**json.loads(_file(settings.home).read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return Addresses.of(settings)


def remove(home: Path) -> None:
    """Remove what `Addresses.write` stored."""
    _file(home).unlink(missing_ok=True)


def _file(home: Path) -> Path:
    return home / "run" / "addresses.json"
