"""The error budget of repeated promotions: candidates that are compared on the same claims share it.

Every week another candidate is compared with the champion, mostly on the claims of the week before. Each comparison at
95 % makes a model that is no better look better once in forty times, so among many one would be promoted by luck. The
j-th version that is compared on claims of a window must therefore be better with a confidence of 1 - 0.05 / j²: the sum
of 0.05 / j² over any number of versions stays under 0.083, half of it on the side that promotes. The average precision
that promotions on these claims gave up, within the tolerance of a better calibrated model, is counted together too.

The audit trail holds every comparison (`compare`), whether it led to a promotion or not.
"""

from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

from models.evaluation import Interval
from pipelines import audit_trail
from pipelines.audit_trail import AuditTrailError

ERROR = 0.05
"""Of the first version that is compared on some claims."""


@dataclass(frozen=True, slots=True)
class EarlierAttempts:
    """What was compared with a champion on some of the same claims before."""

    versions: int = 0
    """Other versions that were compared."""
    given_up: float = 0.0
    """Sum of the average precision that those promoted were below the champion they replaced."""

    @property
    def level(self) -> float:
        """The confidence that the next version needs."""
        return float(1 - ERROR / (self.versions + 1) ** 2)

    def low(self, interval: Interval) -> float:
        """The lower end at `level` of a 95 % interval: its lower arm lengthened as that of a normal distribution."""
        arms = [NormalDist().inv_cdf((1 + level) / 2) for level in (self.level, interval.level)]
        return interval.value - (interval.value - interval.low) * arms[0] / arms[1]


FIRST_ATTEMPT = EarlierAttempts()


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison of a version with the champion, as the audit trail holds it."""

    champion: str
    first_us: int
    last_us: int
    """Receipt of the first and of the last claim."""
    ap_over_champion: float

    def record(self, home: Path, version: str, *, by: str) -> None:
        """Append it to the audit trail."""
        audit_trail.record(
            home,
            "compare",
            version=version,
            by=by,
            reason="the gates were checked",
            champion=self.champion,
            claims_from_us=self.first_us,
            claims_until_us=self.last_us,
            ap_over_champion=self.ap_over_champion,
        )


def earlier_attempts(home: Path, version: str, *, first_us: int, last_us: int) -> EarlierAttempts | None:
    """The comparisons of other versions on claims received from `first_us` to `last_us`; None: the trail is damaged."""
    try:
        entries = audit_trail.read(home)
    except AuditTrailError:
        return None
    promoted = {entry.version for entry in entries if entry.action in ("promote", "force")}
    leads: dict[str, float] = {}
    for entry in entries:
        details = entry.details
        if entry.action != "compare" or entry.version == version:
            continue
        if details["claims_from_us"] <= last_us and details["claims_until_us"] >= first_us:
            leads[entry.version] = details["ap_over_champion"]
    return EarlierAttempts(len(leads), sum(max(0.0, -lead) for one, lead in leads.items() if one in promoted))
