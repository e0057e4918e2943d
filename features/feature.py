"""What one feature is: its meaning, its computation, the words it gives, and the bounds it must keep, in one entry."""

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Literal

Unit = Literal[
    "currency", "count", "units", "days", "hours", "years", "ratio", "share", "deviations", "probability", "flag"
]
Type = Literal["number", "integer", "flag"]
Group = Literal[
    "claim_itself",
    "amount_vs_peers",
    "provider_volume",
    "impossible_day",
    "member_history",
    "pair",
    "plausibility",
    "confirmed_history",
    "network",
    "data_quality",
]

Compute = Callable[[SimpleNamespace], Any]
"""From what is known of a claim (`features/known.py`) to the feature's value, or of many claims to its column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One place of the model's vector."""

    name: str
    type: Type
    unit: Unit
    meaning: str
    entity: str
    """Whose fact it is: `claim`, or an entity of `features/views`."""
    window: str
    group: Group
    """Features of one group mean one thing to a reader; their contributions may be added up."""
    code: str
    """The stable code of the reason it gives; features that say the same thing share one."""
    raises: str
    """The reason where it speaks for fraud: a template over `value` and what is known, see `features/words.py`."""
    lowers: str
    """The reason where it speaks against."""
    missing: str = ""
    """The reason where the value is missing; empty: says that it is not known."""
    compute: Compute
    monotone: Literal[1, -1] | None = None
    """+1: where everything else is equal a greater value never lowers the risk; -1: never raises it."""
    low: float | None = 0.0
    """No value lies below; `None`: no bound."""
    high: float | None = None
    """No value lies above."""
    null_share: float = 1.0
    """The largest share of claims that may lack it before a batch is refused, where the data have its columns."""
