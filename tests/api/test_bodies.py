import json
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api import strict_json
from api.errors import Invalid, MalformedBody
from tests.api.makers import MINIMAL, Api

pytestmark = pytest.mark.asyncio(loop_scope="module")

documents = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", max_size=4), inner, max_size=4),
    max_leaves=8,
)


def depth(value):
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


@given(documents)
async def test_plain_json_is_read_unchanged(document):
    body = json.dumps(document).encode()
    if depth(document) <= strict_json.MAX_DEPTH:
        assert strict_json.read(body) == document
    else:
        with pytest.raises(Invalid):
            strict_json.read(body)


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")))
async def test_random_bytes_are_refused_unless_the_standard_library_reads_the_same_from_them(body):
    try:
        document = strict_json.read(body)
    except (MalformedBody, Invalid):
        return
    assert document == json.loads(body, parse_float=Decimal)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"a": NaN}', "a"),
        (b'{"a": [0, -Infinity]}', "a[1]"),
        (b'{"a": 1, "a": 1}', "body"),
        (b'{"a": {"b": {"c": 1, "c": 2}}}', "a.b"),
        (b'{"a": "x\\u0000"}', "a"),
        (b'{"a": "\\ud800"}', "a"),
        (b'{"a\\u0000": 1}', "body"),
        (b'{"a": ' + b"1" * 5_000 + b"}", "a"),
        (b'{"a": 0.' + b"1" * 5_000 + b"}", "a"),
        (b'{"a": ' + b"[" * 20 + b"]" * 20 + b"}", "a[0][0][0][0][0][0][0]"),
    ],
)
async def test_ambiguous_json_is_refused_with_its_location(body, field):
    with pytest.raises(Invalid) as refused:
        strict_json.read(body)
    assert refused.value.errors[0].field == field


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"a": 1,}', b"\xff\xfe", b"\xef\xbb\xbf{}", b"[" * 100_000, b'{"a":' * 100_000, b"{} {}"]
)
async def test_text_that_is_not_json_is_refused(body):
    with pytest.raises(MalformedBody):
        strict_json.read(body)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[]", 422),
        (b"null", 422),
        (b'"x"', 422),
        (b"", 400),
        (b"\xff", 400),
        (b"[" * 100_000, 400),
        (b'{"member_id": "M123", "member_id": "M124"}', 422),
        (b" " * 262_144 + b"{}", 413),
        (json.dumps(MINIMAL | {"member_id": "x" * 300_000}).encode(), 413),
        (json.dumps(MINIMAL).encode() + b" " * 200_000, 201),
    ],
)
async def test_each_invalid_body_has_its_status(shared_api: Api, body, status):
    response = await shared_api.submit(body)
    assert response.status_code == status
    if status != 201:
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["status"] == status


async def test_a_body_without_content_length_is_cut_off_at_the_limit(shared_api: Api):
    sent = 0

    async def parts():
        nonlocal sent
        for _ in range(100):
            sent += 1
            yield b" " * 65_536

    headers = {"Content-Type": "application/json", **shared_api.as_("admin")}
    response = await shared_api.client.post("/v1/claims", content=parts(), headers=headers)
    assert response.status_code == 413


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "x"])
async def test_a_body_that_is_not_declared_as_json_is_refused(shared_api: Api, kind):
    response = await shared_api.submit(**{"Content-Type": kind})
    assert response.status_code == 415


junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["M123", "H456", "D001", "P001", "2026-03-01", "5000.00", "clm_1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*MINIMAL, "lines", "amount"]), inner),
    max_leaves=6,
)
names = st.sampled_from(
    [*MINIMAL, "lines", "diagnosis_codes", "service_from", "service_to", "units", "place_of_service", "replaces"]
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.dictionaries(names, junk, max_size=4), dropped=st.sets(names, max_size=2))
async def test_no_claim_makes_the_api_fail(shared_api: Api, changes, dropped):
    document = {name: value for name, value in (MINIMAL | changes).items() if name not in dropped}
    response = await shared_api.submit(json.dumps(document).encode("utf-8", "surrogatepass"))
    assert response.status_code in (201, 409, 422)
    assert response.status_code == 201 or response.json()["errors"]
