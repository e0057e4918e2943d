"""Writing to the online store: any number of keys and the watermark, all at once or not at all.

A writer holds the advisory lock of the database (`features/update/locks.py`). If it lost the lock without noticing,
because it was paused or cut off, another writer has replaced the watermark it began with, and nothing is written.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice

import redis
from redis.client import Pipeline
from redis.exceptions import WatchError

from features.declare import KeyedRows, View
from features.errors import OnlineUnavailableError, OvertakenError
from features.online.packing import PACKERS, PROJECT, encode_key, key_prefix
from features.online.watermark import Watermark, watermark_key

CHUNK = 2_000
"""Keys of one write, where there are very many: few enough that no reader waits for it."""


class WriteSession:
    """One writer's session, from the watermark it found to the last it wrote."""

    writes_before = 0
    """Count of writes that the database records: the next write is later than it, even if the store lost some."""

    def __init__(self, pipe: Pipeline, project: str) -> None:
        self._pipe = pipe
        self._key = watermark_key(project)
        self.project = project
        self._stored = self._watch()
        self.watermark: Watermark | None = Watermark.unpack(self._stored)

    def _watch(self) -> bytes | None:
        self._pipe.watch(self._key)  # type: ignore[no-untyped-call]
        stored: bytes | None = self._pipe.get(self._key)  # type: ignore[assignment]
        return stored

    @property
    def writes(self) -> int:
        """The number of the last write."""
        return 0 if self.watermark is None else self.watermark.writes

    def lost_keys(self) -> int:
        """How many of the keys that the watermark counts are missing at least."""
        if self.watermark is None:
            return 0
        present: int = self._pipe.dbsize()  # type: ignore[assignment]
        return max(self.watermark.keys - present, 0)

    def write(self, values: Mapping[bytes, bytes], watermark: Watermark) -> None:
        """Write the values and the watermark in one step. Raises `OvertakenError`; nothing was written then.

        `watermark.keys` is the count of keys before the write.
        """
        before = max(self.writes_before, self.writes)
        new = len(values) - int(self._pipe.exists(*values)) if values else 0  # type: ignore[arg-type]
        watermark = replace(watermark, writes=before + 1, keys=watermark.keys + new)
        self._pipe.multi()
        self._pipe.mset({**values, self._key: watermark.pack()})
        try:
            self._pipe.execute()
        except WatchError as error:
            raise OvertakenError("another process wrote to the online store; nothing was written") from error
        self.watermark, self._stored = watermark, watermark.pack()
        if self._watch() != self._stored:
            raise OvertakenError(
                "another process wrote to the online store; the rows after this write were not written"
            )

    def forget(self) -> None:
        """Remove the watermark: no row of the store is used any more. Raises `OvertakenError`."""
        self._pipe.multi()
        self._pipe.delete(self._key)
        try:
            self._pipe.execute()
        except WatchError as error:
            raise OvertakenError("another process wrote to the online store; nothing was removed") from error
        self.watermark, self._stored = None, self._watch()


@contextmanager
def write_session(client: "redis.Redis", project: str = PROJECT) -> Iterator[WriteSession]:
    """Open a session for writing. Raises `OnlineUnavailableError` where the store does not respond."""
    try:
        with client.pipeline() as pipe:
            yield WriteSession(pipe, project)
    except redis.RedisError as error:
        raise OnlineUnavailableError(error) from error


def write_unread(client: "redis.Redis", values: Mapping[bytes, bytes]) -> int:
    """Write keys of a generation that no reader uses yet; returns how many of them are new."""
    with client.pipeline(transaction=False) as pipe:
        pipe.exists(*values)
        pipe.mset(dict(values))
        existing, _ = pipe.execute()
    return len(values) - int(existing)


def pack_rows(project: str, generation: int, view: View, rows: KeyedRows) -> dict[bytes, bytes]:
    """Rows of a view as keys and values of the store."""
    pack, prefix = PACKERS[view.name].pack, key_prefix(project, generation, view.name)
    return {prefix + encode_key(key): pack(event_us, row) for key, (event_us, row) in rows.items()}


def chunks(values: Iterable[tuple[bytes, bytes]], size: int = CHUNK) -> Iterator[dict[bytes, bytes]]:
    """Keys and values, at most `size` at a time."""
    iterator = iter(values)
    while portion := dict(islice(iterator, size)):
        yield portion
