"""The module of the operations, one method each, for the synchronous and for the asynchronous client."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from cli.clients.annotations import annotation, referenced
from cli.clients.described import JSON, DescribedOperation, DescribedParameter

BY_HAND: Final[Mapping[str, str]] = {
    "upload_bytes": "upload_claims sends a file in parts and goes on after an interruption",
    "list_rejects": "iter_rejects follows the pages of a stream of lines",
    "add_case_file": "add_case_file makes the form of a file and its fields",
    "get_case_file_content": "get_case_file_content takes a file of any type",
    "export_claims": "export_claims goes on after the last line of a stream that was interrupted",
}
"""Operations whose methods are written by hand, in `bulk.py` and `async_bulk.py`."""
REPEATABLE: Final = frozenset({"score_claims"})
"""POST operations that take no key and have no effect."""
_OWN_HEADERS: Final = {"If-Match": "if_match"}
"""Headers that a method takes as a parameter, beside the Idempotency-Key."""
_AS_TASK: Final = "As `{name}`, carried out later: `get_task` says what became of it."
_HEAD: Final = '''"""Operations of the API, {kind}.

Generated from the description of the API by `make clients`; do not edit.
"""

from collections.abc import {iterator}
from typing import Literal, cast

from ginja_client.calls import {calls}
from ginja_client.models import {models}
from ginja_client.values import {values}


class {name}({calls}):
    """One method for each operation."""
'''

_BINARY: Final = ("application/pdf",)
"""Types of responses that are no text."""


def operations_module(operations: Sequence[DescribedOperation], *, is_async: bool) -> str:
    """The text of the module."""
    shown = [one for one in operations if one.name not in BY_HAND]
    models = sorted({name for one in shown for part in (one.sent, one.response) for name in referenced(part)})
    items = {one.listed[1] for one in shown if one.listed is not None}
    items |= {one.task for one in shown if one.task is not None}
    methods = "\n".join(part for one in shown for part in _methods(one, is_async=is_async))
    values = ["Call", *(name for name in ("JsonObject", "JsonValue") if name in methods), "fill"]
    kind, prefix = ("asynchronous", "Async") if is_async else ("synchronous", "Sync")
    head = _HEAD.format(
        kind=kind,
        iterator="AsyncIterator" if is_async else "Iterator",
        calls=f"{prefix}Calls",
        models=f"({', '.join(sorted({*models, *items} - {'JsonValue'}))})",
        values=", ".join(values),
        name=f"{prefix}Operations",
    )
    return head + "\n" + methods


def _methods(operation: DescribedOperation, *, is_async: bool) -> Iterator[str]:
    yield _method(operation, is_async=is_async)
    if operation.task is not None:
        yield _method(operation, is_async=is_async, task=operation.task)
    if operation.listed is not None:
        yield _pages(operation, *operation.listed, is_async=is_async)


def _method(operation: DescribedOperation, *, is_async: bool, task: str | None = None) -> str:
    """A method; with `task`, the one that sends `Prefer: respond-async` and gets a task of this type."""
    awaits, defines = ("await ", "async def") if is_async else ("", "def")
    returned = _returned(operation) if task is None else task
    name = operation.name if task is None else f"{operation.name}_as_task"
    arguments = [f"{one.name}={one.name}" for one in operation.of("path")]
    filled = ", ".join([_quoted(operation.path), *arguments])
    path = f"fill({filled})" if arguments else filled
    call = [_quoted(operation.method), path, *_call_arguments(operation, respond_async=task is not None)]
    sent = f"self._call(Call({', '.join(call)}))"
    lines = [f"    {defines} {name}(self{_signature(operation)}) -> {returned}:"]
    lines += _docstring(operation.summary if task is None else _AS_TASK.format(name=operation.name))
    if returned == "None":
        lines.append(f"        {awaits}{sent}")
    elif operation.response_type in (JSON, "application/fhir+json"):
        lines.append(f'        return cast("{returned}", {awaits}{sent})')
    else:
        response = sent.replace("self._call", "self._send", 1)
        lines.append(f"        return ({awaits}{response}).{'content' if returned == 'bytes' else 'text'}")
    return "\n".join(lines) + "\n"


def _pages(operation: DescribedOperation, field: str, item: str, *, is_async: bool) -> str:
    """A method that follows the cursors of a list."""
    awaits, defines, iterator = ("await ", "async def", "AsyncIterator") if is_async else ("", "def", "Iterator")
    each = f'yield from page["{field}"]'
    if is_async:
        each = f'for item in page["{field}"]:\n                yield item'
    passed = [f"{one.name}={one.name}" for one in operation.of("path")]
    passed += [f"{one.name}={one.name}" for one in operation.of("query") if one.name != "cursor"]
    name = operation.name.replace("list_", "iter_", 1)
    signature = _signature(operation, without="cursor")
    return f'''    {defines} {name}(self{signature}) -> {iterator}[{item}]:
        """Each item of `{operation.name}`, page by page; `limit` is the size of a page."""
        cursor: str | None = None
        while True:
            page = {awaits}self.{operation.name}({", ".join([*passed, "cursor=cursor"])})
            {each}
            cursor = page.get("next_cursor")
            if cursor is None:
                return
'''


def _returned(operation: DescribedOperation) -> str:
    if operation.response_type is None:
        return "None"
    if operation.response_type == "text/plain":
        return "str"
    if operation.response_type in _BINARY:
        return "bytes"
    return annotation(operation.response, is_sent=False)


def _signature(operation: DescribedOperation, *, without: str = "") -> str:
    """The parameters of a method, a line each: those of the path, the body, and by name all others."""
    positional = [f"{one.name}: {annotation(one.schema, is_sent=True)}" for one in operation.of("path")]
    body = _body_annotation(operation)
    if body is not None:
        positional.append(f"body: {body}" if operation.body_required else f"body: {body} | None = None")
    named = [_parameter(one) for one in operation.of("query") if one.name != without]
    named += [
        f"{_OWN_HEADERS[one.name]}: str" + ("" if one.required else " | None = None")
        for one in operation.of("header")
        if one.name in _OWN_HEADERS
    ]
    if operation.takes_key:
        named.append("idempotency_key: str | None = None")
    named.sort(key=lambda text: "=" in text)
    parts = [*positional, *(["*", *named] if named else [])]
    return "".join(f", {part}" for part in parts)


def _body_annotation(operation: DescribedOperation) -> str | None:
    if operation.body_type is None:
        return None
    if operation.body_type == JSON or operation.body_type.endswith("+json"):
        return annotation(operation.body, is_sent=True)
    return "bytes"


def _parameter(parameter: DescribedParameter) -> str:
    kind = annotation(parameter.schema, is_sent=True)
    if parameter.required:
        return f"{parameter.python_name}: {kind}"
    return f"{parameter.python_name}: {kind if kind.endswith('None') else f'{kind} | None'} = None"


def _call_arguments(operation: DescribedOperation, *, respond_async: bool) -> Iterator[str]:
    """What a `Call` states beyond its method and path."""
    query = [f"{_quoted(one.name)}: {one.python_name}" for one in operation.of("query")]
    if query:
        yield f"query={{{', '.join(query)}}}"
    if operation.body_type is not None:
        yield "content=body" if _body_annotation(operation) == "bytes" else "json=body"
        if operation.body_type != JSON:
            yield f"content_type={_quoted(operation.body_type)}"
    if operation.response_type not in (JSON, None):
        yield f"accept={_quoted(operation.response_type)}"
    headers = [
        f"{_quoted(one.name)}: {_OWN_HEADERS[one.name]}" for one in operation.of("header") if one.name in _OWN_HEADERS
    ]
    if operation.takes_key:
        headers.append('"Idempotency-Key": idempotency_key')
    if respond_async:
        headers.append('"Prefer": "respond-async"')
    if headers:
        yield f"headers={{{', '.join(headers)}}}"
    if operation.takes_key:
        yield "takes_key=True"
    if operation.is_confirmed:
        yield "signed=True"
    if operation.name in REPEATABLE:
        yield "repeatable=True"


def _quoted(text: str) -> str:
    """A text in the quotes that the formatter uses."""
    return f'"{text}"'


def _docstring(summary: str) -> Iterator[str]:
    paragraphs = [" ".join(part.split()) for part in summary.split("\n\n")]
    text = "\n\n".join(paragraphs).replace("\\", "\\\\")
    wrapped = "\n\n".join("\n".join(textwrap.wrap(part, 106, break_on_hyphens=False)) for part in text.split("\n\n"))
    closing = '"""' if len(paragraphs) == 1 else '\n"""'
    return (f"        {line}".rstrip() for line in f'"""{wrapped}{closing}'.split("\n"))
