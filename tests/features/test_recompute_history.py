"""History rows of single keys are recomputed in bounded portions, and are those of the whole ledger."""

from typing import Any

import pytest

from core import clock
from features.declare import AGGREGATION_GROUPS, PLANS, AggregationGroup, RowKind, key_of
from features.online import PACKERS, encode_key, key_prefix
from features.update import database
from features.update import recompute_history as recomputing
from features.update.database import Connection
from features.update.recompute_history import portions, recompute_history
from tests.features.ledgers import facts, label, put, void
from tests.features.worlds import MIDNIGHT, NOON, World, history


def test_portions_hold_at_most_the_limit_unless_one_key_has_more() -> None:
    counts = {("a",): 40, ("b",): 60, ("c",): 1, ("d",): 500, ("e",): 99}
    found = [(portion.keys, portion.claims) for portion in portions(counts, 100)]
    assert found == [((("a",), ("b",)), 100), ((("c",),), 1), ((("d",),), 500), ((("e",),), 99)]


@pytest.mark.parametrize("limit", [1, 30, 10_000], ids=["each key by files", "some by files", "all in memory"])
def test_rows_do_not_depend_on_the_portions(world: World, monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    rows = history(150)
    put(world.database, rows, events=False)
    label(world.database, rows[0]["claim_id"], MIDNIGHT.replace(day=1), fraud=True)
    world.drain(NOON)
    largest = 0
    copied = database.claims_of

    def measured(*args: object, **options: object) -> object:
        nonlocal largest
        claims, labels = copied(*args, **options)  # type: ignore[arg-type]
        largest = max(largest, len(claims))
        return claims, labels

    monkeypatch.setattr(recomputing, "claims_of", measured)
    monkeypatch.setattr(recomputing, "MAX_CLAIMS", limit)
    keys = {}
    for group in AGGREGATION_GROUPS:
        view = PLANS[group.name].history
        stored = [key for name, key in world.contents(NOON) if name == view.name and view.kind is RowKind.HISTORY]
        keys[group.name] = stored[:2]
    day = clock.day_number(NOON)
    found = recompute_history(world.database, {day: keys})[day]
    world.database.rollback()
    assert largest <= limit
    for name, of_group in keys.items():
        view = PLANS[name].history
        prefix = key_prefix("ginja", world.mark().generation, view.name)
        for key in of_group:
            stored_row = world.client.get(prefix + encode_key(key))
            assert stored_row == PACKERS[view.name].pack(found[name][key][0], found[name][key][1])


def test_rows_of_several_days_are_those_of_each_day_and_are_copied_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = history(150)
    put(world.database, rows, events=False)
    label(world.database, rows[0]["claim_id"], MIDNIGHT.replace(day=1), fraud=True)
    void(world.database, rows[-1]["claim_id"], NOON)
    world.drain(NOON)
    claims = [facts(row) for row in rows[::7]]
    day = clock.day_number(NOON)
    keys = {
        group.name: list(dict.fromkeys(key for claim in claims if (key := key_of(group.keys, claim)) is not None))
        for group in AGGREGATION_GROUPS
    }
    by_day = {day: keys, day - 390: keys, day - 3: {name: of_group[1:] for name, of_group in keys.items()}}
    alone = {one: recompute_history(world.database, {one: by_day[one]})[one] for one in by_day}
    copies: list[str] = []
    copied = database.claims_of

    def counted(connection: Connection, group: AggregationGroup, *args: Any, **options: Any) -> object:
        copies.append(group.name)
        return copied(connection, group, *args, **options)

    monkeypatch.setattr(recomputing, "claims_of", counted)
    assert recompute_history(world.database, by_day) == alone
    world.database.rollback()
    assert len(copies) == len(set(copies))
    of_member = {one: alone[one]["member"] for one in by_day}
    assert len(of_member[day - 390]) < len(of_member[day]), "a member without a claim before the day has a row"
