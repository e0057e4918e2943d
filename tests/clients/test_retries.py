"""What is sent again, when, and what is raised in the end; without a network and without waiting."""

import json
from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from ginja_client.errors import (
    AuthenticationFailed,
    ConnectionFailed,
    FieldProblem,
    GinjaError,
    InvalidRequest,
    OutcomeUnknown,
    ProblemError,
    RequestInFlight,
    ResourceNotFound,
    ServiceUnavailable,
    StateConflict,
    TooManyRequests,
    problem_of,
)
from ginja_client.exchange import is_repeatable
from ginja_client.requests import KEY, content_of, default_headers, headers_of, query_of
from ginja_client.retries import Attempts, RetryPolicy, retry_after
from ginja_client.values import Call, fill


def answer(status: int, kind: str = "", **headers: str) -> httpx.Response:
    document = {"type": f"/docs/problems#{kind}", "title": "t", "status": status, "detail": "d"}
    return httpx.Response(status, json=document, headers={name.replace("_", "-"): one for name, one in headers.items()})


def waits(outcomes: Sequence[httpx.Response | httpx.TransportError], *, repeatable: bool = True, **policy: Any) -> Any:
    """The waits after each outcome, and the error in the end; the clock goes on by what is waited."""
    now, found = [0.0], []
    attempts = Attempts(RetryPolicy(**policy), repeatable=repeatable, now=lambda: now[0], chance=lambda: 1.0)
    for outcome in outcomes:
        attempts.timeout()
        try:
            if isinstance(outcome, httpx.Response):
                wait = attempts.after_response(outcome)
            else:
                wait = attempts.after_failure(outcome)
        except GinjaError as error:
            return found, type(error)
        found.append(wait)
        now[0] += wait
    return found, None


BUSY, DOWN = answer(429, "overloaded", retry_after="3"), answer(503, "unavailable")
PROXY = httpx.Response(503, content=b"<html>no upstream")
BLANK = httpx.Response(503, json={"type": "about:blank", "title": "no upstream"})
LOST, NOT_REACHED = httpx.ReadError("reset"), httpx.ConnectError("refused")


@pytest.mark.parametrize(
    ("outcomes", "repeatable", "policy", "expected"),
    [
        ([DOWN, DOWN, DOWN, DOWN, DOWN], True, {}, ([0.25, 0.5, 1.0, 2.0], ServiceUnavailable)),
        ([DOWN] * 5, True, {"longest_wait_s": 0.75}, ([0.25, 0.5, 0.75, 0.75], ServiceUnavailable)),
        ([BUSY, BUSY], True, {"attempts": 2}, ([3.0], TooManyRequests)),
        ([BUSY], True, {"deadline_s": 3.0}, ([], TooManyRequests)),
        ([BUSY, DOWN], True, {"deadline_s": 3.1}, ([3.0], ServiceUnavailable)),
        ([answer(503, "unavailable", retry_after="9")], True, {"deadline_s": 9.5}, ([9.0], None)),
        ([LOST, LOST], True, {"attempts": 2}, ([0.25], ConnectionFailed)),
        ([LOST], False, {}, ([], ConnectionFailed)),
        ([NOT_REACHED, httpx.ConnectTimeout("x"), httpx.PoolTimeout("x")], False, {}, ([0.25, 0.5, 1.0], None)),
        ([DOWN, BUSY], False, {}, ([0.25, 3.0], None)),
        ([answer(503, "outcome-unknown")], False, {}, ([], OutcomeUnknown)),
        ([PROXY], False, {}, ([], ServiceUnavailable)),
        ([BLANK], False, {}, ([], ServiceUnavailable)),
        ([httpx.Response(429)], False, {}, ([], TooManyRequests)),
        ([PROXY, BLANK], True, {}, ([0.25, 0.5], None)),
        ([answer(503, "unavailable", retry_after="9" * 400)], True, {}, ([], ServiceUnavailable)),
        ([answer(409, "in-flight")], True, {"attempts": 1}, ([], RequestInFlight)),
        ([answer(503, "outcome-unknown")], True, {}, ([0.25], None)),
        ([answer(409, "in-flight", retry_after="1")], True, {}, ([1.0], None)),
        ([answer(409, "conflict")], True, {}, ([], StateConflict)),
        ([answer(401)], True, {}, ([], AuthenticationFailed)),
        ([answer(404)], True, {}, ([], ResourceNotFound)),
        ([answer(422)], True, {}, ([], InvalidRequest)),
        ([answer(500)], True, {}, ([], ProblemError)),
        ([DOWN], True, {"attempts": 1}, ([], ServiceUnavailable)),
    ],
)
def test_what_passes_is_tried_again_until_the_attempts_or_the_deadline_end(
    outcomes: Any, repeatable: bool, policy: Any, expected: Any
):
    assert waits(outcomes, repeatable=repeatable, **policy) == expected


@pytest.mark.parametrize(("chance", "wait"), [(0.0, 0.125), (1.0, 0.25)])
def test_waits_are_random(chance: float, wait: float):
    attempts = Attempts(RetryPolicy(), repeatable=True, now=lambda: 0.0, chance=lambda: chance)
    attempts.timeout()
    assert attempts.after_response(DOWN) == wait


def test_a_request_takes_at_most_what_is_left_of_the_deadline():
    now = [0.0]
    attempts = Attempts(RetryPolicy(deadline_s=12.0, timeout_s=10.0), repeatable=True, now=lambda: now[0])
    assert attempts.timeout() == 10.0
    now[0] = 5.0
    assert attempts.timeout() == 7.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("12", 12.0),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("9999999", 9999999.0),
        ("²", None),
    ],
)
def test_retry_after_is_read_in_seconds(text: str, seconds: float | None):
    assert retry_after(httpx.Headers({"Retry-After": text.encode()})) == seconds
    assert retry_after(httpx.Headers()) is None


@pytest.mark.parametrize(
    ("text", "date", "seconds"),
    [
        ("Thu, 01 Jan 1970 00:02:00 GMT", "Thu, 01 Jan 1970 00:01:00 GMT", 60.0),
        ("Thu, 01 Jan 1970 00:02:00 GMT", "", 20.0),
        ("Thu, 01 Jan 1970 00:02:00 -0000", "yesterday", 20.0),
        ("Thu, 01 Jan 1970 00:00:30 GMT", "", 0.0),
        ("Thu, 01 Jan 99999 00:00:30 GMT", "", None),
    ],
)
def test_retry_after_is_read_as_a_date_by_the_clock_of_the_response(text: str, date: str, seconds: float | None):
    headers = httpx.Headers({"Retry-After": text} | ({"Date": date} if date else {}))
    assert retry_after(headers, now=lambda: 100.0) == seconds


@pytest.mark.parametrize(
    "values",
    [{"attempts": 0}, {"deadline_s": 0.0}, {"first_wait_s": -1.0}, {"longest_wait_s": 0.0}, {"timeout_s": 0.0}],
)
def test_a_policy_that_cannot_be_followed_is_refused(values: Any):
    with pytest.raises(ValueError, match=next(iter(values))):
        RetryPolicy(**values)


def test_an_error_has_what_the_problem_says():
    document = {
        "type": "/docs/problems#invalid",
        "title": "Invalid request",
        "detail": "1 field is invalid",
        "errors": [{"field": "claim_amount", "message": "is required"}],
    }
    error = problem_of(httpx.Response(422, json=document, headers={"X-Request-Id": "req_1"}))
    assert isinstance(error, InvalidRequest)
    assert (error.status, error.kind, error.request_id) == (422, "invalid", "req_1")
    assert error.errors == (FieldProblem("claim_amount", "is required"),)
    assert str(error) == "422 invalid: 1 field is invalid; claim_amount is required"


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"null", b'{"errors": 1}', b'{"errors": [1, {}]}', b'{"type": 5}', b"\xff"]
)
def test_an_answer_of_something_else_is_an_error_as_well(body: bytes):
    error = problem_of(httpx.Response(502, content=body))
    assert (type(error), error.status) == (ProblemError, 502)
    assert json.dumps(str(error))


def test_one_key_is_made_for_each_call_that_takes_one():
    call = Call("POST", "/v1/claims", json={}, takes_key=True)
    first, second = headers_of(call), headers_of(call)
    assert first[KEY] != second[KEY]
    given = Call("POST", "/v1/claims", json={}, headers={KEY: "k1"}, takes_key=True)
    assert headers_of(given)[KEY] == "k1"
    assert KEY not in headers_of(Call("POST", "/v1/claims:score-batch", json={}, headers={KEY: None}))


@pytest.mark.parametrize(
    ("call", "repeated"),
    [
        (Call("GET", "/"), True),
        (Call("PUT", "/"), True),
        (Call("DELETE", "/"), True),
        (Call("DELETE", "/", headers={"If-Match": None}), True),
        (Call("DELETE", "/", headers={"If-Match": '"x"'}), False),
        (Call("POST", "/", headers={"If-Match": '"x"'}, takes_key=True), True),
        (Call("PATCH", "/"), False),
        (Call("POST", "/"), False),
        (Call("POST", "/", takes_key=True), True),
        (Call("POST", "/", repeatable=True), True),
    ],
)
def test_a_call_is_repeated_where_it_has_one_effect(call: Call, repeated: bool):
    attempts = Attempts(RetryPolicy(), repeatable=is_repeatable(call, headers_of(call)))
    attempts.timeout()
    if repeated:
        assert attempts.after_failure(LOST) > 0
    else:
        with pytest.raises(ConnectionFailed, match="ReadError reset"):
            attempts.after_failure(LOST)


def test_a_call_becomes_a_request():
    call = Call("GET", "/", query={"limit": 2, "cursor": None, "all": True})
    assert query_of(call) == {"limit": "2", "all": "true"}
    assert fill("/v1/claims/{claim_id}/void", claim_id="a/b ?é") == "/v1/claims/a%2Fb%20%3F%C3%A9/void"
    assert content_of(Call("POST", "/", json={"a": 1})) == b'{"a": 1}'
    assert content_of(Call("POST", "/", content=b"x")) == b"x"
    assert headers_of(Call("POST", "/", content=b"x", content_type="text/plain"))["Content-Type"] == "text/plain"
    with pytest.raises(ValueError, match="JSON"):
        content_of(Call("POST", "/", json={"a": float("nan")}))


@pytest.mark.parametrize("key", ["", "a b", "gnj_\n", "gnj_é"])
def test_a_key_that_cannot_be_sent_is_refused(key: str):
    with pytest.raises(ValueError, match="ginja keys create"):
        default_headers(key, None)
