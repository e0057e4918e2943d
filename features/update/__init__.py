"""Keeping the online store up to date from the database: events, roll-over at midnight, rebuild, re-scoring."""

from features.update.attributes import export_attributes
from features.update.database import Connection, export_frames
from features.update.locks import WRITE_LOCK, hold_lock
from features.update.lost_writes import Repair, recorded_state, required_repair
from features.update.online_rebuild import delete_generations, rebuild
from features.update.point_in_time import states_at
from features.update.rollover import roll_over
from features.update.snapshot import repeatable_read
from features.update.updater import DrainResult, FeatureUpdater

__all__ = [
    "WRITE_LOCK",
    "Connection",
    "DrainResult",
    "FeatureUpdater",
    "Repair",
    "delete_generations",
    "export_attributes",
    "export_frames",
    "hold_lock",
    "rebuild",
    "recorded_state",
    "repeatable_read",
    "required_repair",
    "roll_over",
    "states_at",
]
