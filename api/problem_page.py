"""The page that the `type` of every problem resolves to: `GET /docs/problems`, one anchor per problem."""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from api.errors import ERRORS, PROBLEM_PAGE

_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Ginja: problems of the claims API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="/console/static/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/docs/static/problems.css"></head>
<body><h1>Problems of the claims API</h1>
<p>Every error is a problem (RFC 9457). Its <code>type</code> leads here; it is stable, title and detail may change.</p>
"""


@dataclass(frozen=True, slots=True)
class ProblemEntry:
    """What the documentation says about a problem."""

    kind: str
    status: int
    title: str
    meaning: str
    example: str
    retry_after: str | None
    """Seconds, where the request can be sent again."""


def problem_entries() -> Iterator[ProblemEntry]:
    """Every problem, in the order of its status: those of the API's classes, and those of the framework."""
    for error in ERRORS:
        meaning = " ".join((error.__doc__ or "").split())
        retry_after = dict(error.headers).get("Retry-After")
        yield ProblemEntry(error.kind, error.status, error.title, meaning, error.example, retry_after)
    detail = "see /docs for the paths and methods of this API"
    yield ProblemEntry("method", 405, "Method not allowed", "The path does not have this method.", detail, None)
    refused = "The request is refused before it reaches a route; the status says why."
    yield ProblemEntry("refused", 400, "Request refused", refused, detail, None)


def problem_page() -> str:
    """The page as HTML."""
    sections = []
    for one in problem_entries():
        retry = "" if one.retry_after is None else f"<p>Retry after {one.retry_after} s or more.</p>"
        sections.append(
            f'<section id="{one.kind}"><h2>{one.kind} ({one.status})</h2><p><strong>{escape(one.title)}.</strong> '
            f"{escape(one.meaning)}</p><p>Example: <q>{escape(one.example)}</q></p>{retry}"
            f"<p><code>{PROBLEM_PAGE}#{one.kind}</code></p></section>"
        )
    return _HEAD + "\n".join(sections) + "\n</body></html>\n"
