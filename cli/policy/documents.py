"""Files of policy documents: read, and written."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import JsonValue

    from claims.policy import PolicyDocument

_MAX_FILE_BYTES = 1 << 20
"""A file may have comments; the document itself is limited as JSON."""


def as_yaml(document: "Mapping[str, JsonValue]") -> str:
    """A document as YAML."""
    import yaml

    text: str = yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True, width=110)
    return text


def read_file(file: Path) -> "PolicyDocument":
    """The document in a file; every problem is printed. Raises `click.UsageError`."""
    from claims.policy import InvalidPolicy, read_document

    try:
        return read_document(_parse(file))
    except InvalidPolicy as error:
        for problem in error.problems:
            click.echo(f"{file.name}: {problem}", err=True)
        count = len(error.problems)
        raise click.UsageError(f"{file.name} is no valid policy: {count} problem{'s' * (count > 1)}.") from None


def _parse(file: Path) -> object:
    """YAML, of which JSON is a part; without aliases, which can make a small file a large document."""
    import yaml

    content = file.read_bytes()
    if len(content) > _MAX_FILE_BYTES:
        raise click.UsageError(f"{file.name} has more than {_MAX_FILE_BYTES:,} bytes.")
    try:
        text = content.decode()
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
            raise click.UsageError(f"{file.name} uses a YAML alias; write the value out.")
        if file.suffix == ".json":
            return json.loads(text)
        return yaml.safe_load(text)
    except (UnicodeDecodeError, json.JSONDecodeError, yaml.YAMLError, RecursionError) as error:
        problem = " ".join(str(error).split())[:200]
        raise click.UsageError(f"{file.name} is neither YAML nor JSON: {problem}") from None
