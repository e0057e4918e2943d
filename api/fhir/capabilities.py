"""What this server does with FHIR, as an R4 `CapabilityStatement` (https://hl7.org/fhir/R4/capabilitystatement.html).

It follows from the description of the routes below `/v1/fhir`: a route that is added is in it, and none that is not
there can be. Pure.
"""

from collections.abc import Mapping
from typing import Final, cast

from pydantic import JsonValue

from api.versions import CURRENT
from core.openapi_document import OpenApiDocument

FHIR_ROOT: Final = "/v1/fhir/"
METADATA: Final = f"{FHIR_ROOT}metadata"
FHIR_VERSION: Final = "4.0.1"
_RESULT: Final = ("_count", "_cursor")
"""Parameters of pages: no criteria."""
SEARCH_TYPES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("action", "agent-role", "outcome", "subtype", "type"), "token"),
    **dict.fromkeys(("address", "agent-name"), "string"),
    **dict.fromkeys(("agent", "entity", "patient"), "reference"),
    "date": "date",
}
"""Types of search parameters, as R4 gives them."""


def capability_statement(document: OpenApiDocument) -> dict[str, JsonValue]:
    """The statement of the routes of an OpenAPI document.

    Raises `ValueError` for a route or a parameter that has no place in it: declare it in this module.
    """
    resources: dict[str, dict[str, JsonValue]] = {}
    for path, operations in document["paths"].items():
        if not path.startswith(FHIR_ROOT) or path == METADATA:
            continue
        kind, _, rest = path.removeprefix(FHIR_ROOT).partition("/")
        resource = resources.setdefault(kind, {"type": kind, "interaction": []})
        for method, operation in operations.items():
            code = _interaction(method, rest)
            if code is None:
                raise ValueError(f"{method.upper()} {path} is no interaction of FHIR that is declared")
            described = cast("dict[str, JsonValue]", operation)
            stated: JsonValue = {"code": code, "documentation": str(described.get("summary", ""))}
            cast("list[JsonValue]", resource["interaction"]).append(stated)
            if code == "search-type":
                resource["searchParam"] = _search_parameters(described)
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": CURRENT,
        "kind": "instance",
        "software": {"name": "Ginja", "version": str(document["info"]["version"])},
        "implementation": {"description": "Adjudication of health-insurance claims"},
        "fhirVersion": FHIR_VERSION,
        "format": ["application/fhir+json"],
        "rest": [
            {
                "mode": "server",
                "security": {
                    "cors": False,
                    "description": "An API key or the access token of a user as `Authorization: Bearer`.",
                },
                "resource": [resources[kind] for kind in sorted(resources)],
            }
        ],
    }


def _interaction(method: str, rest: str) -> str | None:
    """The interaction of a route, by method and what follows the type in its path."""
    is_id = rest.startswith("{") and rest.endswith("}")
    return {("post", False): "create", ("get", False): "search-type", ("get", True): "read"}.get((method, is_id))


def _search_parameters(operation: Mapping[str, JsonValue]) -> JsonValue:
    found: list[JsonValue] = []
    for parameter in cast("list[dict[str, JsonValue]]", operation.get("parameters", [])):
        name = str(parameter["name"])
        if parameter["in"] != "query" or name in _RESULT:
            continue
        if name not in SEARCH_TYPES:
            raise ValueError(f"search parameter {name} has no type in SEARCH_TYPES of api/fhir/capabilities.py")
        stated: dict[str, JsonValue] = {"name": name, "type": SEARCH_TYPES[name]}
        found.append(stated | {"documentation": str(parameter.get("description", ""))})
    return found
