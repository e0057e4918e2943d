"""The watermark: one value of the online store, written with every batch, that tells how fresh all the others are."""

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
"""Fingerprint of what the views store and in which order: rows of another layout are not read as if they were ours."""


@dataclass(frozen=True, slots=True)
class Watermark:
    """What the online store holds, as of its last write."""

    generation: int
    """Of the keys that are to be read."""
    rolled_day: int
    """The day, since the epoch, for which every history row is right."""
    heartbeat_us: int
    """When the updater last said that there is nothing it has not written."""
    position: int = 0
    """The highest outbox position written; lower ones may still be open."""
    committed_us: int = 0
    """When the newest event written was put into the outbox."""
    writes: int = 0
    """Counts writes, so that two watermarks are never the same bytes: a writer that was overtaken notices."""
    written_us: int = 0
    """The database's time just before this write: events marked done later may not be in it."""
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
        """The watermark; `None` where there is none, or one of another layout: then the store holds nothing for us."""
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
