"""The document of a model: what it is besides its trees, stored as `model.json` in its artefact."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from features.vector import schema_hash
from models.explain import TypicalClaim
from models.training_range import TrainingRange

VERSION = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""Pattern of a model version, which is also the name of its folder."""


class Calibration(BaseModel):
    """The calibrator as it is stored."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    method: Literal["beta"] = "beta"
    a: float = Field(gt=0)
    b: float = Field(gt=0)
    c: float


class ModelDocument(BaseModel):
    """What a model is besides its trees."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    format: Literal[1, 2] = Field(2, description="1: from before models knew the range of their training claims.")
    version: str = Field(pattern=f"^{VERSION}$")
    features: tuple[str, ...] = Field(min_length=1, description="The vector's names, in order.")
    schema_hash: str = Field(description="SHA-256 of the names.")
    left_out: dict[str, str] = Field(default_factory=dict, description="Feature → why this model does without it.")
    monotone: dict[str, Literal[-1, 1]] = Field(default_factory=dict, description="Constraint per feature.")
    trees: int = Field(ge=1)
    calibration: Calibration
    threshold: float = Field(ge=0, le=1, description="At or above it a claim is flagged.")
    threshold_choice: dict[str, Any] = Field(default_factory=dict, description="How, by whom and why it was chosen.")
    base_rate: float = Field(ge=0, le=1, description="Share of fraud in the training claims.")
    training_range: TrainingRange | None = Field(
        None, description="Range of the training claims by feature; null: the model cannot say what is out of range."
    )
    typical: TypicalClaim | None = Field(
        None, description="What reasons are measured against; None: the average over the training claims."
    )
    explained_by: Literal["tables", "pred_contribs"]
    libraries: dict[str, str] = Field(default_factory=dict, description="What trained it, by version.")
    provenance: dict[str, Any] = Field(default_factory=dict, description="Data hash, commit, command, run; given in.")

    @model_validator(mode="after")
    def _consistent(self) -> "ModelDocument":
        if len(set(self.features)) != len(self.features):
            raise ValueError("a feature is named twice")
        if schema_hash(self.features) != self.schema_hash:
            raise ValueError("schema_hash is not the hash of the features")
        if self.training_range is not None:
            if self.format == 1:
                raise ValueError("a document of format 1 has no training_range")
            if len(self.training_range.low) != len(self.features):
                raise ValueError("training_range is not of the model's features")
        if self.typical is not None and set(self.typical.contributions) != set(self.features):
            raise ValueError("typical does not name the model's features")
        return self
