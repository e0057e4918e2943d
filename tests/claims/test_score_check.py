import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.score_check import InvalidScore, parse_score
from tests.claims.makers import encode, score_document

CONTRACT = Path(__file__).parents[1] / "contracts" / "score_response.json"
REASON = score_document()["reasons"][0]


def test_the_contracts_own_answer_is_believed():
    body = CONTRACT.read_bytes()
    assert parse_score(body, json.loads(body)["claim_id"]).probability == json.loads(body)["probability"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"claim_id": "clm_2"}, "other_claim"),
        ({"contract": "2"}, "malformed"),
        ({"probability": 1.01}, "malformed"),
        ({"probability": -0.01}, "malformed"),
        ({"probability": float("nan")}, "malformed"),
        ({"margin": float("inf")}, "malformed"),
        ({"margin": -1.001}, "sum"),
        ({"base_margin": -2.001}, "sum"),
        ({"contributions": {"amount": 1.5}, "base_margin": -2.5}, "schema"),
        ({"contributions": {"member_claims_30d": -0.5, "amount": 1.5}}, "schema"),
        ({"contributions": {"amount": float("nan"), "member_claims_30d": -0.5}}, "not_finite"),
        ({"vector": {"amount": float("inf"), "member_claims_30d": None}}, "not_finite"),
        ({"schema_hash": "0" * 64}, "schema"),
        ({"flagged": True}, "flag"),
        ({"reasons": [REASON | {"text": "a\0b"}]}, "malformed"),
        ({"reasons": [REASON | {"kind": "rumour"}]}, "malformed"),
        ({"reasons": [REASON | {"odds": 1e999}]}, "not_finite"),
        ({"groups": [{"code": "claim_size", "push": 1e999, "features": {}}]}, "not_finite"),
        ({"groups": []}, "sum"),
        ({"typical_margin": -2.251}, "sum"),
        ({"shadow": {"model_version": "v", "margin": float("nan"), "probability": 0, "flagged": False}}, "not_finite"),
    ],
)
def test_an_answer_outside_the_contract_is_not_believed(change, code):
    with pytest.raises(InvalidScore) as refused:
        parse_score(encode(score_document() | change), "clm_1")
    assert refused.value.code == code


@given(st.binary(max_size=200))
def test_noise_is_not_believed(body):
    with pytest.raises(InvalidScore):
        parse_score(body, "clm_1")


@given(st.integers(0, 2**31), st.integers(0, 255))
def test_an_answer_with_a_changed_byte_is_refused_or_still_within_the_contract(at, byte):
    body = bytearray(encode(score_document()))
    body[at % len(body)] = byte
    try:
        score = parse_score(bytes(body), "clm_1")
    except InvalidScore:
        return
    assert 0 <= score.probability <= 1
    assert score.flagged == (score.probability >= score.threshold)


def test_what_is_said_of_a_malformed_answer_repeats_none_of_its_values():
    with pytest.raises(InvalidScore) as refused:
        parse_score(encode(score_document() | {"probability": "Jane Roe"}), "clm_1")
    assert "Jane" not in str(refused.value)
