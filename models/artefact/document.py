"""The document of a model: everything about it except the model itself, stored as `model.json` in its artefact."""

from collections.abc import Mapping
from dataclasses import asdict
from math import isfinite
from typing import Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from claims.attributes import MAX_VALUES, Attribute, read_by_windows
from claims.windows import WindowValue
from features.vector import AttributeEncoder, schema_hash
from models.calibration import BetaCalibrator
from models.errors import ShadowOnlyError
from models.explain import TypicalClaim
from models.families import ModelExplainedBy
from models.training_range import TrainingRange
from models.use import ModelUse

VERSION = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""Pattern of a model version, which is also the name of its folder."""


class Calibration(BaseModel):
    """Parameters of the stored calibrator."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    method: Literal["beta"] = "beta"
    a: float = Field(gt=0)
    b: float = Field(gt=0)
    c: float
    covariance: tuple[float, float, float, float, float, float] | None = Field(
        None, description="Of the estimates: aa, ab, ac, bb, bc, cc; null: unknown, so probabilities have no interval."
    )
    frauds: int | None = Field(None, ge=0, description="Frauds that it was fitted on; null: unknown.")

    @classmethod
    def of(cls, calibrator: BetaCalibrator) -> "Calibration":
        """The parameters of a calibrator."""
        return cls.model_validate(asdict(calibrator))

    @property
    def calibrator(self) -> BetaCalibrator:
        """The calibrator with these parameters."""
        return BetaCalibrator(self.a, self.b, self.c, self.covariance, self.frauds)

    @model_serializer(mode="wrap")
    def _without_unknown(self, handler: SerializerFunctionWrapHandler) -> dict[str, object]:
        return {name: value for name, value in handler(self).items() if value is not None}


class ThresholdRecord(BaseModel):
    """How, by whom and why a threshold was chosen, and its effect on labelled claims; what is undefined is left out."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    how: str | None = None
    by: str | None = None
    why: str | None = None
    reviews_a_week: float | None = Field(None, description="The capacity it was placed for.")
    at: str | None = Field(None, description="When it was chosen; null: by the training.")
    of: str | None = Field(None, description="The version that had the previous threshold.")
    threshold: float | None = None
    alerts_per_day: float | None = None
    precision: float | None = None
    recall: float | None = None
    dollars: float | None = Field(None, description="Share of the fraudulent dollars that would have been flagged.")
    cents_saved_per_day: float | None = None

    @classmethod
    def with_effect(cls, effect: Mapping[str, float], **stated: str | float | None) -> "ThresholdRecord":
        """A record with the finite ones of the values that describe the effect of the threshold."""
        return cls.model_validate({**stated, **{name: value for name, value in effect.items() if isfinite(value)}})

    @model_serializer(mode="wrap")
    def _without_undefined(self, handler: SerializerFunctionWrapHandler) -> dict[str, JsonValue]:
        return {name: value for name, value in handler(self).items() if value is not None}


class ModelDocument(BaseModel):
    """Everything about a model except the model itself."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    format: Literal[1, 2] = Field(2, description="Format 1 had no training range.")
    version: str = Field(pattern=f"^{VERSION}$")
    features: tuple[str, ...] = Field(min_length=1, description="Feature names, in vector order.")
    schema_hash: str = Field(description="SHA-256 of the feature names.")
    attributes: tuple[AttributeEncoder, ...] = Field(
        (), max_length=MAX_VALUES, description="Encoders of the last features, which are those of attributes."
    )
    left_out: dict[str, str] = Field(default_factory=dict, description="Excluded feature → reason.")
    monotone: dict[str, Literal[-1, 1]] = Field(default_factory=dict, description="Constraint per feature.")
    family: str = Field("xgboost", max_length=200, description="Family of models; `models.families` lists them.")
    trees: int = Field(ge=0, description="How many trees it has; 0 for a model of another kind.")
    calibration: Calibration
    threshold: float = Field(ge=0, le=1, description="Claims at or above it are flagged.")
    threshold_choice: ThresholdRecord = ThresholdRecord()
    base_rate: float = Field(ge=0, le=1, description="Share of fraud in the training claims, by what each represents.")
    training_range: TrainingRange | None = Field(
        None, description="Range of the training claims by feature; null: unknown, so every claim goes to review."
    )
    typical: TypicalClaim | None = Field(
        None, description="Baseline of reasons; null: the average over the training claims."
    )
    use: ModelUse | None = Field(
        None, description="Whose claims it is for; null: those of the data set it was trained on."
    )
    explained_by: ModelExplainedBy = Field(
        description="Source of the exact contributions; none: it serves in shadow only."
    )
    libraries: dict[str, str] = Field(default_factory=dict, description="Versions of the libraries that trained it.")
    provenance: Mapping[str, JsonValue] = Field(
        default_factory=dict, description="What it was trained on; `pipelines.evaluate.Provenance` reads it."
    )

    @property
    def described(self) -> str:
        """Its family and size, as text."""
        size = f"{self.trees} trees" if self.trees else "terms" if self.explained_by == "terms" else "a model"
        return f"{self.family}: {size} over {len(self.features)} features"

    @property
    def claim_attributes(self) -> tuple[str, ...]:
        """The attributes that a claim must come with, also for windows: those not read from a claim field."""
        return tuple(name for name, attribute in self.declared.items() if attribute.stated)

    @property
    def windows(self) -> dict[str, WindowValue]:
        """The values of windows that are features, by the name that a claim is sent with them under."""
        found = [encoder.attribute.window for encoder in self.attributes]
        return {window.wire_name: window for window in found if window is not None}

    @property
    def declared(self) -> dict[str, Attribute]:
        """Attribute → declaration; also of the keys and columns of windows that are no features themselves."""
        own = {encoder.name: encoder.attribute for encoder in self.attributes}
        return own | {name: one for name, one in read_by_windows(self.windows.values()).items() if name not in own}

    @property
    def share_at_threshold(self) -> tuple[float, float] | None:
        """The interval of the share of fraud among claims exactly at the threshold; None where it is not known."""
        calibrator = self.calibration.calibrator
        return calibrator.interval(calibrator.margin_of(self.threshold))

    @property
    def use_name(self) -> str:
        """The name of its use: as stated, else that of its data set."""
        return self.use.name if self.use is not None else str(self.provenance.get("dataset", ""))

    @model_serializer(mode="wrap")
    def _without_absent(self, handler: SerializerFunctionWrapHandler) -> dict[str, JsonValue]:
        # The bytes of a model without attributes or a use, and of XGBoost, are those of a version that had no other.
        dumped = handler(self)
        absent = {name for name in ("attributes", "use") if not dumped[name]}
        absent |= {"family"} if self.family == "xgboost" else set()
        return {name: value for name, value in dumped.items() if name not in absent}

    @model_validator(mode="after")
    def _consistent(self) -> "ModelDocument":
        if len(set(self.features)) != len(self.features):
            raise ValueError("features must be unique")
        own = tuple(encoder.feature for encoder in self.attributes)
        if own != self.features[len(self.features) - len(own) :]:
            raise ValueError("attributes do not match the last features")
        if schema_hash(self.features) != self.schema_hash:
            raise ValueError("schema_hash does not match the features")
        if self.training_range is not None:
            if self.format == 1:
                raise ValueError("format 1 cannot have a training_range")
            if len(self.training_range.low) != len(self.features):
                raise ValueError("training_range does not match the features")
        if self.typical is not None and set(self.typical.contributions) != set(self.features):
            raise ValueError("typical does not match the features")
        return self


def require_reasons(document: ModelDocument) -> None:
    """Raise `ShadowOnlyError` for a model that cannot decide claims because it has no exact reasons."""
    if document.explained_by == "none":
        raise ShadowOnlyError(
            f"{document.version} ({document.family}) has no exact reasons, so it cannot decide claims; let it score in "
            f"shadow with `ginja model trial start --model {document.version}`"
        )
