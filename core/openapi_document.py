"""The parts of an OpenAPI 3.1 document that are written and read here, as types."""

from collections.abc import Mapping
from typing import Required, TypeAlias, TypedDict

from pydantic import JsonValue

JsonSchema = TypedDict(
    "JsonSchema",
    {
        "$ref": str,
        "type": str,
        "title": str,
        "description": str,
        "format": str,
        "pattern": str,
        "const": JsonValue,
        "enum": list[JsonValue],
        "default": JsonValue,
        "example": JsonValue,
        "examples": list[JsonValue],
        "anyOf": "list[JsonSchema]",
        "items": "JsonSchema",
        "properties": "dict[str, JsonSchema]",
        "required": list[str],
        "additionalProperties": "JsonSchema | bool",
        "minItems": int,
        "minLength": int,
        "maxLength": int,
        "minimum": int | float,
    },
    total=False,
)
"""A JSON Schema; keywords that only validators read are left out."""

ComponentReference = TypedDict("ComponentReference", {"$ref": str})


class HeaderObject(TypedDict, total=False):
    """A header of responses."""

    description: str
    required: bool
    schema: JsonSchema


ParameterObject = TypedDict(
    "ParameterObject",
    {
        "name": Required[str],
        "in": Required[str],
        "required": bool,
        "description": str,
        "schema": JsonSchema,
        "example": JsonValue,
    },
    total=False,
)


class NamedExample(TypedDict):
    """One of several examples."""

    summary: str
    value: JsonValue


class MediaTypeObject(TypedDict, total=False):
    """What bodies of one media type have."""

    schema: JsonSchema
    example: JsonValue
    examples: dict[str, NamedExample]


class RequestBodyObject(TypedDict, total=False):
    """The body of requests."""

    required: bool
    content: Required[dict[str, MediaTypeObject]]


class ResponseObject(TypedDict, total=False):
    """The responses with one status."""

    description: str
    headers: dict[str, ComponentReference]
    content: dict[str, MediaTypeObject]


SecurityObject: TypeAlias = dict[str, list[str]]
"""Scopes by security scheme; an empty one means without authentication."""


class OperationObject(TypedDict, total=False):
    """A method of a path."""

    operationId: str
    tags: list[str]
    summary: str
    description: str
    parameters: list[ParameterObject]
    requestBody: RequestBodyObject
    responses: dict[str, ResponseObject]
    security: list[SecurityObject]


class ComponentsObject(TypedDict, total=False):
    """What the document refers to, by name."""

    schemas: Required[dict[str, JsonSchema]]
    headers: dict[str, HeaderObject]
    securitySchemes: Mapping[str, Mapping[str, str]]


class InfoObject(TypedDict):
    """What is described."""

    title: str
    version: str


class OpenApiDocument(TypedDict, total=False):
    """The whole description."""

    openapi: str
    info: Required[InfoObject]
    paths: Required[dict[str, dict[str, OperationObject]]]
    components: Required[ComponentsObject]
