"""The result of a drift run."""

from dataclasses import asdict, dataclass, field
from typing import cast

from pipelines.drift.alarms import Cause
from pipelines.drift.measures import DayMeasures
from pipelines.formatting import rounded


@dataclass(frozen=True, slots=True)
class Drift:
    """The measured days, the causes of the alarms raised, and the reference period."""

    model: str
    dataset: str
    reference: tuple[str, str]
    days: tuple[DayMeasures, ...]
    raised: tuple[Cause, ...]
    since_training: dict[str, float] = field(default_factory=dict)
    """Stability index of each feature, all days together against the model's training set.

    A slow change raises no alarm on any day, because the reference period moves with it; here it is visible.
    """
    not_compared: tuple[str, ...] = ()
    """Features that are not compared with the training set, because its profile does not have them."""

    def furthest(self, count: int = 5) -> list[tuple[str, float]]:
        """The features furthest from the training set."""
        return sorted(self.since_training.items(), key=lambda item: -item[1])[:count]

    def as_json(self) -> dict[str, object]:
        """The JSON form: floats at six significant figures, non-finite numbers as null."""
        return cast("dict[str, object]", rounded(asdict(self)))
