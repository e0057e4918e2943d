"""`ginja demo` from start to end, as a user runs it."""

import contextlib
import getpass
import io
import json
import os
import socket
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import psutil
import psycopg
import pytest
from rich.console import Console

from cli.demo import show, stream
from cli.demo.claims import ClaimBody, DecidedClaim
from cli.demo.figures import DemoFigures, ImplausibleFigures
from cli.demo.stream import claim_body
from core import postgres
from core.embedded import LOOPBACK, port_is_free
from core.servers import stop_servers
from core.settings import Settings

CLAIM: ClaimBody = {
    "member_id": "M1",
    "provider_id": "H1",
    "diagnosis_code": "D1",
    "service_from": "2026-03-02",
    "service_to": "2026-03-02",
    "place_of_service": "11",
    "lines": [],
}
KEYS = ["claims", "by_model", "by_rule", "lost", "rescored", "implausible", "base_rate", "ap_model", "ap_rule"]
KEYS += ["ap_amount_only", "score_p50_ms", "score_p99_ms", "seconds"]


def test_the_demo_loses_no_claim_leaves_nothing_running_and_reports_in_json(server_home):
    """The port of its API is in use, so it must choose another one; its scorer is killed while claims come in."""
    port = Settings.model_fields["api_port"].default
    with contextlib.ExitStack() as taken:
        if port_is_free(port):
            taken.enter_context(socket.create_server((LOOPBACK, port)))
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("GINJA_")},
            "GINJA_HOME": str(server_home),
            "COLUMNS": "120",
        }
        done = subprocess.run(
            [sys.executable, str(Path(sysconfig.get_path("scripts")) / "ginja"), "demo", "--claims", "20000", "--json"],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-3_000:]
    assert f"Port {port} is in use: the claims API listens on" in done.stderr

    figures = json.loads(done.stdout.splitlines()[-1])
    assert list(figures) == KEYS
    assert figures["lost"] == 0
    assert figures["claims"] == figures["by_model"] + figures["by_rule"]
    assert figures["by_model"] > 0
    assert 0 < figures["rescored"] == figures["by_rule"]
    implausible = figures["implausible"]
    assert (implausible["claims"], implausible["paid"]) == (5, 0)
    # The claims are those of today: one that an edit rejects whatever its amount is not in review.
    assert 3 <= implausible["in_review"] <= 5
    assert "A thousand times the amount" in done.stderr
    assert figures["ap_model"] > 3 * max(figures["ap_rule"], figures["ap_amount_only"], figures["base_rate"])

    left = [
        process
        for process in psutil.process_iter(["cmdline"])
        if str(server_home) in " ".join(process.info["cmdline"] or [])
    ]
    assert left == []

    with temporarily_running(server_home / "demo") as url, psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT act, outcome, subject_kind, agent, name FROM audit_log WHERE details ? 'os_user' ORDER BY audit_id"
        ).fetchall()
    kinds = {"claim.load": None, "model.train": "model", "model.promote": "model", "feature.rebuild": None}
    assert found == [(act, "success", kind, "ginja demo", getpass.getuser()) for act, kind in kinds.items()]


@contextlib.contextmanager
def temporarily_running(home: Path) -> Iterator[str]:
    """The database of a home whose platform was stopped."""
    try:
        yield postgres.url(home)
    finally:
        stop_servers(home)


class Refusing(BaseHTTPRequestHandler):
    """An API that answers the attempts of a claim in this order; None: it closes the connection."""

    attempts: ClassVar[list[tuple[int, dict[str, str]] | None]] = []
    keys: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        self.keys.append(self.headers["Idempotency-Key"])
        self.rfile.read(int(self.headers["Content-Length"]))
        attempt = self.attempts.pop(0)
        if attempt is None:
            return
        status, headers = attempt
        self.send_response(status)
        for name, value in {**headers, "Content-Length": "0"}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(
    ("attempts", "status"),
    [
        ([(503, {"Retry-After": "0"}), (429, {"Retry-After": "0"}), (422, {})], 422),
        ([None, (422, {})], 422),
        ([(503, {})], 503),
    ],
    ids=["refused for now", "no answer", "refused for good"],
)
def test_the_demo_sends_a_claim_again_under_its_key_where_that_can_help(monkeypatch, attempts, status):
    monkeypatch.setattr(Refusing, "attempts", list(attempts))
    monkeypatch.setattr(Refusing, "keys", [])
    monkeypatch.setattr(stream, "_NO_ANSWER_S", 0.0)
    with ThreadingHTTPServer((LOOPBACK, 0), Refusing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        answers = stream.submit(
            f"http://{LOOPBACK}:{server.server_port}", "key", [CLAIM], per_second=10, on_answer=lambda _: None
        )
        server.shutdown()
        thread.join()
    assert [answer.status for answer in answers] == [status]
    assert len(Refusing.keys) == len(attempts)
    assert len(set(Refusing.keys)) == 1


def test_a_simulated_claim_becomes_a_body_with_its_lines_and_exact_amounts():
    day = date(2026, 3, 2)
    line = {"line": 1, "procedure_code": "P001", "units": 2, "amount_cents": 123_405, "service_date": day}
    claim = {"member_id": "M1", "provider_id": "H1", "diagnosis_code": "D1", "service_from": day, "service_to": day}
    body = claim_body({**claim, "place_of_service": "11", "line_items": [line]})
    assert body["lines"] == [{"procedure_code": "P001", "amount": "1234.05", "units": 2, "service_date": "2026-03-02"}]
    assert body["service_from"] == "2026-03-02"


def test_a_claim_at_a_thousand_times_the_amount_differs_only_in_its_amounts():
    day = date(2026, 3, 2)
    line = {"line": 1, "procedure_code": "P001", "units": 2, "amount_cents": 123_405, "service_date": day}
    claim = {"member_id": "M1", "provider_id": "H1", "diagnosis_code": "D1", "service_from": day, "service_to": day}
    usual, implausible = (
        claim_body({**claim, "place_of_service": "11", "line_items": [line]}, factor=factor) for factor in (1, 1000)
    )
    assert implausible["lines"][0].pop("amount") == "1234050.00"
    assert usual["lines"][0].pop("amount") == "1234.05"
    assert usual == implausible


def test_the_summary_lists_every_figure_and_nested_figures():
    out = io.StringIO()
    implausible = ImplausibleFigures(claims=5, in_review=4, paid=0)
    shares = {"base_rate": 0.0161, "ap_model": 0.61, "ap_rule": 0.12, "ap_amount_only": 0.09}
    figures = DemoFigures(
        claims=1_200,
        by_model=1_000,
        by_rule=200,
        lost=7,
        rescored=199,
        implausible=implausible,
        **shares,
        score_p50_ms=1.3,
        score_p99_ms=2.9,
        seconds=60.5,
    )
    show.summary(Console(file=out, width=120), figures)
    assert [line.split()[0] for line in out.getvalue().splitlines()] == KEYS
    assert "1,200" in out.getvalue()
    assert "claims 5, in_review 4, paid 0" in out.getvalue()


def decided(status: str, score: float | None, *texts: str) -> DecidedClaim:
    """A claim read from a response of the API."""
    reasons = [{"text": text, "direction": None} for text in texts]
    reasons += [{"text": "a push", "direction": "for"}] if score is not None else []
    response = {
        "claim_id": "clm_00000001",
        "member_id": "M1",
        "provider_id": "H1",
        "procedure_code": "P001",
        "claim_amount": 10.0,
        "approved_amount": 0.0,
        "status": status,
        "score": score,
        "decided_by": "rule" if score is None else "model",
        "reasons": reasons,
        "priors": [{"text": "a record", "direction": "for"}] if score is not None else [],
    }
    return DecidedClaim.from_json(response)


def test_the_table_shows_one_claim_of_every_decision():
    claims = [decided("approved", 0.01)] * 50
    claims += [decided("in_review", 0.9, "flagged"), decided("rejected", 0.1, "no cover"), decided("approved", None)]
    out = io.StringIO()
    show.decisions(Console(file=out, width=120), claims, rows=4)
    shown = out.getvalue()
    assert all(
        words in shown
        for words in (
            "in review",
            "flagged",
            "prior: ▲ a record",
            "no cover",
            "by the rule",
            "90.0%",
            "approved",
        )
    )
