"""What is logged, and what must not be."""

import io
import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.logging import PERSONAL_FIELDS, REDACTED, configure_logging, get_logger, redact


def logged(write) -> list[dict]:
    """The log lines of `write`."""
    stream = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    configure_logging("DEBUG", stream)
    try:
        write()
    finally:
        root.handlers, root.level = handlers, level
        logging.captureWarnings(False)
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_line_with_time_level_and_logger():
    [line] = logged(lambda: get_logger("api.intake").info("claim decided", claim_id="clm_1", amount_cents=500))
    assert (line["event"], line["level"], line["logger"]) == ("claim decided", "info", "api.intake")
    assert (line["claim_id"], line["amount_cents"]) == ("clm_1", 500)
    assert line["timestamp"].endswith("Z")


@pytest.mark.parametrize("field", sorted(PERSONAL_FIELDS))
def test_a_personal_field_is_redacted_at_any_depth(field):
    [line] = logged(lambda: get_logger("api").warning("x", **{field: "Ana Sol"}, body={"claims": [{field: "Ana Sol"}]}))
    assert line[field] == REDACTED
    assert line["body"]["claims"][0][field] == REDACTED
    assert "Ana" not in json.dumps(line)


def test_the_logger_of_a_library_writes_the_same_format():
    def write():
        logging.getLogger("uvicorn.access").info('"%s %s" %d', "GET", "/v1/claims?member_id=M123&limit=5", 200)
        logging.getLogger("httpx").info("GET http://localhost/v1/members/M123/claims")

    access, client = logged(write)
    assert access["event"] == f'"GET /v1/claims?member_id={REDACTED}&limit=5" 200'
    assert client["event"] == f"GET http://localhost/v1/members/{REDACTED}/claims"


def test_a_traceback_keeps_the_location_and_drops_personal_data():
    def write():
        try:
            raise ValueError("no cover for {'member_id': 'M123', 'birth_date': '1980-02-03'}")
        except ValueError:
            get_logger("api").exception("failed")

    [line] = logged(write)
    assert "test_logging.py" in line["exception"]
    assert "M123" not in json.dumps(line)
    assert "1980" not in json.dumps(line)


@pytest.mark.parametrize(
    "text",
    [
        "1 validation error: member_id Input should be short [type=x, input_value={'m': 'M123'}, input_type=dict]",
        "(psycopg.errors.X) bad\n[SQL: INSERT INTO members VALUES (%s)]\n[parameters: ('M123', 'Ana')]\n(Background on",
        'duplicate key value violates unique constraint "members_pkey" DETAIL: Key (member_id)=(M123) already exists.',
        "DETAIL:  Failing row contains (M123, Ana, 1980-02-03).",
        'rejected {"member_id": "M123", "claim_amount": 5}',
    ],
)
def test_input_repeated_by_drivers_and_validators_is_redacted(text):
    assert "M123" not in redact(text)
    assert "Ana" not in redact(text)


@given(st.text(alphabet=st.characters(exclude_characters="\"\\'", exclude_categories=["C"]), min_size=1, max_size=20))
def test_no_quoted_member_identifier_survives_in_text(value):
    marked = f"~{value}~"
    assert marked not in redact(f'{{"member_id": "{marked}"}}')
    assert marked not in redact(f"member_id='{marked}'")


def test_a_replaced_claim_can_still_be_read():
    text = "claim clm_01 of provider H456 for P001, amount_cents=500"
    assert redact(text) == text
