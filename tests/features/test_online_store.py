"""Our online store under Feast, beside Feast's own on the same Valkey: the result of each in the cases that matter."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pandas as pd
import psycopg
import pytest
import redis
import yaml

from core import clock
from features.declare import PLANS, VIEW, key_of
from features.errors import OnlineUnavailableError, OnlineValueError
from features.feast import SERVICE
from features.online import OnlineReader, Watermark, watermark_key
from features.update import rebuild
from tests.features.factories import claims, random_claims
from tests.features.ledgers import facts, put, rows_of

NOW = datetime.now(UTC).replace(microsecond=250_000)
MEMBER = {"member_id": ["M1"]}


@dataclass(frozen=True)
class Stores:
    ours: Any
    stock: Any
    home: Path
    frame: Any
    url: str


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory, module_valkey_url: str) -> Stores:
    """A home with the offline features of some claims; ours, and Feast's Redis store, with separate registries."""
    from feast import FeatureStore, RepoConfig

    from features.feast import apply, feast_objects
    from features.offline import build

    home = tmp_path_factory.mktemp("home")
    frame, labels = random_claims(400, members=12, providers=4, procedures=5, days=120)
    build(home, frame, labels)
    apply(home, module_valkey_url)
    config = yaml.safe_load((home / "features" / "feature_store.yaml").read_text())
    ours = config | {"registry": config["registry"] | {"path": str(home / "ours.db")}}
    address = urlsplit(module_valkey_url)
    connection = f"{address.hostname}:{address.port},db={address.path[1:]}"
    if address.password:
        connection += f",password={address.password}"
    stock = ours | {
        "registry": config["registry"] | {"path": str(home / "stock.db")},
        "online_store": {"type": "redis", "connection_string": connection},
    }
    made = [FeatureStore(config=RepoConfig(**one)) for one in (ours, stock)]
    for store in made:
        store.apply(feast_objects(home))
    return Stores(made[0], made[1], home, frame, module_valkey_url)


@pytest.fixture(autouse=True)
def empty(stores: Stores) -> Iterator["redis.Redis"]:
    """The online store, emptied, with a watermark that states it is loaded and rolled over to today."""
    with redis.Redis.from_url(stores.url) as client:
        client.flushdb()
        client.set(watermark_key(), Watermark(5, clock.day_number(NOW), clock.micros(NOW)).pack())
        yield client


def row(view: str, at: datetime, value: int = 7, **keys: str) -> pd.DataFrame:
    """One row of a view of scalars, all of a value but the first, which is the day."""
    first, *rest = VIEW[view].fields
    fields = {first.name: clock.day_number(at)} | {field.name: value for field in rest}
    return pd.DataFrame([{**keys, **fields, "event_timestamp": at}])


def write(store: Any, view: str, at: datetime, value: int = 7) -> None:
    store.write_to_online_store(view, row(view, at, value, member_id="M1"))


def ask(store: Any, feature: str) -> tuple[int | None, str]:
    """The value of the member's feature, and Feast's status of it."""
    from feast.protos.feast.serving.ServingService_pb2 import FieldStatus

    response = store.get_online_features(features=[feature], entity_rows=MEMBER)
    place = list(response.proto.metadata.feature_names.val).index(feature.split(":")[1])
    return response.to_dict()[feature.split(":")[1]][0], FieldStatus.Name(response.proto.results[place].statuses[0])


def test_writes_within_one_second_are_kept(stores: Stores) -> None:
    write(stores.ours, "member_today", NOW, 1)
    write(stores.ours, "member_today", NOW + timedelta(milliseconds=300), 2)
    assert ask(stores.ours, "member_today:claims") == (2, "PRESENT")


def test_a_late_write_is_skipped(stores: Stores) -> None:
    write(stores.ours, "member_today", NOW, 1)
    write(stores.ours, "member_today", NOW - timedelta(microseconds=1), 2)
    assert ask(stores.ours, "member_today:claims") == (1, "PRESENT")


def test_of_two_writes_of_one_microsecond_the_later_wins(stores: Stores) -> None:
    for store in (stores.ours, stores.stock):
        write(store, "member_today", NOW, 1)
        write(store, "member_today", NOW, 2)
    assert ask(stores.ours, "member_today:claims") == (2, "PRESENT")
    assert ask(stores.stock, "member_today:claims") == (1, "PRESENT")  # the second write was dropped


def test_an_expired_row_is_not_found(stores: Stores) -> None:
    old = NOW - timedelta(days=1, hours=1)
    for store in (stores.ours, stores.stock):
        write(store, "member_today", old)
    assert ask(stores.ours, "member_today:claims") == (None, "NOT_FOUND")
    assert ask(stores.stock, "member_today:claims") == (7, "PRESENT")  # expired, and served as if it were fresh


def test_a_view_without_ttl_does_not_expire(stores: Stores) -> None:
    write(stores.ours, "member_history", NOW - timedelta(days=700))
    assert ask(stores.ours, "member_history:claims_30d") == (7, "PRESENT")


def test_a_key_never_seen_is_not_found(stores: Stores) -> None:
    assert ask(stores.ours, "member_today:claims") == (None, "NOT_FOUND")
    assert ask(stores.ours, "member_history:claims_30d") == (None, "NOT_FOUND")


def test_a_row_is_written_completely_or_not_at_all(stores: Stores) -> None:
    from feast.infra.online_stores.helpers import get_online_store_from_config
    from feast.protos.feast.types.EntityKey_pb2 import EntityKey
    from feast.protos.feast.types.Value_pb2 import Value

    config = stores.ours.config
    online = get_online_store_from_config(config.online_store)
    view = stores.ours.get_feature_view("member_today")
    key = EntityKey(join_keys=["member_id"], entity_values=[Value(string_val="M1")])
    with pytest.raises(OnlineValueError, match=r"member_today\.received must be an integer"):
        online.online_write_batch(config, view, [(key, {"day": Value(int64_val=1)}, NOW, None)], None)
    assert ask(stores.ours, "member_today:day") == (None, "NOT_FOUND")


def test_an_unavailable_store_is_a_typed_error(stores: Stores, unused_tcp_port: int) -> None:
    from features.feast.online_store import ValkeyOnlineStore, ValkeyOnlineStoreConfig

    config = stores.ours.config.model_copy()
    config._online_store = ValkeyOnlineStoreConfig(url=f"redis://127.0.0.1:{unused_tcp_port}/0")
    with pytest.raises(OnlineUnavailableError):
        ValkeyOnlineStore().online_read(config, stores.ours.get_feature_view("member_today"), [])


def test_feast_and_the_direct_reader_return_the_same_rows(
    stores: Stores, database_url: str, empty: "redis.Redis"
) -> None:
    rows = rows_of(stores.frame)
    requested = rows[-1]
    at = requested["received_at"] + timedelta(microseconds=1)
    with psycopg.connect(database_url, autocommit=True) as connection, clock.held(at):
        put(connection, rows, events=False)
        rebuild(connection, empty)
        reading = OnlineReader(empty).read(facts(requested | {"received_at": at}))
        names = [name for name, row in reading.states.items() if row is not None and reading.times_us[name] is not None]
        keys = {}
        for plan in PLANS.values():
            keys |= dict(zip(plan.keys, key_of(plan.keys, facts(requested)) or (), strict=True))
        answer = stores.ours.get_online_features(
            features=stores.ours.get_feature_service(SERVICE), entity_rows=[keys], full_feature_names=True
        ).to_dict()
    assert len(names) > 15
    for name in names:
        of_view = reading.states[name]
        assert of_view is not None
        for field in VIEW[name].fields:
            place = of_view[field.offset : field.offset + field.size]
            assert answer[VIEW[name].column(field)][0] == (list(place) if field.is_array else place[0])


def test_rows_materialized_by_feast_are_read(stores: Stores) -> None:
    last = stores.frame["received_at"].to_pylist()[-1]
    views = ["member_history", "procedure_history", "provider_today"]
    stores.ours.materialize(last - timedelta(days=200), last + timedelta(days=2), feature_views=views)
    answer = stores.ours.get_online_features(
        features=["member_history:claims_365d", "procedure_history:amounts_365d"],
        entity_rows=[{"member_id": "M00001", "procedure_code": "P00001"}],
    ).to_dict()
    history = pd.read_parquet(stores.home / "features" / "offline" / "member_history.parquet")
    expected = history[history.member_id == "M00001"].sort_values("event_timestamp").iloc[-1]
    assert answer["claims_365d"] == [expected.claims_365d]
    assert len(answer["amounts_365d"][0]) == 49


def test_serving_continues_while_feast_is_in_state_materializing(stores: Stores, empty: "redis.Redis") -> None:
    from feast.feature_view import FeatureViewState

    write(stores.ours, "member_history", NOW)
    view = stores.ours.get_feature_view("member_history")
    before, view.state = view.state, FeatureViewState.MATERIALIZING
    stores.ours.registry.apply_feature_view(view, stores.ours.project)
    with pytest.raises(ValueError, match="in state 'MATERIALIZING'"):
        ask(stores.ours, "member_history:claims_30d")  # Feast refuses
    view.state = before
    stores.ours.registry.apply_feature_view(view, stores.ours.project)
    frame = claims([rows_of(stores.frame)[0] | {"member_id": "M1"}])
    requested = facts(rows_of(frame)[0] | {"received_at": NOW})
    with clock.held(NOW):
        assert OnlineReader(empty).read(requested).states["member_history"][1] == 7


def test_a_view_that_is_removed_leaves_no_row(stores: Stores, empty: "redis.Redis") -> None:
    from features.feast.online_store import ValkeyOnlineStore

    write(stores.ours, "member_today", NOW)
    write(stores.ours, "member_history", NOW)
    config, views = stores.ours.config, {name: stores.ours.get_feature_view(name) for name in VIEW}
    ValkeyOnlineStore().update(config, [views["member_today"]], [views["member_history"]], [], [], False)
    assert ask(stores.ours, "member_today:claims") == (None, "NOT_FOUND")
    assert ask(stores.ours, "member_history:claims_30d") == (7, "PRESENT")
    ValkeyOnlineStore().teardown(config, list(views.values()), [])
    assert list(empty.scan_iter("ginja:*")) == []
