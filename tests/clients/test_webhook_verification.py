"""A webhook is an event only with a signature of its secret that is not old."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook

from ginja_client import InvalidWebhook, verify_webhook

SECRET, OTHER = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2VjcmV0IHNlY3JldCBzZWNyZXQ="
BODY = json.dumps({"type": "claim.decided", "timestamp": "t", "api_version": "v", "data": {"claim_id": "clm_1"}})


def signed(body: str = BODY, *, ago: timedelta = timedelta(0), secret: str = SECRET) -> dict[str, str]:
    at = datetime.now(UTC) - ago
    signature = Webhook(secret).sign("evt_1", at, body)
    return {"Webhook-Id": "evt_1", "Webhook-Timestamp": str(int(at.timestamp())), "Webhook-Signature": signature}


def test_an_event_is_read_from_a_signed_body():
    event = verify_webhook(BODY.encode(), signed(), SECRET)
    assert (event["type"], event["data"]) == ("claim.decided", {"claim_id": "clm_1"})


def test_one_of_two_secrets_in_rotation_is_enough():
    both = signed()
    both["Webhook-Signature"] = f"{signed(secret=OTHER)['Webhook-Signature']} {both['Webhook-Signature']}"
    assert verify_webhook(BODY.encode(), both, SECRET)["type"] == "claim.decided"


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (BODY.replace("clm_1", "clm_2").encode(), signed()),
        (BODY.encode(), signed(secret=OTHER)),
        (BODY.encode(), signed(ago=timedelta(hours=1))),
        (BODY.encode(), signed(ago=-timedelta(hours=1))),
        (BODY.encode(), {}),
        (BODY.encode(), signed() | {"Webhook-Signature": "v1"}),
        (BODY.encode(), signed() | {"Webhook-Signature": "v1,%%%"}),
        (BODY.encode(), signed() | {"Webhook-Timestamp": "now"}),
        (b"\xff", signed()),
        (b"[]", signed("[]")),
        (b"{}", signed("{}")),
        (b"{", signed("{")),
    ],
    ids=("body", "secret", "old", "new", "none", "no signature", "no base 64", "time", "bytes", "list", "empty", "cut"),
)
def test_anything_else_is_refused(body: bytes, headers: dict[str, str]):
    with pytest.raises(InvalidWebhook):
        verify_webhook(body, headers, SECRET)
