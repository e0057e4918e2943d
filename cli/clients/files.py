"""Every generated file, by its path below `clients/`."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from cli.clients.described import described_operations
from cli.clients.postman import collection
from cli.clients.python_models import models_module
from cli.clients.python_operations import operations_module
from core.openapi_document import OpenApiDocument

_PACKAGE = "python/src/ginja_client"


def openapi_document() -> OpenApiDocument:
    """The description of the API, as it serves it."""
    from api.app import create_app
    from core.settings import Settings

    document: OpenApiDocument = json.loads(json.dumps(create_app(Settings(), "postgresql://nowhere").openapi()))
    return document


def formatted(text: str) -> str:
    """Python as the linter of this repository sorts and formats it."""
    for command in (["check", "--select", "I,F401", "--fix-only", "--quiet"], ["format", "--quiet"]):
        asked = [sys.executable, "-m", "ruff", *command, "--line-length", "120", "--isolated", "-"]
        text = subprocess.run(asked, input=text, capture_output=True, text=True, check=True).stdout
    return text


def files() -> Mapping[str, str]:
    """The text of each file."""
    document = openapi_document()
    operations = described_operations(document)
    return {
        f"{_PACKAGE}/models.py": formatted(models_module(document, operations)),
        f"{_PACKAGE}/operations.py": formatted(operations_module(operations, is_async=False)),
        f"{_PACKAGE}/async_operations.py": formatted(operations_module(operations, is_async=True)),
        "postman/ginja.postman_collection.json": json.dumps(collection(document), indent=1, ensure_ascii=False) + "\n",
    }


def write(folder: Path) -> None:
    """Write every file below `folder`."""
    for name, text in files().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
