"""The scoring contract, version 1: request and response of the scorer.

`api` and `serving` share these types and nothing else.
"""

import operator
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from claims.attributes import ScoredAttributes
from claims.identifiers import MAX_DESCRIPTION, MAX_ID, MAX_REGION, MAX_SPECIALTY
from claims.reason_groups import ReasonKind

CONTRACT: Literal["1"] = "1"
ExplainedBy: TypeAlias = Literal["tables", "pred_contribs", "terms"]
"""Where exact contributions come from: tables of trees, XGBoost itself, or the terms of an additive model."""

MAX_SCORED_CENTS = (1 << 53) - 1
"""Largest amount in the contract: the largest integer range a float holds exactly.

Submitted claims are limited to less (`claims.money.MAX_CENTS`); historical claims may exceed it.
"""
MAX_COUNT = (1 << 31) - 1
"""Largest count: claims frame and database use 32-bit integers."""

MAX_AGE_YEARS = 130
"""Ages above it are treated as missing."""


class ClaimFacts(BaseModel):
    """A claim at receipt, with the attributes its member and provider had then.

    The same columns, in the same order (`CLAIM_COLUMNS`), are the claims frame (`features/declare/frames.py`), the view
    `claim_facts` of the database, and the body of a score request. `None` means that the source has no value.
    Unknown fields are refused, so that a misspelt name is not read as a missing value.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    claim_id: str = Field(max_length=MAX_ID)
    received_at: AwareDatetime
    service_from: date
    service_to: date
    member_id: str = Field(max_length=MAX_ID)
    provider_id: str = Field(max_length=MAX_ID)
    procedure_code: str = Field(max_length=MAX_DESCRIPTION, description="Of the line with the highest amount.")
    diagnosis_code: str = Field(max_length=MAX_DESCRIPTION, description="The principal diagnosis.")
    place_of_service: str | None = Field(None, max_length=2, description="CMS two-digit code.")
    region: str | None = Field(None, max_length=MAX_REGION)
    specialty: str | None = Field(None, max_length=MAX_SPECIALTY)
    age_years: int | None = Field(
        None, ge=0, le=MAX_AGE_YEARS, description="Of the member on the first day of service."
    )
    sex: Literal["F", "M"] | None = None
    amount_cents: int = Field(gt=0, le=MAX_SCORED_CENTS)
    units: int = Field(1, ge=1, le=MAX_COUNT)
    lines: int = Field(1, ge=1, le=MAX_COUNT)
    diagnoses: int = Field(1, ge=1, le=MAX_COUNT)
    benefit_limit_cents: int | None = Field(None, ge=0, le=MAX_SCORED_CENTS, description="The plan's yearly limit.")
    attributes: ScoredAttributes = Field(
        default_factory=dict,
        exclude_if=operator.not_,
        description="Further columns of the source that models use (`claims.attributes`), by name. One that is not "
        "given is not known; null has no value. Those that the model does not have are ignored.",
    )


CLAIM_COLUMNS: tuple[str, ...] = tuple(name for name in ClaimFacts.model_fields if name != "attributes")
"""The fields of a claim that every source has a column for."""


SERVER_TIME_HEADER = "Ginja-Time"
"""Header of every response of the scorer: its time, in microseconds since 1970."""
WINDOWS_PATH = "/v1/windows"
"""Of the scorer: the windows (`claims.windows`) that a claim's `attributes` must have the values of, by name."""
DETAILS_PATH = "/v1/explain"
"""Of the scorer: what explains a score further (`ExplanationDetails`)."""
STORE_POSITION_HEADER = "Ginja-Store-Position"
"""Header of a score request: the position that the online store must have reached."""


@dataclass(frozen=True, order=True, slots=True)
class StorePosition:
    """How far the online store has been written: every row of an earlier position is in it.

    The database records the position of each write. The API sends the recorded one with a score request, and the
    scorer uses no row of a store that is behind it: such a store lost writes.
    """

    generation: int
    """The generation of keys that is read; a rebuild begins a new one."""
    writes: int
    """Count of writes."""

    def __str__(self) -> str:
        return f"{self.generation}.{self.writes}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The position that `str` wrote. Raises `ValueError`."""
        generation, _, writes = text.partition(".")
        if not all(part.isascii() and part.isdigit() and len(part) <= 19 for part in (generation, writes)):
            raise ValueError("a store position is two whole numbers separated by a dot")
        return cls(int(generation), int(writes))


@dataclass(frozen=True, slots=True)
class Reason:
    """One group of features that moved the score, stated in words an investigator can check.

    Pushes are relative to the typical claim (`Score.typical_margin`), so what most claims share is not a reason.
    """

    code: Annotated[
        str,
        Field(description="Code of the group (`claims.reason_groups`); the meaning of a code never changes."),
    ]
    kind: Annotated[
        ReasonKind, Field(description="Evidence about this claim, or a prior about its provider or member.")
    ]
    text: str
    direction: Annotated[Literal["for", "against"], Field(description="For or against fraud.")]
    push: Annotated[float, Field(description="Log-odds that the group adds, compared with the typical claim.")]
    odds: Annotated[float, Field(description="exp(push): the factor on the odds.")]
    features: Annotated[dict[str, float | None], Field(description="The values behind the words.")]
    carrier: Annotated[list[str], Field(description="The features whose fact the text states.")]
    carrier_share: Annotated[
        float,
        Field(gt=0, description="Their part of everything in the group that pushes in this direction; at least 0.6."),
    ]


@dataclass(frozen=True, slots=True)
class GroupPush:
    """Contribution of one group of features to the margin, relative to the typical claim."""

    code: Annotated[str, Field(description="Of the group (`claims.reason_groups`).")]
    push: Annotated[float, Field(description="Log-odds: the sum of `features`.")]
    features: Annotated[
        dict[str, float], Field(description="Feature → its contribution minus that of the typical claim.")
    ]


class Counterfactual(BaseModel):
    """The nearest amount at which the claim would have stayed below the threshold, everything else equal."""

    model_config = ConfigDict(frozen=True)

    amount_cents: int
    probability: float = Field(description="Verified by scoring the claim at that amount.")
    text: str


class PairEffect(BaseModel):
    """The two features of a claim whose combination matters most: what both add beyond what each adds alone."""

    model_config = ConfigDict(frozen=True)

    features: tuple[str, str]
    push: float = Field(description="Log-odds: the Shapley interaction index of the pair.")
    odds: float = Field(description="exp(push): the factor on the odds.")
    text: str


class PeerPush(BaseModel):
    """Contribution of one group of features, compared with peers."""

    model_config = ConfigDict(frozen=True)

    code: str = Field(description="Of the group (`claims.reason_groups`).")
    push: float = Field(description="Log-odds: the sum of `features`.")
    odds: float = Field(description="exp(push): the factor on the odds.")
    text: str = Field(description="The feature that moves the group most, its value, and that of the median peer.")
    features: dict[str, float] = Field(description="Feature → its contribution.")


class PeerComparison(BaseModel):
    """A claim's score compared with those of honest claims of its specialty."""

    model_config = ConfigDict(frozen=True)

    specialty: str
    claims: int = Field(ge=1, description="Honest claims that it is compared with.")
    margin: float = Field(description="Their mean log-odds; with the pushes of `groups` it sums to the claim's margin.")
    groups: list[PeerPush] = Field(description="Every group of the model's features, by descending |push|.")


class ProbabilityInterval(BaseModel):
    """How certain the calibration of a probability is: the interval of the share of fraud among claims with its score.

    Below few frauds it is wide. It is too narrow where frauds come in bursts, and it says nothing about whether the
    score is right for this claim.
    """

    model_config = ConfigDict(frozen=True)

    low: float = Field(ge=0, le=1)
    high: float = Field(ge=0, le=1)
    level: float = Field(gt=0, lt=1, description="How often such an interval has the true share.")


class ExplanationDetails(BaseModel):
    """What explains a score further; computed on request, from the vector that was scored."""

    model_config = ConfigDict(frozen=True, cache_strings="keys")

    model_version: str
    probability_interval: ProbabilityInterval | None = Field(
        None, description="Of the calibration; null: the model does not state how certain its calibration is."
    )
    interaction: PairEffect | None = Field(
        description="Null: no two features interact, or the model has no tables of trees."
    )
    peers: PeerComparison | None = Field(
        description="Null: the specialty is not known, or the model has too few honest claims of it."
    )


class ShadowScore(BaseModel):
    """The challenger's score of the same vector; stored, never used for the decision."""

    model_config = ConfigDict(frozen=True)

    model_version: str
    margin: float
    probability: float
    flagged: bool


@dataclass(frozen=True, slots=True)
class OutOfRange:
    """A feature whose value lies outside the range of the training claims."""

    feature: str
    meaning: Annotated[str, Field(description="Of the feature, as a sentence.")]
    value: float
    low: float
    high: float


class Score(BaseModel):
    """The scorer's answer for one claim. Every field is required: a missing one makes the score invalid."""

    model_config = ConfigDict(frozen=True, cache_strings="keys")

    contract: Literal["1"]
    claim_id: str
    model_version: str
    schema_hash: str = Field(description="SHA-256 of the vector's feature names and order.")
    probability: float = Field(ge=0, le=1, allow_inf_nan=False)
    margin: float = Field(allow_inf_nan=False)
    threshold: float = Field(ge=0, le=1, allow_inf_nan=False)
    flagged: bool
    base_margin: float = Field(allow_inf_nan=False)
    contributions: dict[str, float] = Field(description="With `base_margin` they sum to `margin` within 1e-4.")
    vector: dict[str, float | None] = Field(description="Every feature, null where missing.")
    typical_margin: float = Field(
        allow_inf_nan=False, description="Of the typical claim; with the pushes of `groups` it sums to `margin`."
    )
    groups: list[GroupPush] = Field(description="Every group of the model's features, by descending |push|.")
    reasons: list[Reason] = Field(description="The main groups: for, then against, strongest first.")
    counterfactual: Counterfactual | None = Field(description="Null: not flagged, none exists, or scored in a batch.")
    feature_times: dict[str, AwareDatetime | None] = Field(
        description="Event time of each view read; null without a row."
    )
    stale_views: list[str] = Field(description="Views that were missing or stale, whose features were NaN.")
    gain_present: float = Field(
        ge=0, le=1, description="Share of the model's total gain held by features whose inputs were available."
    )
    out_of_range: list[OutOfRange] = Field(description="Features outside the range of the training claims.")
    tail_features: int = Field(ge=0, description="Features in the extreme tails of the training claims.")
    tail_limit: int | None = Field(
        description="Most tail features of 99.9 % of the training claims; null: the model has no training range."
    )
    explained_by: ExplainedBy
    shadow: ShadowScore | None = Field(description="Null: no challenger.")
