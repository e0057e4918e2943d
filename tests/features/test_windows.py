"""Values of windows: as a naive reading of the definition has them, and bit for bit the same from the database."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from api.windows import WindowQuery, create_indexes, windows_at
from claims.attributes import Attribute, window_attributes
from claims.scoring import ClaimFacts
from claims.windows import MAX_CLAIMS, MAX_SUMMAND, PARTS, EntityWindow, WindowValue, WindowValueKind
from features.errors import AttributeTypeError
from features.vector import AttributeEncoder, DeclaredAttributes, column_of
from features.windows import window_values
from tests.features import factories
from tests.features.ledgers import facts, label, put, void

START = factories.START
ATTRIBUTES = pa.schema([("terminal", pa.string()), ("tip", pa.float64()), ("chip", pa.bool_()), ("shop", pa.string())])
WINDOWS = {
    "terminal": EntityWindow(
        key="terminal",
        lengths=("1h", "1d", "30d", "ever"),
        sum=("amount", "tip"),
        mean=("amount", "tip", "units"),
        share=("chip",),
        distinct=("member_id", "shop"),
        last=("amount", "tip"),
        fraud_rate=True,
    ),
    "provider": EntityWindow(key="provider_id", lengths=("7d",), fraud_rate=True, delay_days=3, hours_since_last=False),
}
VALUES: dict[str, WindowValue] = {
    name: value for window, declared in WINDOWS.items() for name, value in declared.values(window).items()
}
Label = tuple[str, bool | None, datetime]


def claim(number: int, at: timedelta, **differs: Any) -> dict[str, Any]:
    return factories.claim(number, received_at=START + timedelta(days=100) + at, **differs)


def values_of(rows: Sequence[Mapping[str, Any]], own: Sequence[Mapping[str, Any]], labels: Sequence[Label]) -> pa.Table:
    frame = factories.claims([dict(row) for row in rows])
    attributes = pa.Table.from_pylist([dict(values) for values in own], schema=ATTRIBUTES)
    return window_values(VALUES, frame, attributes, factories.labels(list(labels)))


# The definition, read naively.


def expected(
    value: WindowValue,
    place: int,
    rows: Sequence[Mapping[str, Any]],
    own: Sequence[Mapping[str, Any]],
    labels: Sequence[Label],
) -> float | None:
    at = rows[place]["received_at"]

    def read(name: str, row: int) -> Any:
        if name == "amount":
            return rows[row]["amount_cents"] / 100
        return own[row][name] if name in ATTRIBUTES.names else rows[row][name]

    entity = read(value.key, place)
    if entity is None:
        return None
    past = [i for i in range(len(rows)) if read(value.key, i) == entity and rows[i]["received_at"] < at]
    past = sorted(past, key=lambda i: (rows[i]["received_at"], rows[i]["claim_id"]))[-MAX_CLAIMS:]
    if value.kind is WindowValueKind.LAST:
        return read(str(value.column), past[-1]) if past else None
    if value.kind is WindowValueKind.HOURS_SINCE_LAST:
        return (at - rows[past[-1]]["received_at"]) / timedelta(hours=1) if past else None
    if value.length_us is not None:
        past = [i for i in past if rows[i]["received_at"] >= at - timedelta(microseconds=value.length_us)]
    if value.kind in (WindowValueKind.FRAUDS, WindowValueKind.FRAUD_RATE):
        found = [found_by(rows[i]["claim_id"], at - timedelta(days=value.delay_days), labels) for i in past]
        known = [outcome for outcome in found if outcome is not None]
        if value.kind is WindowValueKind.FRAUDS:
            return float(sum(known))
        return sum(known) / len(known) if known else None
    if value.kind is WindowValueKind.DISTINCT:
        return float(len({read(str(value.column), i) for i in past} - {None}))
    valid = [i for i in past if rows[i]["voided_at"] is None or rows[i]["voided_at"] >= at]
    if value.kind is WindowValueKind.CLAIMS:
        return float(len(valid))
    numbers = [number for i in valid if (number := read(str(value.column), i)) is not None]
    if value.kind is WindowValueKind.SUM:
        return float(sum(numbers))
    return sum(numbers) / len(numbers) if numbers else None


def found_by(claim_id: str, moment: datetime, labels: Sequence[Label]) -> bool | None:
    known = sorted(((at, fraud) for of, fraud, at in labels if of == claim_id and at < moment), key=lambda one: one[0])
    return known[-1][1] if known else None


MINUTES = st.integers(0, 60 * 24 * 40)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[Label]]:
    """Claims of few entities at few moments, so that they meet; voided ones, and several labels of one claim."""
    moments = draw(st.lists(MINUTES, min_size=1, max_size=8))
    rows, own = [], []
    for number in range(draw(st.integers(1, 14))):
        at = timedelta(minutes=draw(st.sampled_from(moments)))
        row = claim(number, at, provider_id=draw(st.sampled_from("AB")), member_id=draw(st.sampled_from("XY")))
        row["amount_cents"], row["units"] = draw(st.integers(1, 10**9)), draw(st.integers(1, 3))
        if draw(st.booleans()):
            row["voided_at"] = row["received_at"] + timedelta(minutes=draw(st.sampled_from([0, 1, 90, 3_000])))
        rows.append(row)
        own.append(
            {
                "terminal": draw(st.sampled_from(["T1", "T2", None])),
                "tip": draw(st.sampled_from([None, 0.5, -2.25, 3.0])),
                "chip": draw(st.sampled_from([None, True, False])),
                "shop": draw(st.sampled_from([None, "a", "b"])),
            }
        )
    labels: dict[tuple[str, datetime], bool | None] = {}
    for row in rows:
        for after in draw(st.lists(st.sampled_from([0, 30, 5_000, 9_000]), max_size=3, unique=True)):
            labels[row["claim_id"], row["received_at"] + timedelta(minutes=after)] = draw(
                st.sampled_from([True, False, None])
            )
    return rows, own, [(of, fraud, at) for (of, at), fraud in labels.items()]


@settings(max_examples=40)
@given(worlds())
def test_values_are_those_of_the_definition(
    world: tuple[list[dict[str, Any]], list[dict[str, Any]], list[Label]],
) -> None:
    rows, own, labels = world
    found = values_of(rows, own, labels)
    for name, value in VALUES.items():
        naive = [expected(value, place, rows, own, labels) for place in range(len(rows))]
        assert found[name].to_pylist() == [one if one is None else pytest.approx(one, rel=1e-12) for one in naive]


def store(
    url: str, rows: Sequence[dict[str, Any]], own: Sequence[Mapping[str, Any]], labels: Sequence[Label]
) -> "psycopg.Connection[Any]":
    connection = psycopg.connect(url)
    put(connection, [{**row, "voided_at": None} for row in rows], events=False)
    for row, values in zip(rows, own, strict=True):
        stated = Jsonb({name: value for name, value in values.items() if value is not None})
        connection.execute("UPDATE claims SET attributes = %s WHERE claim_id = %s", [stated, row["claim_id"]])
        if row["voided_at"] is not None:
            void(connection, row["claim_id"], row["voided_at"])
    for of, fraud, at in labels:
        label(connection, of, at, fraud=fraud)
    return connection


def facts_of(row: Mapping[str, Any], own: Mapping[str, Any]) -> ClaimFacts:
    return facts(row).model_copy(update={"attributes": dict(own)})


def test_the_database_has_the_same_values_to_the_bit(database_url: str) -> None:
    rng = np.random.default_rng(7)
    rows, own, labels = [], [], []
    for number in range(160):
        at = timedelta(microseconds=int(rng.choice([rng.integers(0, 40 * 86_400_000_000), 3_600_000_000])))
        row = claim(number, at, provider_id=str(rng.choice(["A", "B"])), member_id=str(rng.choice(["X", "Y", "Z"])))
        row |= {"amount_cents": int(rng.integers(1, 10**10)), "units": int(rng.integers(1, 9))}
        if rng.random() < 0.2:
            row["voided_at"] = row["received_at"] + timedelta(hours=int(rng.integers(0, 200)))
        rows.append(row)
        tip = rng.choice([None, float(rng.normal(0, 1e3)), 2e9, 0.00005])
        shop = rng.choice([None, "a", "b", "ä"])
        own.append({"terminal": rng.choice(["T1", "T2", None]), "tip": tip, "chip": rng.choice([None, True, False]),
                    "shop": shop})  # fmt: skip
        for days in rng.choice([0, 2, 9, 20], 2, replace=False)[: rng.integers(0, 3)]:
            known = row["received_at"] + timedelta(int(days))
            labels += [(row["claim_id"], rng.choice([True, False, None]), known)]
    own = [{name: value.item() if hasattr(value, "item") else value for name, value in one.items()} for one in own]
    offline = values_of(rows, own, labels).to_pylist()
    with store(database_url, rows, own, labels) as connection:
        connection.autocommit = True
        assert create_indexes(connection, ("terminal",)) == ["claims_attribute_terminal_idx"]
        query = WindowQuery(VALUES)
        online = windows_at(connection, query, [facts_of(*both) for both in zip(rows, own, strict=True)])
    for row, given_facts, stored in zip(rows, online, offline, strict=True):
        got = {name: given_facts.attributes.get(name) for name in VALUES}
        assert got == stored, row["claim_id"]


def test_a_window_looks_back_at_the_last_claims_only(database_url: str) -> None:
    rows = [claim(number, timedelta(seconds=number // 3), amount_cents=100) for number in range(MAX_CLAIMS + 20)]
    rows.append(claim(MAX_CLAIMS + 20, timedelta(days=1)))
    own: list[dict[str, Any]] = [{"terminal": "T1", "tip": None, "chip": None, "shop": None} for _ in rows]
    offline = values_of(rows, own, []).to_pylist()
    assert offline[-1]["terminal.claims_ever"] == MAX_CLAIMS
    with psycopg.connect(database_url) as connection, connection.cursor() as cursor:
        put(connection, rows, events=False)
        cursor.execute("""UPDATE claims SET attributes = '{"terminal": "T1"}'""")
        last = [facts_of(*both) for both in zip(rows[-9:], own[-9:], strict=True)]
        online = windows_at(connection, WindowQuery(VALUES), last)
    assert [{name: one.attributes.get(name) for name in VALUES} for one in online] == offline[-9:]


def test_an_entity_is_read_by_its_index(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        create_indexes(connection, ("terminal",))
        connection.execute("SET enable_seqscan = off")
        for key, index in (("terminal", "claims_attribute_terminal_idx"), ("provider_id", "claims_of_provider_idx")):
            sql = WindowQuery(VALUES).statements[key].sql
            plan = connection.execute(f"EXPLAIN {sql}", {"key": "T1", "at": START}).fetchall()
            assert any(index in line for (line,) in plan), plan
            assert any("Index Cond: ((claim_id = past.claim_id)" in line for (line,) in plan), plan


def test_a_stated_null_key_has_no_values_and_an_unstated_one_is_unknown() -> None:
    query = WindowQuery(VALUES)
    row = facts(claim(1, timedelta()))
    of_terminal = {name: None for name, value in VALUES.items() if value.key == "terminal"}
    assert query.without_entity(row.model_copy(update={"attributes": {"terminal": None}})) == of_terminal
    assert query.without_entity(row) == {}
    assert query.keys_of(row) == {"provider_id": "H1"}


def test_numbers_are_summed_exactly_up_to_the_limit() -> None:
    rows = [claim(number, timedelta(hours=number)) for number in range(4)]
    tips = [MAX_SUMMAND, MAX_SUMMAND * 1.0001, 1 / PARTS, None]
    own = [{"terminal": "T", "tip": tip, "chip": None, "shop": None} for tip in tips]
    assert values_of(rows, own, [])["terminal.tip_sum_ever"].to_pylist() == [0, 1e9, 2e9, 2e9 + 1e-4]


def test_a_model_refuses_a_window_that_is_declared_differently() -> None:
    key = Attribute(type="key", meaning="Terminal")
    rows = [claim(1, timedelta())]
    declared = {"terminal": key} | window_attributes(
        {"t": EntityWindow(key="terminal", lengths=("1d",))}, {"terminal": key}
    )
    values = pa.table({"claim_id": [rows[0]["claim_id"]], "terminal": ["T1"]})
    table = DeclaredAttributes(declared, values).with_windows(factories.claims(rows), factories.labels([])).values
    assert column_of("t.claims_1d", declared["t.claims_1d"], factories.claims(rows), table).to_pylist() == [0.0]
    other = window_attributes({"t": EntityWindow(key="provider_id", lengths=("1d",))}, {})["t.claims_1d"]
    with pytest.raises(AttributeTypeError, match=r"t\.claims_1d is declared differently"):
        column_of("t.claims_1d", other, factories.claims(rows), table)


@pytest.mark.parametrize(
    ("window", "message"),
    [
        (EntityWindow(key="region"), r"windows\.w\.key: 'region' is neither"),
        (EntityWindow(key="tip"), r"windows\.w\.key: 'tip' is neither"),
        (
            EntityWindow(key="terminal", sum=("terminal",)),
            r"windows\.w\.sum: 'terminal' must be amount",
        ),
        (
            EntityWindow(key="terminal", share=("amount",)),
            r"windows\.w\.share: 'amount' must be an attribute of type boolean",
        ),
        (EntityWindow(key="terminal", distinct=("tip",)), r"windows\.w\.distinct: 'tip' must be member_id"),
    ],
)
def test_a_window_over_something_else_is_refused(window: EntityWindow, message: str) -> None:
    declared = {"terminal": Attribute(type="key", meaning="Terminal"), "tip": Attribute(type="number", meaning="Tip")}
    with pytest.raises(ValueError, match=message):
        window_attributes({"w": window}, declared)


def test_a_key_is_no_feature() -> None:
    with pytest.raises(ValueError, match="a key is not a feature"):
        AttributeEncoder(name="terminal", attribute=Attribute(type="key", meaning="Terminal"))


def test_the_meaning_of_a_value_names_entity_column_and_time() -> None:
    tip = Attribute(type="number", meaning="Tip of the driver")
    window = EntityWindow(
        key="provider_id", meaning="shop", lengths=("1h", "30d", "ever"), mean=("tip",), last=("tip",)
    )
    found = {name: one.meaning for name, one in window_attributes({"w": window}, {"tip": tip}).items()}
    assert found["w.claims_1h"] == "Earlier claims of the shop in 1 hour"
    assert found["w.claims_ever"] == "Earlier claims of the shop"
    assert found["w.tip_mean_30d"] == "Average tip of the driver on earlier claims of the shop in 30 days"
    assert found["w.tip_last"] == "Tip of the driver on the last claim of the shop"
