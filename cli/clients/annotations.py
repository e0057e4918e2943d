"""Schemas as annotations of Python."""

import json
from typing import Final

from core.openapi_document import JsonSchema

_SIMPLE: Final = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_REF: Final = "#/components/schemas/"


def annotation(schema: JsonSchema, *, is_sent: bool) -> str:
    """The type of values that fit a schema.

    A response may get a value of an enumeration that is not known yet, from a newer version; a request may not.
    """
    if "$ref" in schema:
        name: str = schema["$ref"].removeprefix(_REF)
        return name
    if "anyOf" in schema:
        choices = (annotation(one, is_sent=is_sent) for one in schema["anyOf"])
        parts = dict.fromkeys(part for choice in choices for part in _split(choice))
        return " | ".join(sorted(parts, key=lambda part: part == "None"))
    if "const" in schema or "enum" in schema:
        values = [schema["const"]] if "const" in schema else schema["enum"]
        known = f"Literal[{', '.join(json.dumps(one) if isinstance(one, str) else repr(one) for one in values)}]"
        return known if is_sent or not all(isinstance(value, str) for value in values) else f"{known} | str"
    kind = schema.get("type")
    if kind == "array":
        items = schema.get("items")
        return f"list[{annotation(items, is_sent=is_sent) if items else 'JsonValue'}]"
    if kind == "object":
        values_of = schema.get("additionalProperties")
        return f"dict[str, {annotation(values_of, is_sent=is_sent)}]" if isinstance(values_of, dict) else "JsonObject"
    return _SIMPLE.get(str(kind), "JsonValue")


def _split(text: str) -> list[str]:
    """The parts of a union; brackets keep theirs together."""
    parts, depth = [""], 0
    for character in text:
        depth += {"[": 1, "]": -1}.get(character, 0)
        if character == "|" and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def referenced(schema: object) -> set[str]:
    """Names of the schemas that a schema refers to."""
    if isinstance(schema, dict):
        own = {schema["$ref"].removeprefix(_REF)} if isinstance(schema.get("$ref"), str) else set()
        return own.union(*(referenced(one) for one in schema.values()))
    return set().union(*(referenced(one) for one in schema)) if isinstance(schema, list) else set()
