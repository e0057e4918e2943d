"""Encoders of attributes: fitted on training claims alone, equal bits for one claim and for many."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from claims.attributes import Attribute, AttributeType
from claims.scoring import CLAIM_COLUMNS, ClaimFacts
from features.declare import CLAIMS
from features.errors import AttributeTypeError, UnknownFeatureError
from features.vector import (
    ARROW_TYPES,
    AttributeEncoder,
    ClaimVectors,
    DeclaredAttributes,
    ModelSchema,
    feature_of,
    fit_encoder,
    wire_values,
)
from features.vector.attributes import LEAST_CLAIMS, MAX_LEVELS, SMOOTHING
from tests.models.claims import facts

CATEGORY = Attribute(type=AttributeType.CATEGORY, meaning="Make")


def declared(kind: str, **more: Any) -> Attribute:
    return Attribute.model_validate({"type": kind, "meaning": "Policy start"} | more)


def fitted(values: list[str | None], fraud: list[bool]) -> AttributeEncoder:
    return fit_encoder("make", CATEGORY, pa.chunked_array([pa.array(values, pa.string())]), np.array(fraud))


def frame(count: int) -> pa.Table:
    rows = [facts(number).model_dump() for number in range(count)]
    return pa.table({name: [row[name] for row in rows] for name in CLAIM_COLUMNS}, schema=pa.schema(list(CLAIMS)[:18]))


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(st.sampled_from(["A", "B", "C", "D", "E", None]), st.booleans()), max_size=25),
    repeat=st.integers(1, 9),
)
def test_levels_are_the_frequent_texts_in_the_order_of_their_smoothed_rates(rows, repeat):
    values, fraud = [value for value, _ in rows] * repeat, [label for _, label in rows] * repeat
    encoder = fitted(values, fraud)
    base = sum(fraud) / len(fraud) if fraud else 0.0

    def rate(texts: set[str]) -> float:
        of = [label for value, label in zip(values, fraud, strict=True) if value in texts]
        return (sum(of) + SMOOTHING * base) / (len(of) + SMOOTHING)

    present = {value for value in values if value is not None}
    frequent = {text for text in present if values.count(text) >= LEAST_CLAIMS}
    assert set(encoder.levels) == frequent
    assert list(encoder.levels) == sorted(frequent, key=lambda text: (rate({text}), text))
    rest = rate(present - frequent)
    for text, code in encoder.codes().items():
        assert (code > encoder.other) == (rate({text}) > rest)
        assert encoder.level(code) == text
    assert encoder.level(encoder.other) is None
    assert sorted([*encoder.codes().values(), encoder.other]) == list(range(len(frequent) + 1))


@settings(max_examples=30, deadline=None)
@given(
    texts=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n"), min_size=1, max_size=64), max_size=4)
)
def test_an_encoder_is_the_same_after_a_round_trip_through_the_document(texts):
    encoder = fitted(
        [text for text in texts for _ in range(LEAST_CLAIMS)], [n % 3 == 0 for n in range(len(texts) * 20)]
    )
    again = AttributeEncoder.model_validate_json(encoder.model_dump_json())
    assert again == encoder
    assert again.codes() == encoder.codes()


def test_rare_and_unseen_texts_share_a_code_and_a_missing_one_has_none():
    encoder = fitted(["A"] * 20 + ["B"] * 40 + ["C"] * 19 + [None], [True] * 20 + [False] * 60)
    assert encoder.levels == ("B", "A")
    values = pa.table({"make": pa.array(["A", "B", "C", "never seen", None])})
    coded = encoder.encode_many(frame(5), values)
    assert coded[:4].tolist() == [2.0, 0.0, 1.0, 1.0]
    assert np.isnan(coded[4])
    assert coded.dtype == np.float32


def test_of_many_levels_the_most_frequent_are_kept():
    names = [f"T{number:03}" for number in range(MAX_LEVELS + 5)]
    values = [name for place, name in enumerate(names) for _ in range(LEAST_CLAIMS + (place >= 5))]
    encoder = fitted(values, [n % 2 == 0 for n in range(len(values))])
    assert sorted(encoder.levels) == names[5:]


def test_no_label_but_those_it_is_given_enters_the_encoder():
    values = ["A"] * 30 + ["B"] * 30
    first, second = fitted(values, [n < 20 for n in range(60)]), fitted(values, [n >= 40 for n in range(60)])
    assert (first.levels, second.levels) == (("B", "A"), ("A", "B"))


def encoders() -> list[AttributeEncoder]:
    specialty = declared("category", field="specialty", of="provider", meaning="Specialty of the provider")
    of_facts = pa.chunked_array([pa.array([facts(number).specialty for number in range(400)], pa.string())])
    return [
        AttributeEncoder(name="age", attribute=declared("number")),
        AttributeEncoder(name="report", attribute=declared("boolean")),
        AttributeEncoder(name="start", attribute=declared("date")),
        fitted(["A"] * 20 + ["B"] * 40, [True] * 20 + [False] * 40),
        fit_encoder("specialty", specialty, of_facts, np.arange(400) % 7 == 0),
    ]


def schema() -> ModelSchema:
    fit = encoders()
    return ModelSchema.of(("amount", *(encoder.feature for encoder in fit)), fit)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.none() | st.floats(-1e15, 1e15),
            st.none() | st.booleans(),
            st.none() | st.dates(date(1900, 1, 1), date(2199, 12, 31)),
            st.none() | st.sampled_from(["A", "B", "a", "other"]),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_one_claim_and_many_have_the_same_bits(rows):
    types = dict(zip(("age", "report", "start", "make"), ("number", "boolean", "date", "category"), strict=True))
    columns = zip(types, types.values(), zip(*rows, strict=True), strict=True)
    values = pa.table({name: pa.array(column, ARROW_TYPES[kind]) for name, kind, column in columns})
    full = np.random.default_rng(1).normal(size=(len(rows), 103)).astype(np.float32)
    many = schema().rows(full, frame(len(rows)), values)
    single = ClaimVectors(schema())
    for number, own in enumerate(wire_values(values)):
        sent = facts(number).model_copy(update={"attributes": own})
        claim = ClaimFacts.model_validate_json(sent.model_dump_json())
        one, unknown = single.of(full[number], claim)
        assert one.tobytes() == many[number].tobytes()
        assert unknown == schema().unknown_of(frame(len(rows)), values)[number]


def test_a_date_is_the_days_from_it_to_the_day_of_receipt():
    encoder = AttributeEncoder(name="start", attribute=declared("date"))
    received = datetime(2024, 5, 31, 23, 59, tzinfo=UTC)
    claim = facts(1, received_at=received)
    for days in (12, 0, -3):
        start = (received.date() - timedelta(days=days)).isoformat()
        row, _ = ClaimVectors(ModelSchema.of(("own_start",), [encoder])).of(
            np.zeros(103, np.float32), claim.model_copy(update={"attributes": {"start": start}})
        )
        assert row.tolist() == [days]


def test_what_a_claim_does_not_state_is_unknown_and_null_is_not():
    single = ClaimVectors(schema())
    _, unknown = single.of(np.zeros(103, np.float32), facts(1, specialty=None))
    assert unknown == ["own_age", "own_report", "own_start", "own_make", "own_specialty"]
    stated = {"age": None, "report": None, "start": None, "make": None, "ignored": 3.0}
    row, unknown = single.of(np.zeros(103, np.float32), facts(1, specialty="Cardiology", attributes=stated))
    assert unknown == []
    assert np.isnan(row[1:5]).all()


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("age", "3", "a number"),
        ("age", True, "a number"),
        ("report", 1.0, "true or false"),
        ("report", "yes", "true or false"),
        ("make", 3.0, "a text"),
        ("start", 3.0, "a date such as 2024-05-31"),
        ("start", "2024-02-30", "a date such as 2024-05-31"),
        ("start", "20240531", "a date such as 2024-05-31"),
    ],
)
def test_a_value_of_another_type_is_refused_without_being_repeated(name, value, allowed):
    with pytest.raises(AttributeTypeError, match=rf"^attributes\.{name} must be {allowed} or null$"):
        ClaimVectors(schema()).of(np.zeros(103, np.float32), facts(1, attributes={name: value}))


def test_a_column_of_another_type_is_refused():
    values = pa.table({"age": pa.array(["3"])})
    with pytest.raises(AttributeTypeError, match=r"age is string, but the model was trained with a number"):
        schema().rows(np.zeros((1, 103), np.float32), frame(1), values)


@pytest.mark.parametrize(
    "attributes",
    [
        {"Age": 1.0},
        {"x" * 41: 1.0},
        {"age": float("nan")},
        {"age": float("inf")},
        {"age": 1e16},
        {"make": "x" * 65},
        {"make": ""},
        {"make": "a\x00"},
        {"make": ["A"]},
        {"terminal.": 1.0},
        {"terminal.x.y": 1.0},
        {f"a{number}": 1.0 for number in range(1_101)},
    ],
)
def test_attributes_of_a_request_are_bounded(attributes):
    with pytest.raises(ValidationError):
        facts(1, attributes=attributes)


def test_a_claim_without_attributes_is_sent_as_before():
    assert "attributes" not in facts(1).model_dump_json()
    assert '"attributes":{"age":3.0}' in facts(1, attributes={"age": 3}).model_dump_json()


def test_the_features_of_attributes_come_last_and_have_encoders():
    fit = encoders()[:1]
    for names, given_encoders in ((("own_age", "amount"), fit), (("amount", "own_age"), []), (("amount", "nope"), [])):
        with pytest.raises(UnknownFeatureError):
            ModelSchema.of(names, given_encoders)


def test_values_of_claims_are_found_by_their_ids():
    stored = pa.table({"claim_id": ["C1", "C2"], "age": [1.0, 2.0]})
    found = DeclaredAttributes({"age": declared("number")}, stored).of(pa.chunked_array([["C2", "C9", "C1"]]))
    assert found.to_pylist() == [{"age": 2.0}, {"age": None}, {"age": 1.0}]


@pytest.mark.parametrize(
    ("encoder", "meaning", "value", "shown"),
    [
        (
            AttributeEncoder(name="report", attribute=declared("boolean", meaning="Police report.")),
            "Police report",
            0.0,
            "no",
        ),
        (AttributeEncoder(name="age", attribute=declared("number", unit="years")), "Policy start", 3.25, "3.25 years"),
        (AttributeEncoder(name="age", attribute=declared("number")), "Policy start", 30_000.4, "30,000"),
        (AttributeEncoder(name="start", attribute=declared("date")), "Days from policy start to receipt", 12.0, "12"),
        (encoders()[3], "Make", 2.0, "A"),
        (encoders()[3], "Make", 1.0, "a rare value"),
    ],
)
def test_a_feature_states_its_value_in_the_words_of_the_declaration(encoder, meaning, value, shown):
    feature = feature_of(encoder)
    assert (feature.meaning, feature.shown(value)) == (meaning, shown)


def test_a_feature_of_a_person_is_a_prior_and_one_of_the_claim_is_evidence():
    kinds = {of: feature_of(AttributeEncoder(name="age", attribute=declared("number", of=of))).kind for of in
             ("claim", "line", "member", "provider")}  # fmt: skip
    assert kinds == {"claim": "evidence", "line": "evidence", "member": "prior", "provider": "prior"}
