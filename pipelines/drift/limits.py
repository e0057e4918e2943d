"""What drift is measured, over which days, and the limits of each measure."""

from dataclasses import dataclass
from enum import StrEnum


class DriftMeasure(StrEnum):
    """What an alarm is about."""

    FEATURE = "feature"
    """Distribution of a feature's values."""
    CODE = "code"
    """Shares of the codes of a claim's column."""
    MISSING = "missing"
    """Share of a column's values that are missing, either way."""
    SCORE = "score"
    """Distribution of the probability."""
    FLAGGED = "flagged"
    """Claims at or above the threshold over those usual, either way."""
    VOLUME = "volume"
    """Claims over those usual for the weekday, either way."""
    LABELS = "labels"
    """Labels that became known over those usual, either way."""
    LABEL_DELAY = "label_delay"
    """Distribution of the days from a claim's receipt to its label."""
    FRAUD_SHARE = "fraud_share"
    """Share of fraud among the labels that became known, either way."""
    CALIBRATION = "calibration"
    """Frauds among the labels that became known over those that the model expects, either way."""


@dataclass(frozen=True, slots=True)
class AlarmLimit:
    """When a distribution raises an alarm: beyond the largest of the floor, the room, and what chance allows."""

    room: float
    """How many times further than the worst days of the reference it must be."""
    description: str
    clustered: float = 4.0
    """Design effect: a day's claims come from few providers, so chance acts as on this many times fewer claims."""


@dataclass(frozen=True, slots=True)
class EventLimit:
    """When a number of events raises an alarm: beyond what chance allows, and by more than the floor."""

    ratio: float
    """Least number of times more, or fewer, than usual."""
    windows: tuple[int, ...]
    """Days that are counted together, ending with the measured one."""
    description: str


WINDOWS = (1, 7)
"""Days whose values are compared together, ending with the measured one: a day, and a week for small changes."""
CLAIMS_A_WINDOW = {1: 20, 7: 60}
"""Fewest claims of a window whose values are compared."""
FALSE_ALARMS_A_DAY = 0.01
"""Probability of an alarm by chance on a day without drift, over all columns together."""
FALSE_EVENT_ALARMS = {1: 1e-4, 7: 5e-4, 28: 1e-3}
"""Days counted together → probability of so many or so few events by chance, of one measure and direction."""
SHARE_FLOOR = 0.05
"""Least change of the share of fraud."""
MISSING_FLOOR = 0.03
"""Least change of the share of missing values."""

FEATURE_LIMIT = AlarmLimit(3.5, "distribution of a feature")
PROVIDER_FEATURE_LIMIT = AlarmLimit(7.0, "distribution of a feature that all claims of a provider share")
NETWORK_FEATURE_LIMIT = AlarmLimit(
    20.0, "distribution of a feature of the provider network, which is rebuilt weekly", 16.0
)
CODE_LIMIT = AlarmLimit(3.5, "shares of the codes of a claim's column")
MISSING_LIMIT = AlarmLimit(3.5, "share of a column's values that are missing")
SCORE_LIMIT = AlarmLimit(6.0, "distribution of the probability")
LABEL_DELAY_LIMIT = AlarmLimit(3.5, "days from receipt to label")
VOLUME_FLOOR, VOLUME_ROOM = 0.4, 2.0
"""Of the claims over those usual for the weekday, as natural logarithms."""
FLAGGED_LIMIT = EventLimit(3.0, (1, 7, 28), "claims at or above the threshold")
LABELS_LIMIT = EventLimit(2.0, (7, 28), "labels that became known")
FRAUD_SHARE_LIMIT = EventLimit(1.0, (7, 28), "frauds among the labels that became known, over the usual share")
CALIBRATION_LIMIT = EventLimit(2.0, (1, 7, 28), "frauds among the labels that became known, over those expected")
GROUP_LIMITS = {
    "provider": PROVIDER_FEATURE_LIMIT,
    "provider_day": PROVIDER_FEATURE_LIMIT,
    "provider_procedure": PROVIDER_FEATURE_LIMIT,
    "provider_network": NETWORK_FEATURE_LIMIT,
}
"""Aggregation group of a feature → its limit; the others have `FEATURE_LIMIT`, the strictest."""
