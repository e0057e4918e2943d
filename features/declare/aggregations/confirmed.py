"""Confirmed fraud."""

from dataclasses import dataclass

from features.declare.aggregations.base import WindowedAggregation
from features.ledger import Days, HistoryWindows, Integers, SortedClaims


@dataclass(frozen=True, slots=True)
class ConfirmedClaims(WindowedAggregation):
    """Claims confirmed as fraud by a finding in force that became known in the window; history only.

    A claim counts once however often it was confirmed, and no longer once the finding is reversed or withdrawn.
    """

    @property
    def leaves_after(self) -> Days | None:
        """`None`: the window counts from the finding, not from the claim; see `extra_change_points`."""
        return None

    def extra_change_points(self, claims: SortedClaims) -> Integers:
        """Where a finding begins or ceases to count."""
        return claims.confirmed_changes(self.days).packed

    def history(self, windows: HistoryWindows) -> Integers:
        """Confirmations that began to count, less those that ceased to."""
        return windows.claims.confirmed_changes(self.days).at(windows.points)
