"""What a feature is computed from: the numbers of a claim, and the values of each aggregation group for its key."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from features.declare.values import Cell, Value


class GroupValues:
    """The values of one aggregation group, one attribute per aggregation: `claims_30d`, `last_us`."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Value: ...

    def histogram(self, name: str) -> Sequence[Cell]:
        """The counts per bucket of a `Histogram` aggregation."""
        counts: Sequence[Cell] = self.__dict__[name]
        return counts


@dataclass(slots=True, kw_only=True)
class FeatureInputs:
    """The inputs of one claim (floats) or of many (float64 columns).

    What is missing, because the claim lacks the fact or the key or because a row could not be read, has a placeholder
    here and is named in `missing`; `features.vector` makes NaN of every feature that reads it, so that no computation
    has to handle it.
    """

    amount_cents: Value
    log_e4: Value
    """Natural logarithm of the amount in cents, in ten-thousandths."""
    units: Value
    lines: Value
    diagnoses: Value
    benefit_limit_cents: Value
    received_us: Value
    """Microseconds since the epoch."""
    received_day: Value
    """Days since the epoch, as are the next two."""
    service_from_day: Value
    service_to_day: Value
    service_weekend: Value
    """1 where the service began on a Saturday or Sunday."""
    inpatient: Value
    """1 where the place of service is a hospital bed; the next two likewise."""
    emergency: Value
    remote: Value
    missing_groups: Value
    """Aggregation groups whose values are missing."""

    member: GroupValues
    provider: GroupValues
    procedure: GroupValues
    member_provider: GroupValues
    member_procedure: GroupValues
    service: GroupValues
    provider_procedure: GroupValues
    provider_day: GroupValues
    procedure_region: GroupValues
    procedure_specialty: GroupValues
    specialty: GroupValues
    diagnosis: GroupValues
    diagnosis_procedure: GroupValues
    demographic: GroupValues
    procedure_demographic: GroupValues
    provider_network: GroupValues
