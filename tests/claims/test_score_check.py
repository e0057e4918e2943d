import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.score_check import SUM_TOLERANCE, InvalidScore, check_score, parse_score, parse_scores
from tests.claims.makers import encode, make_score, score_document

CONTRACT = Path(__file__).parents[1] / "contracts" / "score_response.json"
REASON = score_document()["reasons"][0]


def test_the_contract_example_is_accepted():
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
def test_a_response_outside_the_contract_is_refused(change, code):
    with pytest.raises(InvalidScore) as refused:
        parse_score(encode(score_document() | change), "clm_1")
    assert refused.value.code == code


@pytest.mark.parametrize("field", sorted(score_document()))
def test_a_response_without_a_field_of_the_contract_is_refused(field):
    document = score_document()
    del document[field]
    with pytest.raises(InvalidScore) as refused:
        parse_score(encode(document), "clm_1")
    assert refused.value.code == "malformed"


@given(st.binary(max_size=200))
def test_random_bytes_are_refused(body):
    with pytest.raises(InvalidScore):
        parse_score(body, "clm_1")


@given(st.integers(0, 2**31), st.integers(0, 255))
def test_a_response_with_a_changed_byte_is_refused_or_within_the_contract(at, byte):
    body = bytearray(encode(score_document()))
    body[at % len(body)] = byte
    try:
        score = parse_score(bytes(body), "clm_1")
    except InvalidScore:
        return
    assert 0 <= score.probability <= 1
    assert score.flagged == (score.probability >= score.threshold)


def test_the_error_of_a_malformed_response_repeats_none_of_its_values():
    with pytest.raises(InvalidScore) as refused:
        parse_score(encode(score_document() | {"probability": "Jane Roe"}), "clm_1")
    assert "Jane" not in str(refused.value)


OUTSIDE = {"feature": "amount", "meaning": "The amount claimed.", "value": 5.0, "low": 1.0, "high": 2.0}
SHADOW = {"model_version": "v2", "margin": 0.5, "probability": 0.5, "flagged": False}
COUNTERFACTUAL = {"amount_cents": 5, "probability": 0.25, "text": "x"}
FULL = score_document() | {"out_of_range": [OUTSIDE], "shadow": SHADOW, "counterfactual": COUNTERFACTUAL}


def refused(body, claim_id="clm_1"):
    with pytest.raises(InvalidScore) as raised:
        parse_score(body, claim_id)
    return raised.value.code, str(raised.value)


def paths(value, path=()):
    """Every place of a number in a document."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from paths(inner, (*path, name))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from paths(inner, (*path, at))
    elif isinstance(value, float):
        yield path


def changed(document, path, value):
    copy = json.loads(json.dumps(document))
    inner = copy
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return copy


@pytest.mark.parametrize("path", list(paths(FULL)), ids=lambda path: ".".join(map(str, path)))
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_no_number_of_an_answer_may_be_nan_or_infinite(path, value):
    code, text = refused(encode(changed(FULL, path, value)))
    assert code in ("malformed", "not_finite")
    assert code == "malformed" or text == "the answer contains NaN or infinity"


def test_a_response_with_every_field_is_valid():
    score = parse_score(encode(FULL), "clm_1")
    assert (len(score.out_of_range), score.shadow is None, score.counterfactual is None) == (1, False, False)


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        ({"claim_id": "clm_2"}, "other_claim", "the score belongs to another claim"),
        ({"base_margin": -2.001}, "sum", "the contributions do not sum to the margin"),
        ({"base_margin": -1.999}, "sum", "the contributions do not sum to the margin"),
        ({"typical_margin": -2.251}, "sum", "the group pushes do not sum to the margin"),
        ({"typical_margin": -2.249}, "sum", "the group pushes do not sum to the margin"),
        (
            {"contributions": {"member_claims_30d": -0.5, "amount": 1.5}},
            "schema",
            "contributions and vector name different features",
        ),
        ({"schema_hash": "0" * 64}, "schema", "schema_hash does not match the feature names"),
        ({"flagged": True}, "flag", "flagged contradicts probability and threshold"),
        ({"flagged": False, "probability": 0.5}, "flag", "flagged contradicts probability and threshold"),
        ({"margin": None}, "malformed", "not a score of contract 1: margin: float_type"),
        (
            {"groups": [{"code": "claim_size", "push": "x", "features": {}}]},
            "malformed",
            "not a score of contract 1: groups.0.push: float_parsing",
        ),
    ],
)
def test_an_invalid_answer_is_refused_with_a_code_and_its_reason(change, code, text):
    assert refused(encode(score_document() | change)) == (code, text)


def test_a_response_that_is_not_json_or_contains_nul_is_malformed():
    assert refused(b"{") == ("malformed", "not a score of contract 1: body: json_invalid")
    text = encode(score_document()).replace(b'"text": "x"', b'"text": "x\\u0000"')
    assert refused(text) == ("malformed", "the answer contains a NUL character")


@pytest.mark.parametrize("off", [0.9, -0.9])
def test_sums_may_differ_by_the_rounding_of_float32_and_no_more(off):
    check_score(make_score(base_margin=-2.0 + off * SUM_TOLERANCE, typical_margin=-2.25 - off * SUM_TOLERANCE), "clm_1")
    for name, value in (("base_margin", -2.0), ("typical_margin", -2.25)):
        with pytest.raises(InvalidScore):
            check_score(make_score(**{name: value + 2 * off * SUM_TOLERANCE}), "clm_1")


@pytest.mark.parametrize(("probability", "flagged"), [(0.5, True), (0.499, False), (1.0, True), (0.0, False)])
def test_a_score_at_its_threshold_is_flagged(probability, flagged):
    assert make_score(probability).flagged is flagged
    check_score(make_score(probability), "clm_1")


def batch(*claim_ids):
    return encode({"scores": [score_document(claim_id=claim_id) for claim_id in claim_ids]})


def test_a_batch_is_returned_in_the_order_of_the_claims():
    assert [score.claim_id for score in parse_scores(batch("a", "b"), ["a", "b"])] == ["a", "b"]
    assert parse_scores(batch(), []) == []


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        (b"[]", "malformed", "not a batch of scores of contract 1"),
        (encode({"scores": [{}]}), "malformed", "not a batch of scores of contract 1"),
        (batch("a"), "malformed", "1 scores for 2 claims"),
        (batch("a", "b", "c"), "malformed", "3 scores for 2 claims"),
        (batch("b", "a"), "other_claim", "the score belongs to another claim"),
        (batch("a", "a"), "other_claim", "the score belongs to another claim"),
        (batch("a", "b").replace(b'"x"', b'"x\\u0000"'), "malformed", "the answer contains a NUL character"),
    ],
)
def test_a_batch_with_one_invalid_score_is_refused(body, code, text):
    with pytest.raises(InvalidScore) as raised:
        parse_scores(body, ["a", "b"])
    assert (raised.value.code, str(raised.value)) == (code, text)


def test_no_string_of_an_answer_is_kept_after_it():
    one, other = (parse_score(encode(score_document()), "clm_1") for _ in range(2))
    assert one.claim_id == other.claim_id
    assert one.claim_id is not other.claim_id  # an equal string of a cache would be the same object
    of_batch, of_next = (parse_scores(batch("clm_1"), ["clm_1"])[0] for _ in range(2))
    assert of_batch.claim_id is not of_next.claim_id
