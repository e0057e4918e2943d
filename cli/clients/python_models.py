"""The module of the types of bodies."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from cli.clients.annotations import annotation, referenced
from cli.clients.described import DescribedOperation
from core.openapi_document import JsonSchema, OpenApiDocument

_HEAD: Final = '''"""Types of bodies.

Generated from the description of the API by `make clients`; do not edit. They are dictionaries: a field that is
`NotRequired` may be missing, and a response to a request with `fields` has the fields that were asked for.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from ginja_client.values import JsonObject, JsonValue
'''
_PROVIDED: Final = frozenset({"JsonValue"})
"""Schemas that the client has a type of its own for."""


def models_module(document: OpenApiDocument, operations: Sequence[DescribedOperation]) -> str:
    """The text of the module: every schema that an operation sends or receives, by name."""
    schemas = document["components"]["schemas"]
    sent = _reached(schemas, set().union(*(referenced(one.sent) for one in operations)))
    answered = set().union(*(referenced(one.response) for one in operations))
    received = _reached(schemas, answered | {one.task for one in operations if one.task is not None})
    parts = [_HEAD]
    parts += [_model(name, schemas[name], is_sent=name in sent) for name in sorted(sent | received)]
    return "\n\n".join(part.rstrip("\n") + "\n" for part in parts)


def _reached(schemas: Mapping[str, JsonSchema], names: set[str]) -> set[str]:
    """The schemas of these names and all that they refer to."""
    found: set[str] = set()
    waiting = names - _PROVIDED
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= referenced(schemas[name]) - found - _PROVIDED
    return found


def _model(name: str, schema: JsonSchema, *, is_sent: bool) -> str:
    if "properties" not in schema:
        return f"{name} = {annotation(schema, is_sent=is_sent)}\n"
    lines = [f"class {name}(TypedDict):"]
    lines += _docstring(schema.get("description") or f"{name}.")
    for field, described in schema["properties"].items():
        kind = annotation(described, is_sent=is_sent)
        is_required = field in schema.get("required", ())
        lines.append(f"    {field}: {kind if is_required else f'NotRequired[{kind}]'}")
        if "description" in described:
            lines += _docstring(described["description"])
    return "\n".join(lines) + "\n"


def _docstring(text: str) -> Iterator[str]:
    """A text as a docstring of at most 116 characters a line."""
    quoted = '"""' + " ".join(text.split()).replace("\\", "\\\\") + '"""'
    return (f"    {line}" for line in textwrap.wrap(quoted, 116, break_long_words=False, break_on_hyphens=False))
