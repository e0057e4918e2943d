"""What drift is measured, and the limits of each measure."""

from dataclasses import dataclass
from enum import StrEnum


class DriftMeasure(StrEnum):
    """What an alarm is about."""

    FEATURE = "feature"
    """Population stability index of a feature."""
    MISSING = "missing"
    """Share of a feature's values that are missing."""
    SCORE = "score"
    """Population stability index of the probability."""
    FLAGGED = "flagged"
    """Share of the claims at or above the threshold."""
    VOLUME = "volume"
    """Claims over those expected for the weekday, in either direction."""
    CALIBRATION = "calibration"
    """Frauds among the labels that became known, over those expected."""


@dataclass(frozen=True, slots=True)
class AlarmLimit:
    """When a day raises an alarm: above the largest of the floor, the room, and what chance allows."""

    floor: float
    """Below it there is no alarm."""
    room: float
    """How many times further than the worst day of the reference a day must be; 0: the reference days do not count."""
    description: str
    clustered: float = 4.0
    """Design effect: a day's claims come from few providers, so chance acts as on this many times fewer claims."""


FEATURE_LIMIT = AlarmLimit(0.25, 3.5, "stability index of a feature")
PROVIDER_FEATURE_LIMIT = AlarmLimit(0.25, 6.0, "stability index of a feature that all claims of a provider share")
NETWORK_FEATURE_LIMIT = AlarmLimit(
    0.25, 20.0, "stability index of a feature of the provider network, which is rebuilt weekly", 16.0
)
MISSING_LIMIT = AlarmLimit(0.03, 3.5, "share of a feature's values that are missing, above the usual share")
SCORE_LIMIT = AlarmLimit(0.25, 6.0, "stability index of the probability")
FLAGGED_LIMIT = AlarmLimit(3.0, 0.0, "claims at or above the threshold, times the usual share")
VOLUME_LIMIT = AlarmLimit(0.4, 2.0, "claims over those usual for the weekday, either way (natural logarithm)")
CALIBRATION_LIMIT = AlarmLimit(2.0, 0.0, "frauds among the labels that became known, over those expected")
GROUP_LIMITS = {
    "provider": PROVIDER_FEATURE_LIMIT,
    "provider_day": PROVIDER_FEATURE_LIMIT,
    "provider_procedure": PROVIDER_FEATURE_LIMIT,
    "provider_network": NETWORK_FEATURE_LIMIT,
}
"""Entity of a feature → its limit; the others have `FEATURE_LIMIT`, the strictest."""
