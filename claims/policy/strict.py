"""Models of a policy document: unknown keys and wrong types are refused, and the message says what is allowed."""

from pydantic import BaseModel, ConfigDict, model_validator

ONE_LINE = r"^[^\x00-\x1f\x7f]+$"
"""Pattern of a text without control characters."""


class DocumentPart(BaseModel):
    """A part of a document."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, value: object) -> object:
        if isinstance(value, dict):
            unknown = sorted(str(key)[:40] for key in value if key not in cls.model_fields)
            if unknown:
                raise ValueError(f"unknown key {', '.join(unknown)}; allowed: {', '.join(cls.model_fields)}")
        return value
