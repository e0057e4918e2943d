"""What one feature is: its meaning, its computation, the words it gives, and the bounds it must keep, in one entry."""

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Literal

from claims.reason_groups import GroupCode
from features.declare.agreement import Agreement

Unit = Literal["currency", "count", "units", "days", "hours", "ratio", "share", "deviations", "flag"]
Type = Literal["number", "integer", "flag"]
Compute = Callable[[SimpleNamespace], Any]
"""From the inputs of a claim (`features/vector/inputs.py`) to the feature's value, or of many claims to its column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One place of the model's vector."""

    name: str
    type: Type
    unit: Unit
    meaning: str
    entity: str
    """Whose fact it is: `claim`, or an entity of `features/declare/groups`."""
    window: str
    group: GroupCode
    """The reason it belongs to (`claims/reason_groups.py`); the contributions of a group are added up."""
    code: str
    """The stable code of its fact. Features of one fact measure the same comparison (a ratio, a score and a percentile
    against the same peers), so it is stated once, by the first of them whose value agrees with the push."""
    agrees: Agreement
    """Which values may be stated as raising the risk, and which as lowering it."""
    raises: str
    """The text where it raises the risk: a template over `value` and the inputs, see `features/vector/wording.py`."""
    lowers: str
    """The words where it speaks against."""
    series: str = ""
    """What the features of this fact count over several windows: they are stated together, a value for each window."""
    missing: str = ""
    """The words where the value is missing; empty: says that it is not known."""
    compute: Compute
    monotone: Literal[1, -1] | None = None
    """+1: where everything else is equal a greater value never lowers the risk; -1: never raises it."""
    low: float | None = 0.0
    """No value lies below; `None`: no bound."""
    high: float | None = None
    """No value lies above."""
    null_share: float = 1.0
    """The largest share of claims that may lack it before a batch is refused, where the data have its columns."""
