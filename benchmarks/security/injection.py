"""Texts that an interpreter behind the API would carry out: SQL, formulas of spreadsheets, paths, names of fields."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Final
from urllib.parse import quote, quote_plus

import httpx

from benchmarks.security.attempts import AttackClass, Attempt
from benchmarks.security.scene import FORMULA_NAME, AttackScene, rows
from core import clock

_SQL: Final = (
    "' OR '1'='1",
    "1; SELECT pg_sleep(20)--",
    "'||(SELECT pg_sleep(20))||'",
    "1) UNION SELECT secret_hash FROM api_keys--",
    "received_at; DROP TABLE claims--",
    "received_at,(SELECT 1/0)",
    "\\'; SELECT 1--",
    "%27%20OR%201%3D1--",
    "$$;SELECT 1;$$",
    "CASE WHEN (1=1) THEN 1 ELSE 1/0 END",
)
_PATHS: Final = (
    "../../../../etc/passwd",
    "..%2f..%2f..%2fetc%2fpasswd",
    "..%252f..%252fetc%252fpasswd",
    "%2e%2e/%2e%2e/etc/passwd",
    "....//....//etc/passwd",
    "..\\..\\etc\\passwd",
    "..%5c..%5cetc%5cpasswd",
    "%c0%ae%c0%ae/etc/passwd",
    "/etc/passwd",
    "//etc/passwd",
    "static/../../../pyproject.toml",
    ".git/config",
    ".env",
    "pyproject.toml",
    "x%00.css",
)
_EXTRA: Final[dict[str, object]] = {
    "claim_id": "clm_chosen",
    "status": "approved",
    "approved_amount": "100000.00",
    "decided_by": "model",
    "fraud_score": 0.0,
    "is_flagged": False,
    "received_at": "2020-01-01T00:00:00Z",
    "reserved_cents": 0,
    "actor_id": "key_other",
    "role": "admin",
    "tenant": "other",
    "__proto__": {"role": "admin"},
}


def sql(scene: AttackScene) -> Iterator[Attempt]:
    """Statements in every query parameter, every id of a path and the headers that are stored."""
    size = _claims(scene)
    for operation in scene.operations:
        if operation.method != "GET":
            continue
        values = {name: scene.foreign.get(name, "x") for name in operation.names}
        for text in _SQL:
            for name in operation.queries:
                answer = scene.send("GET", f"{operation.at(values)}?{name}={quote(text)}", "admin")
                yield Attempt(AttackClass.SQL, f"{operation} {name}", _harmless(answer, text), answer.text[:80])
            for name in operation.names:
                answer = scene.send("GET", operation.at(values | {name: quote(text, safe="")}), "admin")
                yield Attempt(AttackClass.SQL, f"{operation} {name}", _harmless(answer, text), answer.text[:80])
    for text in _SQL:
        for header in ("Idempotency-Key", "X-API-Version", "If-None-Match", "X-API-Key"):
            answer = scene.send("POST", "/v1/claims", "claims_system", json={}, headers={header: text})
            yield Attempt(AttackClass.SQL, header, _harmless(answer, text), answer.text[:80])
    yield Attempt(AttackClass.SQL, "no claim is lost", _claims(scene) == size, "another number of claims")


def formulas(scene: AttackScene) -> Iterator[Attempt]:
    """Cells that a spreadsheet would run."""
    answer = scene.send("GET", f"/v1/providers/{scene.foreign['provider_id']}", "admin")
    yield Attempt(
        AttackClass.FORMULAS, "the name is stored as text", answer.json().get("name") == FORMULA_NAME, answer.text[:80]
    )
    yesterday = clock.now().date() - timedelta(days=1)
    exported = scene.send("GET", f"/v1/exports/claims?last_day={yesterday}&format=csv&limit=2000", "admin")
    cells = [cell for row in csv.reader(io.StringIO(exported.text)) for cell in row]
    hostile = [cell for cell in cells if cell.startswith(("=", "+", "@", "\t", "\r"))]
    yield Attempt(
        AttackClass.FORMULAS, f"{len(cells):,} cells of an export", bool(cells) and not hostile, str(hostile[:3])
    )


def paths(scene: AttackScene) -> Iterator[Attempt]:
    """Files outside of what is served."""
    for place in ("/console/static/", "/docs/", "/docs/problems/", "/v1/reports/", "/"):
        for text in _PATHS:
            answer = scene.send("GET", place + text, "admin")
            leaked = any(word in answer.text for word in ("root:", "[project]", "[core]", "GINJA_"))
            yield Attempt(AttackClass.PATHS, place + text, answer.status_code < 500 and not leaked, answer.text[:80])


def assignment(scene: AttackScene) -> Iterator[Attempt]:
    """Fields that a sender must not set."""
    for role in ("provider", "claims_system"):
        for name, value in _EXTRA.items():
            answer = scene.send("POST", "/v1/claims", role, json={**scene.own, name: value})
            yield Attempt(
                AttackClass.ASSIGNMENT,
                f"{name} of a claim by {role}",
                answer.status_code == 422,
                str(answer.status_code),
            )
    for name in ("member_id", "earlier_periods", "created_at", "erased_at"):
        path = f"/v1/members/{scene.foreign['member_id']}"
        answer = scene.send(
            "PUT", path, "admin", json={"first_day": "2026-01-01", name: "M1"}, headers={"If-Match": "*"}
        )
        yield Attempt(AttackClass.ASSIGNMENT, f"{name} of a member", answer.status_code == 422, str(answer.status_code))


def _harmless(answer: httpx.Response, sent: str) -> bool:
    """Whether a statement was text to the API; a problem may repeat the text, and a link of a page its encoded form."""
    text = answer.text
    for repeated in (json.dumps(sent)[1:-1], quote(sent), quote(sent, safe=""), quote_plus(sent)):
        text = text.replace(repeated, "")
    return answer.status_code < 500 and not any(word in text for word in ("syntax error", "psycopg", "secret_hash"))


def _claims(scene: AttackScene) -> int:
    return len(rows(scene.send("GET", "/v1/claims?limit=200", "admin")))
