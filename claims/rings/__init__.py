"""Rings: providers that shared members tie together. Nothing here reads a database or a clock."""

from claims.rings.ties import (
    MIN_DEVIATIONS,
    MIN_SHARED,
    MOST_PROVIDERS,
    WINDOW_DAYS,
    WITHIN_DAYS,
    SharedMembers,
    network_ties,
    ring_around,
    tied,
)
from claims.rings.weekly import Ring, carried_over, rings_of

__all__ = [
    "MIN_DEVIATIONS",
    "MIN_SHARED",
    "MOST_PROVIDERS",
    "WINDOW_DAYS",
    "WITHIN_DAYS",
    "Ring",
    "SharedMembers",
    "carried_over",
    "network_ties",
    "ring_around",
    "rings_of",
    "tied",
]
