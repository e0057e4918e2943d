"""Every response of a test is checked against `/openapi.json`: path, status, media type, headers and schema."""

import json
import re
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx
from fastapi import FastAPI
from jsonschema import Draft202012Validator, FormatChecker


@dataclass(frozen=True)
class Operation:
    """One documented operation of the API."""

    method: str
    path: str
    described: dict[str, Any]

    @property
    def body_type(self) -> str | None:
        """The media type of its body; `None`: it has none."""
        return next(iter(self.described.get("requestBody", {}).get("content", ())), None)

    @property
    def headers(self) -> set[str]:
        """Names of the request headers it documents, in lower case."""
        named = {one["name"].lower() for one in self.described.get("parameters", ()) if one["in"] == "header"}
        if self.described["security"]:
            named |= {"authorization", "x-api-key"}
        if self.method == "GET":
            named.add("accept-encoding")
        if "requestBody" in self.described:
            named |= {"content-type", "content-length"}
        if any(len(response.get("content", ())) > 1 for response in self.described["responses"].values()):
            named.add("accept")
        return named


class Contract:
    """An OpenAPI document as a checker of responses."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.operations = [
            Operation(method.upper(), path, described)
            for path, methods in self.document["paths"].items()
            for method, described in methods.items()
        ]
        self._patterns = [
            (re.compile(re.sub(r"\{[^}]+\}", "[^/]+", re.escape(path).replace(r"\{", "{").replace(r"\}", "}"))), path)
            for path in self.document["paths"]
        ]
        self._validators: dict[str, Draft202012Validator] = {}

    @classmethod
    def of(cls, app: FastAPI) -> "Contract":
        """That of an application."""
        return cls(json.loads(json.dumps(app.openapi())))

    @cached_property
    def _sparse(self) -> "Contract":
        """As the contract of responses to requests with `fields`, which leave fields out."""
        sparse = copy(self)
        sparse.document = {"components": _optional(self.document["components"])}
        sparse._validators = {}
        return sparse

    def operation(self, method: str, path: str) -> Operation | None:
        """The operation that serves a request; `None` if it is not documented."""
        documented = next((of for pattern, of in self._patterns if pattern.fullmatch(path)), None)
        return next((one for one in self.operations if (one.method, one.path) == (method, documented)), None)

    def violations(self, schema: dict[str, Any], value: object) -> list[str]:
        """Where `value` does not fit `schema`."""
        key = json.dumps(schema, sort_keys=True)
        if key not in self._validators:
            whole = {**schema, "components": self.document["components"]}
            self._validators[key] = Draft202012Validator(whole, format_checker=FormatChecker())
        return [f"{error.json_path}: {error.message}" for error in self._validators[key].iter_errors(value)]

    async def check(self, response: httpx.Response) -> None:
        """Assert that a response is documented; an event hook of httpx."""
        request = response.request
        operation = self.operation(request.method, request.url.path)
        if operation is None:
            return
        where = f"{request.method} {operation.path} → {response.status_code}"
        documented = operation.described["responses"].get(str(response.status_code))
        assert documented is not None, f"{where} is not documented"
        for name, header in documented["headers"].items():
            required = self.document["components"]["headers"][header["$ref"].rpartition("/")[2]].get("required", False)
            assert name in response.headers or not required, f"{where}: no header {name}"
        for name in ("Location", "Idempotency-Replayed", "Retry-After", "WWW-Authenticate", "ETag"):
            assert name not in response.headers or name in documented["headers"], f"{where}: {name} is not documented"
        await response.aread()
        if response.status_code in (204, 304):
            assert response.content == b""
            return
        media_type = response.headers["content-type"].partition(";")[0]
        assert media_type in documented["content"], f"{where}: {media_type} is not documented"
        if media_type in ("application/json", "application/problem+json"):
            schema = documented["content"][media_type]["schema"]
            sparse = "fields" in request.url.params and response.status_code == 200
            found = (self._sparse if sparse else self).violations(schema, response.json())
            assert found == [], f"{where}: {found}"


def _optional(schema: Any) -> Any:
    """A schema whose objects may lack every field."""
    if isinstance(schema, dict):
        is_object = isinstance(schema.get("properties"), dict)
        return {name: _optional(one) for name, one in schema.items() if not (is_object and name == "required")}
    return [_optional(one) for one in schema] if isinstance(schema, list) else schema
