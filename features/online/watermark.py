"""The watermark: one value of the online store, written with every batch, that states how fresh the others are."""

import hashlib
from dataclasses import dataclass
from struct import Struct, error

from features.declare import VIEWS
from features.online.packing import PROJECT

_PACKED = Struct("<8q")


def _layout() -> int:
    shape = ";".join(f"{view.name}({','.join(f'{f.name}:{f.size}' for f in view.fields)})" for view in VIEWS)
    return int.from_bytes(hashlib.sha256(shape.encode()).digest()[:8], "little", signed=True)


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
    """When the updater last confirmed that everything is written."""
    position: int = 0
    """The highest outbox position written; lower positions may still be open."""
    committed_us: int = 0
    """When the newest event written entered the outbox."""
    writes: int = 0
    """Count of writes: no two watermarks are the same bytes, so a writer that was overtaken notices."""
    written_us: int = 0
    """The database's time just before this write: it may lack events marked done later."""
    layout: int = LAYOUT

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
            self.written_us,
        )

    @classmethod
    def unpack(cls, stored: bytes | None) -> "Watermark | None":
        """The watermark; `None` where there is none, or one of another layout: the store then counts as empty."""
        if stored is None:
            return None
        try:
            layout, generation, rolled_day, heartbeat_us, position, committed_us, writes, written_us = _PACKED.unpack(
                stored
            )
        except error:
            return None
        if layout != LAYOUT:
            return None
        return cls(generation, rolled_day, heartbeat_us, position, committed_us, writes, written_us)


def watermark_key(project: str = PROJECT) -> bytes:
    """The key of the watermark."""
    return f"{project}:watermark".encode()
