"""A feature: its meaning, computation, texts and bounds, in one declaration."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Literal, TypeAlias

from claims.reason_groups import REASON_GROUPS, ReasonKind
from features.declare.agreement import Agreement
from features.declare.feature_inputs import FeatureInputs
from features.declare.values import Value

Unit = Literal["currency", "count", "units", "days", "hours", "ratio", "share", "deviations", "flag", "level"]
"""`level`: the code of a category's level."""
Type = Literal["number", "integer", "flag"]
ATTRIBUTES = "attributes"
"""The `aggregation_group` of the features of attributes."""
Compute: TypeAlias = Callable[[FeatureInputs], Value]
"""From the inputs of a claim to the feature's value, or of many claims to its column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Declaration:
    """What a feature and a feature over several windows have in common."""

    name: str
    type: Type
    unit: Unit
    meaning: str
    aggregation_group: str
    """The aggregation group that it reads (`features/declare/groups`), or `claim`: the facts of the claim itself."""
    group: str
    """The reason it belongs to: a code of `claims/reason_groups.py`, or the name of an attribute's own feature. The
    contributions of a group are added up."""
    kind: ReasonKind = "evidence"
    """Of an attribute's reason; the reason of a built-in feature has that of its group."""
    code: str
    """The stable code of its fact. Features of one fact measure the same comparison (a ratio, a score and a percentile
    against the same peers): it is stated once, by the first of them whose value agrees with the contribution."""
    agrees: Agreement
    """Which values may be stated as raising the risk, and which as lowering it."""
    raises: str
    """The text where it raises the risk: a template over `value` and the inputs, see `features/vector/wording.py`."""
    lowers: str = ""
    """The text where it lowers the risk; empty: the same."""
    series: str = ""
    """What the features of this fact count over several windows: they are stated together, one value per window."""
    missing: str = ""
    """The text where the value is missing; empty: states that it is not known."""
    monotone: Literal[1, -1] | None = None
    """+1: all else equal, a greater value never lowers the risk; -1: never raises it."""
    low: float | None = 0.0
    """No value lies below; `None`: no bound."""
    high: float | None = None
    """No value lies above."""
    shown: Callable[[float], str] | None = None
    """How the value of an attribute is shown; None: in its unit."""
    null_share: float = 1.0
    """The largest share of claims that may lack it before a batch is refused, where the data have its columns."""

    def __post_init__(self) -> None:
        if not self.lowers:
            object.__setattr__(self, "lowers", self.raises)
        if self.group in REASON_GROUPS:
            object.__setattr__(self, "kind", REASON_GROUPS[self.group].kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature(_Declaration):
    """One place of the model's vector."""

    window: str
    compute: Compute


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureOverWindows(_Declaration):
    """The same feature over several windows of days.

    `name` is the prefix: `provider_claims` becomes `provider_claims_30d`. In `meaning`, `raises` and `lowers`, `{days}`
    is the number of days and `{in_days}` is "since yesterday" or "in 30 days".
    """

    windows: tuple[int, ...]
    compute: Callable[[FeatureInputs, int], Value]
    """From the inputs and a window's days to the value."""

    def features(self) -> tuple[Feature, ...]:
        """One feature per window."""
        return tuple(self._feature(days) for days in self.windows)

    def _feature(self, days: int) -> Feature:
        def text(template: str) -> str:
            in_days = "since yesterday" if days == 1 else f"in {days} days"
            return template.replace("{days}", str(days)).replace("{in_days}", in_days)

        shared = {field.name: getattr(self, field.name) for field in fields(_Declaration)}
        texts = {field: text(shared[field]) for field in ("meaning", "raises", "lowers")}
        window = "1 day" if days == 1 else f"{days} days"
        names = {"name": f"{self.name}_{days}d", "window": window}
        return Feature(**(shared | texts | names), compute=lambda x: self.compute(x, days))
