"""Windows: what happened before a claim at an entity it names, such as a terminal, a broker or a device.

A mapping declares a window over a key (`windows:`); each of its values is an attribute of the claim, named
`<window>.<value>_<length>`: `terminal.claims_7d`, `terminal.amount_mean_30d`, `terminal.fraud_rate_30d`. A value is
computed from the entity's claims received strictly before the claim, within the length of the window to the
microsecond, and at most the last `MAX_CLAIMS` of them, so that reading it takes bounded time for any entity. Offline
(`features.windows.window_values`) and in the database (`features.windows.WindowQuery`) the definition is the same:

    claims, sum, mean, share   claims of the window that were not voided before the claim; null values do not count
    distinct                   different values, those of voided claims included
    last, hours_since_last     of the entity's last claim, voided or not; no length
    frauds, fraud_rate         claims of the window by the finding in force `delay_days` before the claim: confirmed as
                               fraud, and their share of those with a finding
"""

import hashlib
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

MAX_CLAIMS = 1_000
"""Most claims of an entity that its windows look back at."""
MAX_WINDOWS = 20
"""Most windows of a mapping."""
MAX_SUMMAND = 1e9
"""Largest magnitude of a number in a sum or mean; a larger one counts as it."""
PARTS = 10_000
"""Numbers are summed exactly, in ten-thousandths."""

CLAIM_KEYS: tuple[str, ...] = ("member_id", "provider_id", "procedure_code")
"""Claim fields that a window may have as its key; any other key is an attribute of type `key` or `category`."""
CLAIM_NUMBERS: tuple[str, ...] = ("amount", "units")
"""Numbers of the claim itself; `amount` is in whole units of the currency."""
CLAIM_TEXTS: tuple[str, ...] = ("member_id", "provider_id", "procedure_code", "diagnosis_code")
"""Texts of the claim itself that may be counted."""

Length = Annotated[str, StringConstraints(pattern=r"^([1-9][0-9]{0,3}[hd]|ever)$")]
"""`6h`, `30d` or `ever`."""
ColumnName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
_HOUR_US = 3_600_000_000


class WindowValueKind(StrEnum):
    """What is computed of the claims of a window."""

    CLAIMS = "claims"
    SUM = "sum"
    MEAN = "mean"
    SHARE = "share"
    DISTINCT = "distinct"
    LAST = "last"
    HOURS_SINCE_LAST = "hours_since_last"
    FRAUDS = "frauds"
    FRAUD_RATE = "fraud_rate"


OF_FINDINGS = (WindowValueKind.FRAUDS, WindowValueKind.FRAUD_RATE)
"""Kinds that read what was found about earlier claims: a prior about the entity, not evidence about the claim."""


class WindowValue(BaseModel):
    """One value of one window; equal ones are the same value, whatever a mapping calls them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: ColumnName = Field(description="The claim field or attribute that names the entity.")
    kind: WindowValueKind
    column: ColumnName | None = Field(None, description="The claim field or attribute that is summed or counted.")
    length: Length = "ever"
    delay_days: int = Field(0, ge=0, le=3_650, description="Of findings: how long before the claim they were known.")

    @property
    def length_us(self) -> int | None:
        """The length in microseconds; None: without a beginning."""
        if self.length == "ever":
            return None
        return int(self.length[:-1]) * (_HOUR_US if self.length.endswith("h") else 24 * _HOUR_US)

    @property
    def wire_name(self) -> str:
        """The attribute by which a claim is sent to the scorer with it: two models may call different values alike."""
        return f"window.{hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]}"


class EntityWindow(BaseModel):
    """A window as a mapping declares it: the entity, the lengths, and what is computed over each of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: ColumnName = Field(description="A claim field (member_id, provider_id, procedure_code) or an attribute.")
    meaning: str = Field(
        "",
        max_length=40,
        pattern=r"^[^\x00-\x1f\x7f{}]*$",
        description="What the entity is, as reasons name it: `terminal`. Default: the name of the window.",
    )
    lengths: tuple[Length, ...] = Field(("1d", "7d", "30d"), min_length=1, max_length=8)
    claims: bool = Field(True, description="The number of earlier claims.")
    sum: tuple[ColumnName, ...] = ()
    mean: tuple[ColumnName, ...] = ()
    share: tuple[ColumnName, ...] = Field((), description="Boolean attributes: the share of claims where it is true.")
    distinct: tuple[ColumnName, ...] = ()
    last: tuple[ColumnName, ...] = Field((), description="Numbers: the value on the last claim.")
    hours_since_last: bool = True
    fraud_rate: bool = Field(False, description="The number and share of earlier claims confirmed as fraud.")
    delay_days: int = Field(0, ge=0, le=3_650, description="Findings count that were known so many days before.")

    @model_validator(mode="after")
    def _different(self) -> "EntityWindow":
        for name in ("lengths", "sum", "mean", "share", "distinct", "last"):
            if len(set(getattr(self, name))) != len(getattr(self, name)):
                raise ValueError(f"{name} lists an entry twice")
        return self

    def values(self, name: str) -> dict[str, WindowValue]:
        """The values of the window called `name`, by the name of the attribute that each becomes."""
        found: dict[str, WindowValue] = {}

        def add(suffix: str, kind: WindowValueKind, column: str | None = None, length: str = "ever") -> None:
            delay = self.delay_days if kind in OF_FINDINGS else 0
            found[f"{name}.{suffix}"] = WindowValue(
                key=self.key, kind=kind, column=column, length=length, delay_days=delay
            )

        for length in self.lengths:
            if self.claims:
                add(f"claims_{length}", WindowValueKind.CLAIMS, length=length)
            for kind in (WindowValueKind.SUM, WindowValueKind.MEAN, WindowValueKind.SHARE, WindowValueKind.DISTINCT):
                for column in getattr(self, kind.value):
                    add(f"{column}_{kind.value}_{length}", kind, column, length)
            if self.fraud_rate:
                for kind in OF_FINDINGS:
                    add(f"{kind.value}_{length}", kind, length=length)
        for column in self.last:
            add(f"{column}_last", WindowValueKind.LAST, column)
        if self.hours_since_last:
            add("hours_since_last", WindowValueKind.HOURS_SINCE_LAST)
        return found


_PERIOD = {"h": "hour", "d": "day"}


def period(length: str) -> str:
    """A length in words, after a space: ` in 6 hours`, ` in 1 day`; empty for `ever`."""
    if length == "ever":
        return ""
    number, unit = length[:-1], _PERIOD[length[-1]]
    return f" in {number} {unit}{'' if number == '1' else 's'}"


_MEANINGS: dict[WindowValueKind, str] = {
    WindowValueKind.CLAIMS: "Earlier claims of the {entity}{when}",
    WindowValueKind.SUM: "Sum of {column} on earlier claims of the {entity}{when}",
    WindowValueKind.MEAN: "Average {column} on earlier claims of the {entity}{when}",
    WindowValueKind.SHARE: "Share of earlier claims of the {entity}{when} with {column}",
    WindowValueKind.DISTINCT: "Different values of {column} on earlier claims of the {entity}{when}",
    WindowValueKind.LAST: "{column} on the last claim of the {entity}",
    WindowValueKind.HOURS_SINCE_LAST: "Hours since the last claim of the {entity}",
    WindowValueKind.FRAUDS: "Earlier claims of the {entity}{when} confirmed as fraud",
    WindowValueKind.FRAUD_RATE: "Share of fraud among the {entity}'s earlier claims with a finding{when}",
}


def meaning_of(value: WindowValue, entity: str, column: str) -> str:
    """What a value is, as reasons state it before the number; `column` is the meaning of its column."""
    text = _MEANINGS[value.kind].format(entity=entity, column=column, when=period(value.length))
    return text[:1].upper() + text[1:]
