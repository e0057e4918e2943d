"""The version that a request gets, and its bodies in the form of that version (`api/versions.py`).

The header of the request names the version; without it, the client's key has one since its first call. The key is
looked up as the route does it (`Authenticator`, which remembers it), so a version costs no statement; while only one
version is supported, not even that.
"""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs

from pydantic import JsonValue
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.database import DATABASE_FAILURES
from api.dependencies import dependencies
from api.entity_tags import CODED
from api.errors import ApiError, Invalid
from api.problems import database_problem, error_response
from api.responses import JSON
from api.sent_body import SentBody
from api.sparse_fields import LaterChoice, choosing_later
from api.versions import DEPRECATED, HEADER, PUBLISHED, Steps, VersionHistory
from formats.strict_json import MalformedJson, RefusedJson
from formats.strict_json import read as read_json

MAX_TRANSFORMED: Final = 4 * 1024 * 1024
"""Largest body of a request that is read to be transformed; a larger one reaches the route as it is, and is refused."""
MAX_LEVELS: Final = 32
"""Deepest nesting of a body that is transformed; routes allow less."""
_WHOLE: Final = frozenset({200, 201})
"""Statuses of responses whose body an operation declares; that of 202 is a task, and of errors a problem."""
_CONDITIONS: Final = ("if-match", "if-none-match")


class ApiVersions:
    """ASGI middleware: `X-API-Version` on every response of the API, 422 for a version that is not supported, bodies of
    older versions, and the headers of deprecated paths."""

    def __init__(self, app: ASGIApp, versions: VersionHistory = PUBLISHED) -> None:
        self._app = app
        self._versions = versions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(("/v1/", "/claims")):
            await self._app(scope, receive, send)
            return
        deprecation = DEPRECATED.get(scope["path"])
        added = {HEADER: self._versions.current, **({} if deprecation is None else deprecation.headers)}

        async def send_versioned(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(raw=message["headers"]).update(added)
            await send(message)

        try:
            added[HEADER] = version = await self._version(Request(scope))
        except ApiError as refusal:
            await error_response(refusal)(scope, receive, send_versioned)
            return
        path = scope["path"] if scope["path"].startswith("/v1/") else f"/v1{scope['path']}"
        if version == self._versions.current:
            await self._app(scope, receive, send_versioned)
            return
        steps = self._versions.steps(version, scope["method"], path)
        if not steps.response:
            older = _OlderVersion(steps, f"-{version}")
            await self._app(older.scope(scope), older.receiving(receive), older.sending(send_versioned))
            return
        with choosing_later() as chosen:
            older = _OlderVersion(steps, f"-{version}{_choice_mark(scope)}", chosen)
            await self._app(older.scope(scope), older.receiving(receive), older.sending(send_versioned))

    async def _version(self, request: Request) -> str:
        """The version of a request; raises `Invalid`, and what a failing look-up of the key raises."""
        named = request.headers.get("x-api-version")
        supported = self._versions.supported
        if named is not None:
            if named not in supported:
                raise Invalid.field(HEADER, f"must be one of {', '.join(supported)}, or be left out")
            return named
        if len(supported) == 1:
            return self._versions.current
        try:
            pinned = await dependencies(request).authenticator.pinned_version(request)
        except DATABASE_FAILURES as error:
            problem = database_problem(error)
            if problem is None:
                raise
            raise problem from None
        return self._versions.served(pinned)


@dataclass(frozen=True, slots=True)
class _OlderVersion:
    """One request of an older version, on its way to the route and back."""

    steps: Steps
    mark: str
    """Ends the entity tags of this form."""
    chosen: LaterChoice = field(default_factory=LaterChoice)
    sent: SentBody = field(default_factory=SentBody)

    def scope(self, scope: Scope) -> Scope:
        """The request as the route sees it: entity tags without the version, and a body of unknown length."""
        changed = {name: self._tags(value) for name, value in Headers(scope=scope).items() if name in _CONDITIONS}
        kept = [
            (name, changed.get(name.decode("latin-1"), value.decode("latin-1")).encode("latin-1"))
            for name, value in scope["headers"]
            if name != b"content-length" or not self.steps.request
        ]
        return self.sent.of(scope, kept)

    def receiving(self, receive: Receive) -> Receive:
        """`receive` with the body in the form of the newest version."""
        if not self.steps.request:
            return receive
        kept: list[Message] = []
        is_read = False

        async def receive_transformed() -> Message:
            nonlocal is_read
            if not is_read:
                is_read = True
                kept.extend(await self._messages(receive))
            return kept.pop(0) if kept else await receive()

        return receive_transformed

    async def _messages(self, receive: Receive) -> list[Message]:
        """The whole body, transformed; as it came where it is too large, cut off, or not such a document."""
        messages: list[Message] = []
        size = 0
        while size <= MAX_TRANSFORMED:
            message = await receive()
            messages.append(message)
            size += len(message.get("body", b""))
            if message["type"] != "http.request":
                return messages
            if not message.get("more_body", False):
                sent = b"".join(one.get("body", b"") for one in messages)
                body = self._read(sent)
                if body is None:
                    return messages
                self.sent.content = sent
                return [{"type": "http.request", "body": body, "more_body": False}]
        return messages

    def _read(self, body: bytes) -> bytes | None:
        try:
            document = read_json(body, max_depth=MAX_LEVELS)
        except (MalformedJson, RefusedJson):
            return None
        return _written(self.steps.read(_plain(document)))

    def sending(self, send: Send) -> Send:
        """`send` with the body in the form of the older version."""
        start: Message | None = None
        parts: list[bytes] = []

        async def send_transformed(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                self._mark(headers)
                is_json = headers.get("content-type", "").partition(";")[0] == JSON
                if not (self.steps.response and is_json and message["status"] in _WHOLE):
                    await send(message)
                    return
                start = message
            elif start is None:
                await send(message)
            else:
                parts.append(message.get("body", b""))
                if not message.get("more_body", False):
                    body = _written(self.chosen.of(self.steps.write(json.loads(b"".join(parts)))))
                    MutableHeaders(raw=start["headers"])["content-length"] = str(len(body))
                    await send(start)
                    await send({"type": "http.response.body", "body": body})

        return send_transformed

    def _mark(self, headers: MutableHeaders) -> None:
        """The other form of a resource has another tag."""
        if "etag" in headers:
            headers["etag"] = f'{headers["etag"][:-1]}{self.mark}"'

    def _tags(self, field: str) -> str:
        """The tags of this version as the route knows them; those of another one match nothing."""
        tags = (one.strip() for one in field.split(","))
        return ", ".join(one if one == "*" else self._tag(one) for one in tags)

    def _tag(self, tag: str) -> str:
        """A tag without the mark of this form; `CODED` may follow it."""
        for end in (f'{self.mark}"', f'{self.mark}{CODED}"'):
            if tag.endswith(end):
                return tag.removesuffix(end) + end.removeprefix(self.mark)
        return '"another-version"'


def _choice_mark(scope: Scope) -> str:
    """What tells the tags of a choice of fields from those of another one, and of the whole."""
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    texts = query.get("fields")
    return "" if texts is None else f"-{hashlib.sha256(texts[0].encode()).hexdigest()[:8]}"


def _plain(value: object) -> JsonValue:
    """JSON of the strict reader with floats for its decimals."""
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, bool | int | str) else float(str(value))


def _written(document: JsonValue) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
