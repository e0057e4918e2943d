"""The watermark: one value of the online store, written with every batch, that states how fresh the others are.

Its generation and count of writes are recorded in the database too, in the transaction that marks the written events
done (`features/update/lost_writes.py`). A reader that is given the recorded position notices a store that is behind it.
"""

import hashlib
from dataclasses import dataclass
from struct import Struct, error

from claims.scoring import StorePosition
from features.declare import VIEWS
from features.online.packing import PROJECT

_PACKED = Struct("<8q")


_FORMAT = 2
"""Version of the watermark's own fields."""


def _layout() -> int:
    shape = ";".join(f"{view.name}({','.join(f'{f.name}:{f.size}' for f in view.fields)})" for view in VIEWS)
    return int.from_bytes(hashlib.sha256(f"{_FORMAT};{shape}".encode()).digest()[:8], "little", signed=True)


LAYOUT: int = _layout()
"""Fingerprint of what the views store and in which order: rows of another layout are not read."""


@dataclass(frozen=True, slots=True)
class Watermark:
    """What the online store holds, as of its last write."""

    generation: int
    """Generation of the keys to read."""
    rolled_day: int
    """The day, since the epoch, for which every history row is valid."""
    heartbeat_us: int
    """When the updater last confirmed that everything is written; 0: rows that were lost are being written again."""
    position: int = 0
    """The highest outbox position written; lower positions may still be open."""
    committed_us: int = 0
    """When the newest event written entered the outbox."""
    writes: int = 0
    """Count of writes. It never decreases, also not after a rebuild, so it orders the writes of all processes."""
    keys: int = 0
    """Keys the store holds, the watermark included. A store with fewer has lost some, so a missing row is not zero."""
    layout: int = LAYOUT

    @property
    def store_position(self) -> StorePosition:
        """How far the store has been written."""
        return StorePosition(self.generation, self.writes)

    def is_usable(self, required: StorePosition | None) -> bool:
        """Whether rows may be used: the store is not behind `required`, and no lost rows are being written again."""
        return self.heartbeat_us != 0 and (required is None or self.store_position >= required)

    def pack(self) -> bytes:
        """The stored bytes."""
        return _PACKED.pack(
            self.layout,
            self.generation,
            self.rolled_day,
            self.heartbeat_us,
            self.position,
            self.committed_us,
            self.writes,
            self.keys,
        )

    @classmethod
    def unpack(cls, stored: bytes | None) -> "Watermark | None":
        """The watermark; `None` where there is none, or one of another layout: the store then counts as empty."""
        if stored is None:
            return None
        try:
            layout, generation, rolled_day, heartbeat_us, position, committed_us, writes, keys = _PACKED.unpack(stored)
        except error:
            return None
        if layout != LAYOUT:
            return None
        return cls(generation, rolled_day, heartbeat_us, position, committed_us, writes, keys)


def watermark_key(project: str = PROJECT) -> bytes:
    """The key of the watermark."""
    return f"{project}:watermark".encode()
