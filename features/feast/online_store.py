"""A Feast online store on Valkey. Named by class path in `feature_store.yaml`.

It guarantees what Feast's own Redis store does not: of two writes with the same microsecond the later is kept (a claim
of the same instant, or a corrected row); a row older than its view's `ttl` is not returned; a row is written whole or
not at all. `features/online/reader.py` reads the same keys, all views of a claim at once.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import redis
from feast import Entity, FeatureView, RepoConfig, utils
from feast.infra.online_stores.online_store import OnlineStore
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Int64List, Value
from feast.repo_config import FeastConfigBaseModel
from redis.exceptions import WatchError

from core import clock
from features.declare import VIEW, StoredField, View
from features.errors import OnlineUnavailableError, OnlineValueError, OvertakenError
from features.online import CHUNK, PACKERS, Watermark, encode_key, key_prefix, watermark_key

_ATTEMPTS = 20

_WriteRow = tuple[EntityKey, dict[str, Value], datetime, datetime | None]
_ReadRow = tuple[datetime | None, dict[str, Value] | None]


class ValkeyOnlineStoreConfig(FeastConfigBaseModel):
    """The `online_store:` part of `feature_store.yaml`."""

    type: Literal["features.feast.online_store.ValkeyOnlineStore"] = "features.feast.online_store.ValkeyOnlineStore"
    url: str
    """`redis://[:password@]host:port/database`."""


class ValkeyOnlineStore(OnlineStore):
    """Reads and writes the declared views (`features/declare/layout.py`), in the generation the watermark names."""

    _client: "redis.Redis | None" = None
    _generation: int = 0
    """The generation last read, tried first."""

    def online_read(
        self,
        config: RepoConfig,
        table: FeatureView,
        entity_keys: list[EntityKey],
        requested_features: list[str] | None = None,
    ) -> list[_ReadRow]:
        """Event time and values of each key; `(None, None)` where there is no row, or one older than the view's `ttl`.

        Raises `OnlineUnavailableError`, `OnlineValueError`.
        """
        return self._read_views(config, [(table, entity_keys, requested_features)])[0]

    def _read_features_per_fv(
        self,
        config: RepoConfig,
        grouped_refs: list[tuple[FeatureView, list[str]]],
        join_key_values: dict[str, Any],
        entity_name_to_join_key_map: dict[str, str],
        online_features_response: Any,
        full_feature_names: bool,
        include_feature_view_version_metadata: bool,
    ) -> None:
        """Feast's hook for stores that read all views at once: one MGET, so that the rows are of one moment."""
        requested, places = [], []
        for table, names in grouped_refs:
            values, indexes, rows = utils._get_unique_entities(table, join_key_values, entity_name_to_join_key_map)
            requested.append((table, utils._get_entity_key_protos(values), names))
            places.append((indexes, rows))
        found = self._read_views(config, requested)
        for (table, _, names), read, (indexes, rows) in zip(requested, found, places, strict=True):
            utils._populate_response_from_feature_data(
                names,
                read,
                indexes,
                online_features_response,
                full_feature_names,
                table,
                rows,
                include_feature_view_version_metadata,
            )

    def online_write_batch(
        self,
        config: RepoConfig,
        table: FeatureView,
        data: list[_WriteRow],
        progress: Callable[[int], object] | None,
    ) -> None:
        """Write whole rows; a row with an earlier event time than the stored one is skipped.

        Raises `OnlineUnavailableError`, `OnlineValueError` where a row lacks a value, `OvertakenError`.
        """
        view = _view(table)
        for start in range(0, len(data), CHUNK):
            portion = data[start : start + CHUNK]
            newest: dict[bytes, tuple[int, bytes]] = {}
            for entity_key, values, at, _created in portion:
                us = clock.micros(at if at.tzinfo else at.replace(tzinfo=UTC))
                encoded = encode_key(_parts(view, entity_key))
                if encoded not in newest or newest[encoded][0] <= us:
                    newest[encoded] = (us, PACKERS[view.name].pack(us, _row(view, values)))
            self._write_newer(config, view, newest)
            if progress is not None:
                progress(len(portion))

    def update(
        self,
        config: RepoConfig,
        tables_to_delete: Sequence[FeatureView],
        tables_to_keep: Sequence[FeatureView],
        entities_to_delete: Sequence[Entity],
        entities_to_keep: Sequence[Entity],
        partial: bool,
    ) -> None:
        """Delete the rows of removed views; new views need no preparation."""
        for table in tables_to_delete:
            self._delete(config, f"{config.project}:[0-9]*:{table.name}:*")

    def teardown(self, config: RepoConfig, tables: Sequence[FeatureView], entities: Sequence[Entity]) -> None:
        """Delete every row of these views, and the watermark."""
        for table in tables:
            self._delete(config, f"{config.project}:[0-9]*:{table.name}:*")
        self._connected(config).delete(watermark_key(config.project))

    def _connected(self, config: RepoConfig) -> "redis.Redis":
        if self._client is None:
            self._client = redis.Redis.from_url(config.online_store.url, socket_timeout=5.0, socket_connect_timeout=5.0)
        return self._client

    def _read_views(
        self, config: RepoConfig, requested: Sequence[tuple[FeatureView, list[EntityKey], list[str] | None]]
    ) -> list[list[_ReadRow]]:
        """Rows of several views, of one generation and one moment."""
        views = [_view(table) for table, _, _ in requested]
        keys = [
            (view.name, encode_key(_parts(view, key)))
            for view, (_, entity_keys, _) in zip(views, requested, strict=True)
            for key in entity_keys
        ]
        stored = iter(self._stored(config, keys))
        found = []
        for view, (table, entity_keys, names) in zip(views, requested, strict=True):
            fields = [field for field in view.fields if names is None or field.name in names]
            oldest = clock.now() - table.ttl if table.ttl else None
            found.append([_read(view, fields, next(stored), oldest) for _ in entity_keys])
        return found

    def _stored(self, config: RepoConfig, keys: Sequence[tuple[str, bytes]]) -> list[bytes | None]:
        """The values of these keys (view and entity key) as stored."""
        while True:
            generation = self._generation
            whole = [key_prefix(config.project, generation, view) + key for view, key in keys]
            try:
                found: Any = self._connected(config).mget([watermark_key(config.project), *whole])
            except redis.RedisError as error:
                raise OnlineUnavailableError(error) from error
            self._generation = _generation(found[0])
            if self._generation == generation:
                return list(found[1:])

    def _write_newer(self, config: RepoConfig, view: View, rows: dict[bytes, tuple[int, bytes]]) -> None:
        """Write the rows that are not older than the stored ones, in one step, also while other processes write."""
        mark = watermark_key(config.project)
        try:
            with self._connected(config).pipeline() as opened:
                pipe: Any = opened
                for _ in range(_ATTEMPTS):
                    pipe.watch(mark)
                    first = key_prefix(config.project, _generation(pipe.get(mark)), view.name)
                    keys = [first + key for key in rows]
                    pipe.watch(*keys)
                    stored = pipe.mget(keys)
                    fresh = {
                        key: value
                        for key, (us, value), old in zip(keys, rows.values(), stored, strict=True)
                        if old is None or len(old) != len(value) or PACKERS[view.name].unpack(old)[0] <= us
                    }
                    if not fresh:
                        return
                    pipe.multi()
                    pipe.mset(fresh)
                    try:
                        pipe.execute()
                    except WatchError:
                        continue
                    return
        except redis.RedisError as error:
            raise OnlineUnavailableError(error) from error
        raise OvertakenError(
            f"rows of {view.name} changed during each of {_ATTEMPTS} attempts to write them; try again"
        )

    def _delete(self, config: RepoConfig, pattern: str) -> None:
        client = self._connected(config)
        stale = []
        for key in client.scan_iter(match=pattern, count=CHUNK):
            stale.append(key)
            if len(stale) >= CHUNK:
                client.unlink(*stale)
                stale = []
        if stale:
            client.unlink(*stale)


def _generation(stored: bytes | None) -> int:
    watermark = Watermark.unpack(stored)
    return 0 if watermark is None else watermark.generation


def _view(table: FeatureView) -> View:
    view = VIEW.get(table.name)
    if view is None:
        raise OnlineValueError(f"{table.name} is not a declared view; declared are {', '.join(VIEW)}")
    return view


def _parts(view: View, entity_key: EntityKey) -> list[str]:
    given = {name: value.string_val for name, value in zip(entity_key.join_keys, entity_key.entity_values, strict=True)}
    return [given[key] for key in view.keys]


def _row(view: View, values: dict[str, Value]) -> list[int]:
    row: list[int] = []
    for field in view.fields:
        value = values.get(field.name)
        kind = None if value is None else value.WhichOneof("val")
        if (
            value is not None
            and kind == "int64_list_val"
            and field.is_array
            and len(value.int64_list_val.val) == field.size
        ):
            row.extend(value.int64_list_val.val)
        elif value is not None and kind == "int64_val" and not field.is_array:
            row.append(value.int64_val)
        else:
            expected = f"{field.size} integers" if field.is_array else "an integer"
            raise OnlineValueError(f"{view.name}.{field.name} must be {expected}; rows are written whole")
    return row


def _read(view: View, fields: Sequence[StoredField], stored: bytes | None, oldest: datetime | None) -> _ReadRow:
    packer = PACKERS[view.name]
    if stored is None or len(stored) != packer.size:
        return None, None
    us, *row = packer.unpack(stored)
    at = clock.from_micros(us)
    if oldest is not None and at < oldest:
        return None, None
    return at, {field.name: _value(field, row) for field in fields}


def _value(field: StoredField, row: Sequence[int]) -> Value:
    if field.is_array:
        return Value(int64_list_val=Int64List(val=row[field.offset : field.offset + field.size]))
    return Value(int64_val=row[field.offset])
