"""Invalid requests are refused with their fields, and never with a value."""

import asyncio
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from claims.scoring import Counterfactual, OutOfRange, Score, ShadowScore
from serving.errors import DeadlinePassed, InvalidScoreRequest, JsonRequired, Refusal, ScoreRequestTooLarge
from serving.wire import BatchRequest, ScoreRequest, WireModel, encode_score

CONTRACTS = Path(__file__).parents[1] / "contracts"
SCORE_REQUEST = json.loads((CONTRACTS / "score_request.json").read_text())
JSON_TYPE = {"content-type": "application/json"}


def read(
    body: bytes, headers: dict[str, str] | None = None, wire: type[WireModel] = ScoreRequest
) -> WireModel | Refusal:
    pairs = [(name.encode(), value.encode()) for name, value in (JSON_TYPE if headers is None else headers).items()]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    scope = {"type": "http", "method": "POST", "path": "/v1/score", "headers": pairs}
    return asyncio.run(wire.from_http_request(Request(scope, receive), None))


def test_a_score_is_encoded_as_its_type_states() -> None:
    score = Score.model_validate_json((CONTRACTS / "score_response.json").read_bytes())
    outside = OutOfRange("amount", "The amount claimed.", 9e9, 0.5, 2e6)
    shadow = ShadowScore(model_version="v2", margin=-1.5, probability=0.2, flagged=False)
    times = {"member_history": datetime(2026, 3, 2, 10, 0, 0, 5, UTC), "member_today": None}
    lower = Counterfactual(amount_cents=100, probability=0.1, text="1.00 or less")
    more = {"out_of_range": [outside], "shadow": shadow, "feature_times": times, "counterfactual": lower}
    complete = score.model_copy(update=more)
    assert complete.reasons
    for one in (score, complete):
        assert json.loads(encode_score(one)) == json.loads(one.model_dump_json())
        assert Score.model_validate_json(encode_score(one)) == one


def changed(**facts: Any) -> bytes:
    return json.dumps({"claim": SCORE_REQUEST["claim"] | facts}).encode()


def document(refusal: WireModel | Refusal) -> dict[str, Any]:
    assert isinstance(refusal, Refusal)
    answer: dict[str, Any] = json.loads(bytes(refusal.response().body))
    return answer


def test_the_contract_s_request_is_read() -> None:
    request = read(json.dumps(SCORE_REQUEST).encode())
    assert isinstance(request, ScoreRequest)
    assert request.claim.amount_cents == 500_000
    assert request.states is None
    assert request.deadline is None


@pytest.mark.parametrize("name", ["state", "Claim", "claims"])
def test_a_misspelt_field_of_a_request_is_refused(name: str) -> None:
    refusal = read(json.dumps(SCORE_REQUEST | {name: None}).encode())
    assert name in [entry["field"] for entry in document(refusal)["errors"]]
    batch = read(json.dumps({"requests": [SCORE_REQUEST | {name: None}]}).encode(), wire=BatchRequest)
    assert f"requests.0.{name}" in [entry["field"] for entry in document(batch)["errors"]]


def test_a_negative_amount_is_answered_as_the_contract_s_problem() -> None:
    expected = json.loads((CONTRACTS / "score_problem_invalid.json").read_text())
    assert document(read(changed(amount_cents=-1))) == expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"claim": NaN}',
        b'{"claim": "\\ud800"}',
        b"[" * 100_000,
        changed(received_at="2026-03-02T10:15:00"),
        changed(amount_cents=float("nan")),
        changed(amount_cents="1e400"),
        changed(amount_cents="@").replace(b'"@"', b"9" * 10_000),
        changed(service_from="yesterday"),
        changed(sex="?"),
    ],
)
def test_a_body_that_violates_the_contract_is_invalid(body: bytes) -> None:
    assert isinstance(read(body), InvalidScoreRequest)


LIMITS: dict[str, tuple[Any, Any]] = {
    # field: the most that is taken, and the least that is not
    "claim_id": ("c" * 64, "c" * 65),
    "member_id": ("m" * 64, "m" * 65),
    "provider_id": ("p" * 64, "p" * 65),
    "procedure_code": ("P" * 64, "P" * 65),
    "diagnosis_code": ("D" * 64, "D" * 65),
    "place_of_service": ("11", "111"),
    "region": ("r" * 32, "r" * 33),
    "specialty": ("s" * 64, "s" * 65),
    "age_years": (130, 131),
    "amount_cents": (2**53 - 1, 2**53),
    "units": (2**31 - 1, 2**31),
    "lines": (2**31 - 1, 2**31),
    "diagnoses": (2**31 - 1, 2**31),
    "benefit_limit_cents": (2**53 - 1, 2**53),
}


@pytest.mark.parametrize("field", LIMITS)
def test_a_fact_at_its_limit_is_taken_and_one_over_it_is_refused_by_name(field: str) -> None:
    most, over = LIMITS[field]
    taken = read(changed(**{field: most}))
    assert isinstance(taken, ScoreRequest)
    assert getattr(taken.claim, field) == most
    for more in (over, over * 1_000):
        (error,) = document(read(changed(**{field: more})))["errors"]
        assert error["field"] == f"claim.{field}"


def test_a_problem_never_repeats_what_was_sent() -> None:
    secret = "Mary-Secret" * 20
    assert "Mary-Secret" not in json.dumps(document(read(changed(member_id=secret, sex=secret))))


def test_a_problem_names_at_most_twenty_fields() -> None:
    body = json.dumps({"requests": [{"claim": {}}] * 50}).encode()
    problem = document(read(body, wire=BatchRequest))
    assert len(problem["errors"]) == 20
    assert problem["detail"].startswith("450 fields")


def test_the_size_of_a_batch_is_limited() -> None:
    body = json.dumps({"requests": [SCORE_REQUEST] * 501}).encode()
    assert document(read(body, wire=BatchRequest))["errors"][0]["field"] == "requests"


def test_a_body_over_the_limit_is_refused_before_it_is_parsed() -> None:
    assert isinstance(read(b"{" + b" " * 300_000), ScoreRequestTooLarge)


def test_a_client_that_disconnects_while_sending_is_not_logged_as_a_defect() -> None:
    parts = iter([{"type": "http.request", "body": changed()[:-20], "more_body": True}, {"type": "http.disconnect"}])

    async def receive() -> dict[str, Any]:
        return next(parts)

    scope = {"type": "http", "method": "POST", "path": "/v1/score", "headers": [(b"content-type", b"application/json")]}
    assert isinstance(asyncio.run(ScoreRequest.from_http_request(Request(scope, receive), None)), InvalidScoreRequest)


@pytest.mark.parametrize("content_type", ["text/plain", "application/vnd.bentoml+pickle", "multipart/form-data", ""])
def test_only_json_is_read(content_type: str) -> None:
    assert isinstance(read(changed(), {"content-type": content_type}), JsonRequired)


def test_a_deadline_in_the_future_is_kept() -> None:
    at = int(time.time() * 1_000) + 60_000
    request = read(changed(), JSON_TYPE | {"ginja-deadline": str(at)})
    assert isinstance(request, ScoreRequest)
    assert request.deadline == at / 1_000


def test_work_that_arrives_late_is_refused() -> None:
    assert isinstance(read(changed(), JSON_TYPE | {"ginja-deadline": "1000"}), DeadlinePassed)


@pytest.mark.parametrize("sent", ["soon", "-1", "1e9", "1" * 40, "１"])
def test_a_deadline_that_is_no_number_is_invalid(sent: str) -> None:
    headers = [(b"content-type", b"application/json"), (b"ginja-deadline", sent.encode("utf-8"))]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": changed(), "more_body": False}

    scope = {"type": "http", "method": "POST", "path": "/v1/score", "headers": headers}
    assert isinstance(asyncio.run(ScoreRequest.from_http_request(Request(scope, receive), None)), InvalidScoreRequest)


@pytest.mark.parametrize(
    ("wire", "body"),
    [
        (ScoreRequest, json.dumps(SCORE_REQUEST).encode()),
        (BatchRequest, json.dumps({"requests": [{"claim": SCORE_REQUEST["claim"]}]}).encode()),
    ],
)
def test_no_string_of_a_request_is_kept_after_it(wire: type[WireModel], body: bytes) -> None:
    members = []
    for _ in range(2):
        request = read(body, wire=wire)
        assert isinstance(request, ScoreRequest | BatchRequest)
        claim = request.claim if isinstance(request, ScoreRequest) else request.requests[0].claim
        members.append(claim.member_id)
    assert members[0] == members[1]
    assert members[0] is not members[1]  # an equal string of a cache would be the same object
