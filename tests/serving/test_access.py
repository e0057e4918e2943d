"""Who may ask the scorer: its token, the addresses it answers on without one, and the paths that it has."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.responses import PlainTextResponse

from api.scorer import ScorerClient
from benchmarks.platform import own_ready
from core.embedded import free_port
from core.supervision import Processes
from models.artefact import point
from serving.access import OPEN, SERVED, AccessMiddleware, require_token
from serving.errors import UnprotectedScorerError
from tests.serving.conftest import SERVE, RunningScorer
from tests.serving.makers import a_claim, fill_store, make_model

TOKEN = "b7e23ec29af22b0b4e41da31e868d572"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


def asked(token: str | None, server: str | None, **headers: str) -> httpx.Response:
    """What the middleware answers at an address of the server."""
    import asyncio

    inner = AccessMiddleware(PlainTextResponse("answered"), token)

    async def app(scope, receive, send) -> None:
        await inner(scope | {"server": None if server is None else (server, 8601)}, receive, send)

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://scorer") as client:
            return await client.post("/v1/score", headers=headers)

    return asyncio.run(ask())


@pytest.mark.parametrize("server", ["127.0.0.1", "127.0.0.2", "::1"])
def test_without_a_token_loopback_is_answered(server: str) -> None:
    assert asked(None, server).status_code == 200


@pytest.mark.parametrize("server", ["10.0.0.5", "0.0.0.0", "192.168.1.2", "2001:db8::1", "", "scorer", None])
def test_without_a_token_nothing_else_is(server: str | None) -> None:
    refused = asked(None, server)
    assert refused.status_code == 403
    assert "GINJA_SCORER_TOKEN" in refused.json()["detail"]
    assert asked(None, server, **BEARER).status_code == 403


@pytest.mark.parametrize("server", ["127.0.0.1", "10.0.0.5"])
def test_with_a_token_only_its_bearer_is_answered(server: str) -> None:
    assert asked(TOKEN, server, **BEARER).status_code == 200
    for headers in (
        {},
        {"Authorization": TOKEN},
        {"Authorization": f"bearer {TOKEN}"},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": f"Bearer {TOKEN}0"},
        {"Authorization": "Bearer "},
        {"Authorization": f"Bearer {TOKEN[::-1]}"},
    ):
        refused = asked(TOKEN, server, **headers)
        assert refused.status_code == 401, headers
        assert refused.headers["WWW-Authenticate"] == "Bearer"
        assert TOKEN not in refused.text


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.5", "scorer.internal"])
def test_it_does_not_start_beyond_this_machine_without_a_token(host: str) -> None:
    with pytest.raises(UnprotectedScorerError, match="openssl rand -hex 32"):
        require_token(host, None)
    require_token(host, TOKEN)
    require_token("127.0.0.1", None)


def test_the_command_refuses_to_start_beyond_this_machine(tmp_path: Path, module_valkey_url: str) -> None:
    environment = {**os.environ, "GINJA_HOME": str(tmp_path), "GINJA_REDIS_URL": module_valkey_url}
    command = [sys.executable, *SERVE, "--host", "0.0.0.0", "--port", str(free_port())]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert "GINJA_SCORER_TOKEN" in ended.stderr


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, module_valkey_url: str) -> Iterator[str]:
    """The URL of a scorer with a token that listens on every address."""
    home, port = tmp_path_factory.mktemp("guarded"), free_port()
    make_model(home, "first")
    point(home, "first")
    fill_store(module_valkey_url, [a_claim()])
    environment = {
        "GINJA_HOME": str(home),
        "GINJA_REDIS_URL": module_valkey_url,
        "GINJA_SCORER_HOST": "0.0.0.0",
        "GINJA_SCORER_PORT": str(port),
        "GINJA_SCORER_TOKEN": TOKEN,
    }
    with Processes(home / "run", environment) as processes:
        processes.start("scorer", SERVE, ready=own_ready(port))
        processes.wait("scorer")
        yield f"http://127.0.0.1:{port}"


async def test_the_api_sends_the_token_and_has_no_score_without_it(guarded: str) -> None:
    client = ScorerClient(guarded, deadline_ms=5_000, token=TOKEN)
    scoring = await client.score(a_claim())
    assert scoring.score is not None, scoring.failure
    assert (await client.serving_models()).champion == "first"
    client.close()
    for token in (None, "0" * 32):
        client = ScorerClient(guarded, deadline_ms=5_000, token=token)
        assert (await client.score(a_claim())).failure == "http_401"
        client.close()


def test_a_running_scorer_answers_without_a_token_only_that_it_is_alive(guarded: str) -> None:
    with httpx.Client(base_url=guarded) as client:
        answers = {path: client.get(path).status_code for path in SERVED}
        assert {path for path, status in answers.items() if status != 401} == OPEN
        assert client.get("/metrics", headers=BEARER).status_code == 200
        assert client.post("/v1/score", content=b"{}").status_code == 401
        twice = [("Authorization", f"Bearer {TOKEN}")] * 2
        assert client.get("/", headers=twice).status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        *("/docs", "/docs.json", "/schema.json", "/healthz", "/static_content/index.html", "/admin", "/v1/scores"),
        *("//v1/score", "/v1/score/", "/V1/SCORE", "/v1/../docs.json", "/%76%31/none", "/metrics/"),
    ],
)
def test_what_bentoml_serves_about_itself_is_off(scorer: RunningScorer, path: str) -> None:
    for method in ("GET", "POST"):
        answer = scorer.client.request(method, path)
        assert answer.status_code == 404, (method, path)
        assert answer.json()["type"] == "urn:ginja:scoring:not-found"
