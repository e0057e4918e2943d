"""Signs that the labels reveal more to a model than it will know when it scores.

A sign is a warning: the model is trained, and its document states the warning with its evidence. A promotion gate
refuses a model with a warning that no person has trusted with a reason.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from pydantic import JsonValue

from pipelines.train.errors import TrustError


class LeakCheck(StrEnum):
    """The checks for leaks; the value is how documents and messages name them."""

    COLUMN_NAME = "column_name"
    RANKS_ALONE = "ranks_alone"
    PAIR_RANKS = "pair_ranks"
    LABELS_OF_GROUP = "labels_of_group"
    TELLS_TIME = "tells_time"
    NEAR_COPIES = "near_copies"
    GAIN_SHARE = "gain_share"
    IMPLAUSIBLE_SCORE = "implausible_score"


DATA_SUBJECTS = (LeakCheck.NEAR_COPIES.value, LeakCheck.IMPLAUSIBLE_SCORE.value)
"""Subjects that are no feature or field."""


@dataclass(frozen=True, slots=True)
class LeakWarning:
    """One sign of a leak."""

    check: LeakCheck
    subject: str
    """What `--trust` names: a feature, a claim field, or the check itself where it is about no feature."""
    evidence: str
    """The measure, its value and its limit, as text."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Warnings that a person accepts, by subject, and why. Raises `TrustError` without a reason."""

    subjects: tuple[str, ...] = ()
    reason: str = ""
    by: str = ""
    """Who is responsible; empty: the user of this system."""

    def __post_init__(self) -> None:
        if self.subjects and not self.reason.strip():
            raise TrustError("trusting a feature, field or check requires a reason")

    def features(self, fields: Iterable[str]) -> tuple[str, ...]:
        """The subjects that are neither a check nor one of these fields."""
        others = {*DATA_SUBJECTS, *fields}
        return tuple(subject for subject in self.subjects if subject not in others)

    def records(self, warnings: Iterable[LeakWarning]) -> list[JsonValue]:
        """Each warning as the document of a model states it: with the reason where its subject is trusted."""
        return [
            {
                "check": one.check.value,
                "subject": one.subject,
                "evidence": one.evidence,
                "trusted": self.reason if one.subject in self.subjects else None,
            }
            for one in warnings
        ]
