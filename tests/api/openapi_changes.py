"""Changes between two OpenAPI documents that break clients of the first.

Requests may be accepted more widely and responses may say more, not the other way round: an operation, a successful or
error response, a response field or its guarantee must stay; a parameter or body field must not become required, and a
value that was accepted must be accepted still.
"""

import re
from collections.abc import Iterator
from typing import Any

from api.versions import HEADER, VersionHistory

Document = dict[str, Any]
_PLACE = re.compile(r"(?P<method>[A-Z]+) (?P<path>[^ :]+) ?(?P<part>body|2\d\d|[\w-]*)")


def breaking_changes(old: Document, new: Document) -> list[str]:
    """Each breaking change as the place and what is wrong with it."""
    return list(_Comparison(old, new).operations())


def unserved_changes(version: str, old: Document, new: Document, versions: VersionHistory) -> list[str]:
    """The breaking changes since a version that no declared change of a newer one translates.

    A change of a body needs one for requests, a change of a successful response one for responses. Nothing translates
    a parameter, a status, a scope or an operation that is gone. The values of `X-API-Version` are those supported.
    """
    return [one for one in breaking_changes(old, new) if not _is_served(version, one, versions)]


def _is_served(version: str, change: str, versions: VersionHistory) -> bool:
    place = _PLACE.match(change)
    assert place is not None, change
    steps = versions.steps(version, place["method"], place["path"])
    if place["part"] == "body":
        return bool(steps.request)
    return place["part"] == HEADER or (place["part"][:1] == "2" and bool(steps.response))


def _admits(before: list[Document] | None, after: list[Document] | None) -> bool:
    """Whether each way to authenticate still works; further ones may be added, but not where none was needed."""
    return before == after or (bool(before) and all(one in (after or ()) for one in before or ()))


class _Comparison:
    def __init__(self, old: Document, new: Document) -> None:
        self._old, self._new = old, new
        self._seen: set[tuple[int, int, str]] = set()

    def operations(self) -> Iterator[str]:
        for path, methods in self._old["paths"].items():
            for method, before in methods.items():
                where = f"{method.upper()} {path}"
                self._seen.clear()  # an operation is named although another one has the same schema
                after = self._new["paths"].get(path, {}).get(method)
                if after is None:
                    yield f"{where}: removed"
                    continue
                if before["operationId"] != after["operationId"]:
                    yield f"{where}: operationId changed, which names functions of generated clients"
                yield from self._parameters(where, before, after)
                yield from self._body(where, before, after)
                yield from self._responses(where, before, after)
                if not _admits(before.get("security"), after.get("security")):
                    yield f"{where}: security changed"

    def _parameters(self, where: str, before: Document, after: Document) -> Iterator[str]:
        olds, news = ({(p["in"], p["name"]): p for p in one.get("parameters", ())} for one in (before, after))
        for key, parameter in olds.items():
            if key not in news:
                yield f"{where}: parameter {key[1]} removed"
            else:
                yield from self._request(f"{where} {key[1]}", parameter["schema"], news[key]["schema"])
        for key, parameter in news.items():
            if parameter.get("required") and not olds.get(key, {}).get("required"):
                yield f"{where}: parameter {key[1]} became required"

    def _body(self, where: str, before: Document, after: Document) -> Iterator[str]:
        old, new = before.get("requestBody"), after.get("requestBody")
        if new is not None and new.get("required") and not (old or {}).get("required"):
            yield f"{where}: the body became required"
        for media_type, content in (old or {}).get("content", {}).items():
            other = (new or {}).get("content", {}).get(media_type)
            if other is None:
                yield f"{where}: body of {media_type} removed"
            else:
                yield from self._request(f"{where} body", content["schema"], other["schema"])

    def _responses(self, where: str, before: Document, after: Document) -> Iterator[str]:
        for status, response in before["responses"].items():
            other = after["responses"].get(status)
            if other is None:
                yield f"{where}: response {status} removed"
                continue
            for name in set(response.get("headers", {})) - set(other.get("headers", {})):
                yield f"{where}: header {name} of response {status} removed"
            for media_type, content in response.get("content", {}).items():
                kept = other.get("content", {}).get(media_type)
                if kept is None:
                    yield f"{where}: {media_type} of response {status} removed"
                elif status < "400":
                    yield from self._response(f"{where} {status}", content["schema"], kept["schema"])

    def _request(self, where: str, old: Document, new: Document) -> Iterator[str]:
        accepted, still = _types(old, self._old), _types(new, self._new)
        for gone in sorted((accepted or {"anything"}) - still) if still else ():
            yield f"{where}: {gone} is not accepted any more"
        old, new = self._resolved(old, self._old), self._resolved(new, self._new)
        if not self._is_new(old, new, "request"):
            return
        for value in _values(old) - _values(new) if _values(new) else ():
            yield f"{where}: the value {value} is not accepted any more"
        for name in ("minLength", "minimum", "minItems", "exclusiveMinimum"):
            if name in new and new[name] > old.get(name, float("-inf")):
                yield f"{where}: {name} is higher"
        for name in ("maxLength", "maximum", "maxItems"):
            if name in new and new[name] < old.get(name, float("inf")):
                yield f"{where}: {name} is lower"
        for name in set(new.get("required", ())) - set(old.get("required", ())):
            yield f"{where}.{name}: became required"
        for name, schema in old.get("properties", {}).items():
            other = new.get("properties", {}).get(name)
            if other is not None:
                yield from self._request(f"{where}.{name}", schema, other)
            elif new.get("additionalProperties") is False:
                yield f"{where}.{name}: is not accepted any more"
        if "items" in old and "items" in new:
            yield from self._request(f"{where}[]", old["items"], new["items"])

    def _response(self, where: str, old: Document, new: Document) -> Iterator[str]:
        promised, possible = _types(old, self._old), _types(new, self._new)
        for added in sorted((possible or {"anything"}) - promised) if promised else ():
            yield f"{where}: can be {added}, which it could not"
        old, new = self._resolved(old, self._old), self._resolved(new, self._new)
        if not self._is_new(old, new, "response"):
            return
        for value in _values(new) - _values(old) if _values(old) else ():
            yield f"{where}: can have the value {value}, which it could not"
        for name, schema in old.get("properties", {}).items():
            other = new.get("properties", {}).get(name)
            if other is None:
                yield f"{where}.{name}: removed"
            else:
                yield from self._response(f"{where}.{name}", schema, other)
        for name in set(old.get("required", ())) - set(new.get("required", ())):
            yield f"{where}.{name}: may be missing, which it could not"
        if "items" in old and "items" in new:
            yield from self._response(f"{where}[]", old["items"], new["items"])

    def _is_new(self, old: Document, new: Document, way: str) -> bool:
        key = (id(old), id(new), way)
        if key in self._seen:
            return False
        self._seen.add(key)
        return True

    def _resolved(self, schema: Document, document: Document) -> Document:
        """The schema without a reference; of `X or null`, X."""
        while "$ref" in schema:
            schema = _at(schema["$ref"], document)
        choices = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
        return self._resolved(choices[0], document) if len(choices) == 1 else schema


def _at(reference: str, document: Document) -> Document:
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    resolved: Document = found
    return resolved


def _types(schema: Document, document: Document) -> set[str]:
    """The JSON types that a schema allows; empty: any."""
    if "$ref" in schema:
        return _types(_at(schema["$ref"], document), document)
    if "anyOf" in schema:
        return {kind for one in schema["anyOf"] for kind in _types(one, document)}
    kind = schema.get("type")
    return set() if kind is None else {kind} if isinstance(kind, str) else set(kind)


def _values(schema: Document) -> set[Any]:
    """The only values that a schema allows; empty: any."""
    return {schema["const"]} if "const" in schema else set(schema.get("enum", ()))
