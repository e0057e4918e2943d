"""JSON values, and how calls are described before they are sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias
from urllib.parse import quote

JsonValue: TypeAlias = "JsonObject | list[JsonValue] | str | int | float | bool | None"
JsonObject: TypeAlias = dict[str, JsonValue]
QueryValue: TypeAlias = str | int | bool | Sequence[str] | None


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an operation; it may take several requests."""

    method: str
    path: str
    query: Mapping[str, QueryValue] = field(default_factory=dict)
    """`None` is left out."""
    json: object = None
    """The body as JSON; `None`: there is none, or `content`."""
    content: bytes | None = None
    content_type: str | None = None
    accept: str = "application/json"
    headers: Mapping[str, str | None] = field(default_factory=dict)
    """`None` is left out."""
    takes_key: bool = False
    """Whether the operation takes an Idempotency-Key."""
    repeatable: bool = False
    """Whether the operation has the same effect when it is sent twice, without a key as well."""
    signed: bool = False
    """Whether a client with a signing key signs it."""


class TaggedDocument(dict[str, JsonValue]):
    """The JSON object of a response, with the entity tag of the resource."""

    def __init__(self, document: JsonObject, etag: str | None) -> None:
        super().__init__(document)
        self.etag: Final = etag


def etag_of(document: Mapping[str, object]) -> str:
    """The entity tag of a resource as a method returned it, for `if_match`.

    Raises `ValueError` for a copy, an item of a list, and a resource that was read with `fields`.
    """
    tag = document.etag if isinstance(document, TaggedDocument) else None
    if tag is None:
        raise ValueError("the document has no entity tag; pass a single resource as it was returned, without `fields`")
    return tag


def fill(template: str, **parameters: object) -> str:
    """A path with its parameters, percent-encoded."""
    return template.format(**{name: quote(str(value), safe=":") for name, value in parameters.items()})
