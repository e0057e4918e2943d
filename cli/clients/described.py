"""The operations of an OpenAPI document, as generators read them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from core.openapi_document import JsonSchema, MediaTypeObject, OpenApiDocument, ResponseObject

JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class DescribedParameter:
    """A parameter of a path, a query or a header."""

    name: str
    place: str
    schema: JsonSchema
    required: bool

    @property
    def python_name(self) -> str:
        """The name as an argument of Python: FHIR has parameters such as `agent-name` and `_count`."""
        return self.name.replace("-", "_").lstrip("_")


@dataclass(frozen=True, slots=True)
class DescribedOperation:
    """One operation of the API."""

    name: str
    """Its operation id."""
    method: str
    path: str
    tag: str
    summary: str
    parameters: tuple[DescribedParameter, ...]
    body_type: str | None
    """Media type of the body; `None`: it has none."""
    body: JsonSchema
    body_required: bool
    response_type: str | None
    """Media type of the successful response that is read; `None`: it has no body."""
    response: JsonSchema
    task: str | None
    """The name of the schema of the response to `Prefer: respond-async`; `None`: it is always answered at once."""
    listed: tuple[str, str] | None
    """Of a list by cursor: the field of a page that has its items, and the name of their schema."""
    has_security: bool
    is_confirmed: bool
    """Whether requests with an API key are signed, or may have to be."""

    @property
    def sent(self) -> dict[str, JsonSchema]:
        """The schemas of everything that it is sent, by name."""
        return {"body": self.body, **{one.name: one.schema for one in self.parameters}}

    def of(self, place: str) -> list[DescribedParameter]:
        """The parameters of a place: `path`, `query` or `header`."""
        return [one for one in self.parameters if one.place == place]

    @property
    def takes_key(self) -> bool:
        """Whether it takes an Idempotency-Key."""
        return any(one.name == "Idempotency-Key" for one in self.parameters)


def described_operations(document: OpenApiDocument) -> list[DescribedOperation]:
    """Every operation, in the order of the document."""
    return list(_operations(document))


def _operations(document: OpenApiDocument) -> Iterator[DescribedOperation]:
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            body = described.get("requestBody", {})
            body_type, sent = _content(body.get("content", {}))
            success = next(value for status, value in described["responses"].items() if status < "300")
            response_type, received = _content(success.get("content", {}))
            names = {one["name"] for one in described.get("parameters", ())}
            yield DescribedOperation(
                name=described["operationId"],
                method=method.upper(),
                path=path,
                tag=described["tags"][0],
                summary=described["description"].partition("\n\nRequires the scope")[0],
                is_confirmed=_is_confirmed(described["responses"]),
                parameters=tuple(
                    DescribedParameter(one["name"], one["in"], one.get("schema", {}), one.get("required", False))
                    for one in described.get("parameters", ())
                ),
                body_type=body_type,
                body=sent,
                body_required=body.get("required", False),
                response_type=response_type,
                response=received,
                task=_task(described["responses"]),
                listed=_listed(document, received) if "cursor" in names else None,
                has_security=bool(described["security"]),
            )


def _is_confirmed(responses: Mapping[str, ResponseObject]) -> bool:
    contents = responses.get("401", {}).get("content", {}).values()
    schemas = [one for content in contents for one in content.get("schema", {}).get("anyOf", ())]
    return any(one.get("$ref", "").endswith("/SignatureRequiredProblem") for one in schemas)


def _task(responses: Mapping[str, ResponseObject]) -> str | None:
    accepted = responses.get("202", {}).get("content", {}).get(JSON, {}).get("schema", {})
    name: str | None = accepted["$ref"].rpartition("/")[2] if "$ref" in accepted else None
    return name


def _listed(document: OpenApiDocument, page: JsonSchema) -> tuple[str, str]:
    """The only list of a page."""
    properties = document["components"]["schemas"][page["$ref"].rpartition("/")[2]]["properties"]
    ((field, items),) = [(name, one["items"]) for name, one in properties.items() if one.get("type") == "array"]
    return field, items["$ref"].rpartition("/")[2]


def _content(content: Mapping[str, MediaTypeObject]) -> tuple[str | None, JsonSchema]:
    """The media type that clients use, JSON where there is one, and its schema."""
    media_type = JSON if JSON in content else next(iter(content), None)
    return media_type, {} if media_type is None else content[media_type].get("schema", {})
