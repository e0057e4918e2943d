"""Keeping the online store up to date from the database: events, roll-over at midnight, rebuild, re-scoring."""

from features.update.database import Connection, export_frames
from features.update.locks import WRITE_LOCK, hold_lock
from features.update.online_rebuild import delete_generations, rebuild
from features.update.rollover import roll_over
from features.update.snapshot import repeatable_read
from features.update.updater import DrainResult, FeatureUpdater

__all__ = [
    "WRITE_LOCK",
    "Connection",
    "DrainResult",
    "FeatureUpdater",
    "delete_generations",
    "export_frames",
    "hold_lock",
    "rebuild",
    "repeatable_read",
    "roll_over",
]
