"""Signs of leaks: each kind of leak is found, honest data have none, and trust needs a reason and is recorded."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from claims.attributes import Attribute, window_attributes
from claims.windows import EntityWindow
from features.vector import AttributeEncoder, DeclaredAttributes, ModelSchema
from pipelines.datasets import Examples, Slices, Source, open_file
from pipelines.ingest import known_afterwards
from pipelines.train import LeakCheck, TrainOptions, Trust, TrustError, prepare
from pipelines.train.leak_checks import (
    FIELDS,
    by_column_name,
    by_gain,
    by_labels_of_groups,
    by_near_copies,
    by_pairs,
    by_ranking_alone,
    by_score,
    by_time,
)
from pipelines.train.leakage import refuse_leakage, single_feature_auc
from tests.features.factories import labels, random_claims
from tests.pipelines.own_columns import motor_file

ROWS, TESTED = 1_500, 1_200
NUMBER = Attribute.model_validate({"type": "number", "meaning": "A number"})
KEY = Attribute.model_validate({"type": "key", "meaning": "Terminal"})
OWN = ModelSchema.of(["own_number"], [AttributeEncoder(name="number", attribute=NUMBER)])


def vectors(rows: int = 4_000):
    """Noise with one legitimate signal in `b`, and which rows are fraud."""
    rng = np.random.default_rng(0)
    fraud = rng.random(rows) < 0.06
    x = rng.normal(size=(rows, 3)).astype(np.float32)
    x[:, 1] += fraud
    return x, fraud, rng


def examples(number=None, fraud=None, **columns) -> Examples:
    """Claims in the order of receipt with one own number; `columns` replace those of the frame."""
    rng = np.random.default_rng(4)
    table = random_claims(ROWS, days=200, members=300, providers=60, procedures=20)[0]
    for name, values in columns.items():
        place = table.schema.get_field_index(name)
        table = table.set_column(place, table.schema.field(name), pa.array(values, table.schema.field(name).type))
    received = table["received_at"].cast(pa.int64()).to_numpy()
    return Examples(
        claims=table,
        full=np.zeros((ROWS, 1), dtype=np.float32),
        features=(),
        left_out={},
        fraud=rng.random(ROWS) < 0.1 if fraud is None else fraud,
        kind=np.full(ROWS, None, dtype=object),
        received_us=received,
        known_us=received,
        amounts_cents=table["amount_cents"].to_numpy(),
        providers=np.array(table["provider_id"].to_pylist(), dtype=object),
        attributes=pa.table({"number": rng.random(ROWS) if number is None else np.asarray(number, dtype=float)}),
        declared={"number": NUMBER},
    )


def slices(**changes) -> Slices:
    rows = np.arange(ROWS)
    return replace(Slices(rows[:TESTED], rows[:0], rows[:0], rows[TESTED:], "in time", 0, 0, 0), **changes)


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.03, 0.045])
def test_a_copy_of_the_label_with_noise_ranks_too_well_alone(noise):
    x, fraud, rng = vectors()
    x[:, 2] = fraud ^ (rng.random(len(fraud)) < noise)
    (warning,) = by_ranking_alone(single_feature_auc(x, fraud, ("a", "b", "c")))
    assert (warning.check, warning.subject) == (LeakCheck.RANKS_ALONE, "c")
    assert "above 0.95" in warning.evidence


def test_amounts_priced_at_four_times_the_average_are_a_sign_even_where_the_amount_itself_is_none():
    x, fraud, rng = vectors()
    x[:, 2] = np.where(fraud, 4.0, 1.0) + rng.normal(scale=0.2, size=len(fraud))
    measured = refuse_leakage(x, fraud, ("a", "amount", "amount_to_procedure_mean"))
    assert [one.subject for one in by_ranking_alone(measured)] == ["amount_to_procedure_mean"]


def test_two_features_that_reveal_the_label_only_together_are_found():
    x, fraud, rng = vectors()
    bit = rng.random(len(fraud)) < 0.5
    x[:, 0], x[:, 2] = bit, bit ^ fraud
    names = ("a", "b", "c")
    measured = single_feature_auc(x, fraud, names)
    assert by_ranking_alone(measured) == []
    found = by_pairs(x, fraud, names, measured)
    assert {one.subject for one in found} == {"a", "c"}
    assert {one.check for one in found} == {LeakCheck.PAIR_RANKS}


def test_an_honest_signal_is_no_sign():
    x, fraud, _ = vectors()
    measured = single_feature_auc(x, fraud, ("a", "b", "c"))
    assert by_ranking_alone(measured) == []
    assert by_pairs(x, fraud, ("a", "b", "c"), measured) == []


def source(**columns: list[str]) -> Source:
    empty = pa.table({})
    return Source("acme", Path(), empty, empty, "claim", True, "0" * 64, {"columns": columns}, ())


@pytest.mark.parametrize(
    ("columns", "subjects"),
    [
        ({"benefit_limit": ["ApprovedAmount"]}, ["benefit_limit"]),
        ({"own_number": ["Claim Status"]}, ["own_number"]),
        ({"own_number": ["Limit", "paidByUs"]}, ["own_number"]),
        ({"received_at": ["Closing Date"]}, ["received_at"]),
        ({"own_number": ["Marital Status"], "benefit_limit": ["Plan maximum"]}, []),
        ({"label": ["Fraud"], "amount": ["Paid"], "voided_at": ["Rejected on"]}, []),
        ({"own_other": ["Outcome"]}, []),
    ],
)
def test_columns_named_like_a_decision_are_a_sign_where_a_feature_reads_them(columns, subjects):
    schema = ModelSchema.of(["member_benefit_used", "amount_to_procedure_mean", "own_number"], OWN.encoders)
    found = by_column_name(source(**columns), schema)
    assert [(one.check, one.subject) for one in found] == [(LeakCheck.COLUMN_NAME, subject) for subject in subjects]


def test_the_names_of_decisions_are_those_that_a_draft_leaves_out():
    assert all(map(known_afterwards, ("ClaimStatus", "decision", "amount_paid", "Approved", "outcome")))
    assert not any(map(known_afterwards, ("employment_status", "Amount", "Reported", "Deductible")))


def by_provider(of):
    """A value for each claim by a function of its provider's frauds and claims over the whole file."""
    made = examples()
    _, provider = np.unique(made.providers.astype(str), return_inverse=True)
    values = of(np.bincount(provider, weights=made.fraud), np.bincount(provider))
    return replace(made, attributes=pa.table({"number": values[provider].astype(float)}))


@pytest.mark.parametrize(
    "of",
    [lambda frauds, claims: frauds, lambda frauds, claims: frauds / claims, lambda frauds, claims: 9 - 2 * frauds],
    ids=["count", "rate", "score"],
)
def test_what_a_provider_turns_out_to_have_over_the_whole_file_is_a_sign(of):
    (warning,) = by_labels_of_groups(by_provider(of), OWN)
    assert (warning.check, warning.subject) == (LeakCheck.LABELS_OF_GROUP, "own_number")
    assert "provider_id over the whole file" in warning.evidence


def test_a_providers_size_or_rating_and_a_number_of_the_claim_are_no_sign():
    rng = np.random.default_rng(1)
    honest = [
        by_provider(lambda frauds, claims: claims),
        by_provider(lambda frauds, claims: rng.random(len(claims))),
        by_provider(lambda frauds, claims: frauds / claims + rng.normal(scale=0.1, size=len(claims))),
        examples(),
    ]
    assert [by_labels_of_groups(one, OWN) for one in honest] == [[]] * 4


def test_a_number_of_the_row_tells_the_time_and_providers_apart_have_no_time():
    counted = examples(number=np.arange(ROWS))
    (warning,) = by_time(counted, OWN, slices())
    assert (warning.check, warning.subject) == (LeakCheck.TELLS_TIME, "own_number")
    assert by_time(examples(), OWN, slices()) == []
    assert by_time(counted, OWN, slices(providers_apart=True)) == []


def test_windows_and_keys_make_no_copy_another_claim():
    honest = examples()
    copied = np.concatenate([np.arange(TESTED), np.arange(ROWS - TESTED)])
    table = honest.claims.take(pa.array(copied))
    window = {"shop": EntityWindow(key="provider_id", lengths=("ever",))}
    declared = {"terminal": KEY} | window_attributes(window, {})
    stated = pa.table({"claim_id": honest.claims["claim_id"], "terminal": [f"T{row}" for row in range(ROWS)]})
    values = DeclaredAttributes(declared, stated).with_windows(honest.claims, labels([]))
    copies = replace(
        honest,
        claims=table,
        amounts_cents=table["amount_cents"].to_numpy(),
        attributes=values.of(honest.claims["claim_id"]),
        declared=declared,
    )
    assert [one.check for one in by_near_copies(copies, slices())] == [LeakCheck.NEAR_COPIES]


def test_the_values_of_windows_are_those_known_at_receipt_and_no_sign():
    made = examples(provider_id=[f"H{row % 3}" for row in range(ROWS)])
    window = EntityWindow(key="provider_id", lengths=("ever",), hours_since_last=False)
    declared = window_attributes({"shop": window}, {})
    values = DeclaredAttributes(declared, made.claims.select(["claim_id"])).with_windows(made.claims, labels([]))
    schema = ModelSchema.of(
        ["own_shop.claims_ever"],
        [AttributeEncoder(name="shop.claims_ever", attribute=declared["shop.claims_ever"])],
    )
    counted = replace(made, attributes=values.of(made.claims["claim_id"]))
    assert by_time(counted, schema, slices()) == []
    assert by_labels_of_groups(counted, schema) == []
    stated = replace(made, attributes=counted.attributes.rename_columns(["number"]))
    assert [one.check for one in by_time(stated, OWN, slices())] == [LeakCheck.TELLS_TIME]


def test_near_copies_across_the_split_are_a_sign_and_common_values_are_none():
    rng = np.random.default_rng(2)
    honest = examples()
    assert by_near_copies(honest, slices()) == []
    copied = np.concatenate([np.arange(TESTED), rng.choice(TESTED, ROWS - TESTED, replace=False)])
    table = honest.claims.take(pa.array(copied))
    amounts = (table["amount_cents"].to_numpy() * rng.uniform(0.99, 1.01, ROWS)).astype(np.int64)
    near = replace(honest, claims=table, amounts_cents=amounts, attributes=honest.attributes.take(pa.array(copied)))
    (warning,) = by_near_copies(near, slices())
    assert (warning.check, warning.subject) == (LeakCheck.NEAR_COPIES, "near_copies")
    assert "300 test claims (100.0%)" in warning.evidence
    nothing = {name: [None] * ROWS for name in honest.claims.column_names if name not in ("claim_id", "received_at")}
    plain = examples(number=np.ones(ROWS), **{name: nothing[name] for name in ("procedure_code", "region", "sex")})
    every = [name for name in plain.claims.column_names if name in nothing and name != "amount_cents"]
    alike = examples(
        number=np.ones(ROWS),
        **{name: plain.claims[name].slice(0, 1).to_pylist() * ROWS for name in every if name != "provider_id"},
    )
    assert by_near_copies(alike, slices()) == []


def test_one_feature_with_most_of_a_strong_models_gain_is_a_sign():
    gain = {"a": 60.0, "b": 30.0, "c": 10.0}
    assert [one.subject for one in by_gain(gain, 0.95)] == ["a"]
    assert by_gain(gain, 0.8) == by_gain(gain | {"b": 70.0}, 0.95) == by_gain({}, 0.95) == []


@pytest.mark.parametrize(("ap", "base", "found"), [(1.0, 0.05, 1), (0.89, 0.05, 0), (0.95, 0.5, 0)])
def test_an_implausible_score_is_a_sign_where_frauds_are_rare(ap, base, found):
    assert [one.subject for one in by_score(ap, base)] == ["implausible_score"] * found


def test_a_file_with_four_leaks_is_trained_on_with_a_warning_for_each(tmp_path):
    """A noisy copy of the label, a status, the frauds of each garage, and its own row numbers."""
    file, mapping, claims = motor_file(tmp_path, rows=1_500)
    rng = np.random.default_rng(0)
    fraud = claims["Fraud"] == "Y"
    claims["Deductible"] = (fraud ^ (rng.random(len(claims)) < 0.03)).astype(int)
    claims["Rating"] = fraud.groupby(claims["Garage"]).transform("sum").astype(int)
    claims = claims.rename(columns={"Fault": "Claim status"})
    claims["PolicyStart"] = np.arange(len(claims))
    claims.to_csv(file, index=False)
    text = mapping.read_text().replace("column: Fault}", "column: Claim status}")
    text = text.replace("type: date, meaning: Policy start", "type: number, meaning: Policy start")
    mapping.write_text(text)
    prepared = prepare(open_file(file, mapping, tmp_path), TrainOptions(), reports=tmp_path)
    found = {(one.check, one.subject) for one in prepared.warnings}
    assert found >= {
        (LeakCheck.RANKS_ALONE, "own_deductible"),
        (LeakCheck.COLUMN_NAME, "own_fault"),
        (LeakCheck.LABELS_OF_GROUP, "own_driver_rating"),
        (LeakCheck.TELLS_TIME, "own_policy_start"),
    }
    trust = Trust(("own_fault", "own_deductible"), "asked at receipt")
    stated = {record["subject"]: record["trusted"] for record in trust.records(prepared.warnings)}
    assert stated["own_fault"] == stated["own_deductible"] == "asked at receipt"
    assert stated["own_driver_rating"] is None


def test_trust_names_features_fields_and_checks_and_needs_a_reason():
    trust = Trust(("own_number", "benefit_limit", "near_copies"), "why")
    assert trust.features(FIELDS) == ("own_number",)
    with pytest.raises(TrustError):
        Trust(("own_number",), " ")
    assert Trust().records([]) == []
