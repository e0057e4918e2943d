"""Older versions are served by declared changes: what is sent and received in the form of each version."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import JsonValue

from api import version_middleware
from api.versions import CURRENT, HEADER, ApiVersion, Steps, VersionChange, VersionHistory
from tests.api.makers import MINIMAL, Api, running_api

NEWEST, MIDDLE = "2028-02-01", "2027-06-01"


def amount_to_claim_amount(document: JsonValue) -> JsonValue:
    if not isinstance(document, dict) or "amount" not in document:
        return document
    return {"claim_amount" if name == "amount" else name: value for name, value in document.items()}


def claim_amount_to_amount(document: JsonValue) -> JsonValue:
    if not isinstance(document, dict):
        return document
    return {"amount" if name == "claim_amount" else name: value for name, value in document.items()}


def listed(document: JsonValue) -> JsonValue:
    assert isinstance(document, dict)
    claims = document["claims"]
    assert isinstance(claims, list)
    return document | {"claims": [claim_amount_to_amount(one) for one in claims]}


def with_cents(document: JsonValue) -> JsonValue:
    """The version before the middle one stated the amount in cents, too; made of the middle version's `amount`."""
    assert isinstance(document, dict)
    amount = document["amount"]
    assert isinstance(amount, float)
    return document | {"cents": round(amount * 100)}


def from_cents(document: JsonValue) -> JsonValue:
    if not isinstance(document, dict) or not isinstance(document.get("cents"), int):
        return document
    rest = {name: value for name, value in document.items() if name != "cents"}
    cents = document["cents"]
    assert isinstance(cents, int)
    return rest | {"amount": cents / 100}


HISTORY = VersionHistory(
    [
        ApiVersion(
            NEWEST,
            (
                VersionChange(
                    "`amount` is called `claim_amount`.",
                    requests={"POST /v1/claims": amount_to_claim_amount},
                    responses={
                        "POST /v1/claims": claim_amount_to_amount,
                        "GET /v1/claims/{claim_id}": claim_amount_to_amount,
                        "POST /v1/claims/{claim_id}/void": claim_amount_to_amount,
                        "GET /v1/claims": listed,
                    },
                ),
            ),
        ),
        ApiVersion(
            MIDDLE,
            (
                VersionChange(
                    "`cents` is gone.",
                    requests={"POST /v1/claims": from_cents},
                    responses={"POST /v1/claims": with_cents, "GET /v1/claims/{claim_id}": with_cents},
                ),
            ),
        ),
        ApiVersion(CURRENT),
    ]
)
"""Three versions: the newest as the routes are, and two before it."""
MIDDLE_CLAIM = {name: value for name, value in MINIMAL.items() if name != "claim_amount"} | {"amount": 5000}
OLDEST_CLAIM = {name: value for name, value in MINIMAL.items() if name != "claim_amount"} | {"cents": 5000_00}


@pytest.fixture
async def versioned(seeded_url: str) -> AsyncIterator[Api]:
    async with running_api(seeded_url, versions=HISTORY) as running:
        running.client.event_hooks["response"] = []  # the description is that of the newest version
        yield running


async def read(api: Api, path: str, version: str | None = None, **headers: str) -> Any:
    named = {} if version is None else {HEADER: version}
    sent = {"Accept-Encoding": "identity", **api.as_("admin"), **named, **headers}
    return await api.client.get(path, headers=sent)


async def test_each_version_is_sent_and_answered_in_its_form(versioned: Api):
    newest = await versioned.submit(MINIMAL)
    assert (newest.status_code, newest.json()["claim_amount"], newest.headers[HEADER]) == (201, 5000.0, NEWEST)
    middle = await versioned.submit(MIDDLE_CLAIM, **{HEADER: MIDDLE})
    assert (middle.status_code, middle.json()["amount"], middle.headers[HEADER]) == (201, 5000.0, MIDDLE)
    assert not {"claim_amount", "cents"} & set(middle.json())
    oldest = await versioned.submit(OLDEST_CLAIM, **{HEADER: CURRENT})
    assert (oldest.status_code, oldest.json()["cents"], oldest.json()["amount"]) == (201, 5000_00, 5000.0)
    assert int(oldest.headers["content-length"]) == len(oldest.content)
    refused = await versioned.submit(MIDDLE_CLAIM)
    assert refused.status_code == 422, "the newest version does not know the old name"


async def test_a_list_and_a_single_claim_are_written_for_the_version(versioned: Api):
    claim_id = (await versioned.submit()).json()["claim_id"]
    for path in (f"/v1/claims/{claim_id}", "/v1/claims"):
        old, new = [(await read(versioned, path, version)).json() for version in (MIDDLE, NEWEST)]
        old, new = (one.get("claims", [one])[0] for one in (old, new))
        assert {**new, "amount": new["claim_amount"]} == {**old, "claim_amount": old["amount"]}
    explanation = await read(versioned, f"/v1/claims/{claim_id}/explanation", CURRENT)
    assert "claim_amount" in explanation.json()["claim"], "an operation without a declared change is the same"


async def test_the_deprecated_path_has_the_versions_of_its_successor(versioned: Api):
    response = await versioned.post("/claims", MIDDLE_CLAIM, **{HEADER: MIDDLE})
    assert (response.status_code, response.json()["amount"]) == (201, 5000.0)
    assert "sunset" in response.headers


async def test_a_repeated_request_gets_its_reply_in_the_form_of_the_version_that_asks(versioned: Api):
    key = {"Idempotency-Key": "k1"}
    first = await versioned.submit(MIDDLE_CLAIM, **{HEADER: MIDDLE}, **key)
    again = await versioned.submit(MIDDLE_CLAIM, **{HEADER: MIDDLE}, **key)
    assert (again.content, again.headers["idempotency-replayed"]) == (first.content, "true")
    other = await versioned.submit(MIDDLE_CLAIM | {"amount": 5001}, **{HEADER: MIDDLE}, **key)
    assert other.status_code == 422


async def test_each_form_has_its_own_tag_for_reads_and_changes(versioned: Api):
    claim_id = (await versioned.submit()).json()["claim_id"]
    path = f"/v1/claims/{claim_id}"
    tags = {version: (await read(versioned, path, version)).headers["etag"] for version in HISTORY.supported}
    assert len(set(tags.values())) == 3
    for version, tag in tags.items():
        for other in HISTORY.supported:
            status = (await read(versioned, path, other, **{"If-None-Match": f'"x", {tag}'})).status_code
            assert status == (304 if other == version else 200)
        coded = f'{tag[:-1]}-gzip"'
        assert (await read(versioned, path, version, **{"If-None-Match": coded})).status_code == 304
    void = f"{path}/void"
    wrong = await versioned.post(void, {}, **{HEADER: MIDDLE, "If-Match": tags[NEWEST]})
    assert wrong.status_code == 412
    done = await versioned.post(void, {}, **{HEADER: MIDDLE, "If-Match": tags[MIDDLE]})
    assert (done.status_code, "amount" in done.json()) == (200, True)


async def test_fields_are_chosen_of_the_response_of_the_version(versioned: Api):
    claim_id = (await versioned.submit()).json()["claim_id"]
    path = f"/v1/claims/{claim_id}"
    whole = (await read(versioned, path, CURRENT)).json()
    assert whole["reasons"]
    codes = [{"code": one["code"]} for one in whole["reasons"]]
    for fields, chosen in {
        "amount": {"amount": whole["amount"]},
        "cents,claim_id": {"claim_id": claim_id, "cents": whole["cents"]},
        "reasons.code,decision": {"reasons": codes, "decision": whole["decision"]},
        "reasons,reasons.code": {"reasons": whole["reasons"]},
        "claim_amount": {},
    }.items():
        assert (await read(versioned, f"{path}?fields={fields}", CURRENT)).json() == chosen
    page = (await read(versioned, "/v1/claims?fields=amount", MIDDLE)).json()
    assert page == {"claims": [{"amount": whole["amount"]}], "next_cursor": None}
    assert (await read(versioned, f"{path}?fields=amount", NEWEST)).status_code == 422
    for nothing in ("", "amount,", "reasons..code"):
        assert (await read(versioned, f"{path}?fields={nothing}", CURRENT)).status_code == 422


async def test_each_choice_of_fields_of_a_version_has_its_own_tag(versioned: Api):
    path = f"/v1/claims/{(await versioned.submit()).json()['claim_id']}"
    urls = [path, f"{path}?fields=amount", f"{path}?fields=claim_id"]
    tags = {url: (await read(versioned, url, MIDDLE)).headers["etag"] for url in urls}
    assert len(set(tags.values())) == 3
    for url, tag in tags.items():
        for other in urls:
            status = (await read(versioned, other, MIDDLE, **{"If-None-Match": tag})).status_code
            assert status == (304 if other == url else 200)
    part = await versioned.post(f"{path}/void", {}, **{HEADER: MIDDLE, "If-Match": tags[urls[1]]})
    assert part.status_code == 412


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"", 400), (b"[1]", 422), (b'{"amount": 1, "amount": 2}', 422), (b'{"amount": 1e999}', 422)],
)
async def test_a_body_that_cannot_be_read_is_refused_as_in_the_newest_version(versioned: Api, body: bytes, status: int):
    answers = [await versioned.submit(body, **{HEADER: version}) for version in HISTORY.supported]
    assert {one.status_code for one in answers} == {status}, [one.text for one in answers]


async def test_a_body_too_large_to_be_transformed_is_refused(versioned: Api, monkeypatch: pytest.MonkeyPatch):
    exact = json.dumps(MIDDLE_CLAIM).encode()
    monkeypatch.setattr(version_middleware, "MAX_TRANSFORMED", len(exact))
    assert (await versioned.submit(exact, **{HEADER: MIDDLE})).status_code == 201
    assert (await versioned.submit(exact + b" ", **{HEADER: MIDDLE})).status_code == 422, "it arrives as it was sent"
    whole = await versioned.submit(b'{"x": "' + b"a" * 5_000_000 + b'"}', **{HEADER: MIDDLE})
    assert whole.status_code == 413


def test_the_steps_of_a_version_go_through_the_versions_between():
    steps = HISTORY.steps(CURRENT, "POST", "/v1/claims")
    assert steps == Steps((from_cents, amount_to_claim_amount), (claim_amount_to_amount, with_cents))
    assert HISTORY.steps(NEWEST, "POST", "/v1/claims") == Steps()
    assert HISTORY.steps(MIDDLE, "GET", "/v1/claims/clm_1") == Steps((), (claim_amount_to_amount,))
    assert HISTORY.steps(MIDDLE, "GET", "/v1/members") == Steps()


@pytest.mark.parametrize(
    ("pinned", "served"),
    [
        (None, NEWEST),
        (NEWEST, NEWEST),
        (MIDDLE, MIDDLE),
        (CURRENT, CURRENT),
        ("2020-01-01", CURRENT),
        ("2029-01-01", NEWEST),
        ("2027-12-31", MIDDLE),
    ],
)
def test_a_client_gets_its_version_or_the_nearest_one(pinned: str | None, served: str):
    assert HISTORY.served(pinned) == served


@pytest.mark.parametrize(
    "versions",
    [
        [],
        [ApiVersion("2026-01-01"), ApiVersion("2027-01-01")],
        [ApiVersion("2026-01-01"), ApiVersion("2026-01-01")],
        [ApiVersion("2026-01-01", (VersionChange("x"),))],
    ],
)
def test_a_history_that_is_not_in_order_is_refused(versions: list[ApiVersion]):
    with pytest.raises(ValueError, match=r"version"):
        VersionHistory(versions)


@pytest.mark.parametrize("operation", ["/v1/claims", "GET /claims", "READ /v1/claims", ""])
def test_a_change_names_operations_of_the_api(operation: str):
    with pytest.raises(ValueError, match="must be a method and a path"):
        VersionChange("x", responses={operation: listed})
    with pytest.raises(ValueError, match="isoformat"):
        ApiVersion("first")
