"""Bodies of the routes of the policy."""

from decimal import Decimal
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, StringConstraints
from pydantic.config import JsonDict

from api.fields import ONE_LINE

MAX_POLICY_REASON = 500
MAX_DRAFT_LEVELS: Final = 12
"""Of a body: six around the condition of a rule, two for each `all` or `any` in it less one, and the list of values."""
_Reason = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=MAX_POLICY_REASON, pattern=ONE_LINE)]

_EXAMPLE: JsonDict = {
    "title": "Review of long stays",
    "valid_from": "2026-01-01",
    "parameters": {"auto_approval_cap_cents": 800_000},
    "rules": [
        {
            "name": "long_stay",
            "when": {"field": "service_days", "operator": "gt", "value": 14},
            "then": {"review": True},
            "reason": "Stays over two weeks are reviewed.",
        }
    ],
}


def _with_floats(value: object) -> object:
    """JSON of the strict reader, whose numbers with a point are decimals, as a document has it."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {key: _with_floats(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_with_floats(one) for one in value]
    return value


class PolicyDraftIn(BaseModel):
    """A new version of the policy."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [{"document": _EXAMPLE}]})

    document: Annotated[dict[str, JsonValue], BeforeValidator(_with_floats)] = Field(
        description="`title`, `valid_from`, `valid_until`, `parameters` and `rules`, as in a file of `ginja policy "
        "draft`. A parameter that is not given has the value that the platform comes with."
    )


class PolicyActivationIn(BaseModel):
    """Why a version is activated."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [{"reason": "fraud wave", "force": True}]}
    )

    reason: _Reason = Field(description="Without personal data.")
    force: Annotated[bool, Field(strict=True)] = Field(
        False, description="Activate it although its last test did not pass, or there is none."
    )


class PolicyRollbackIn(BaseModel):
    """Why the last activation is rolled back."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [{"reason": "too many reviews"}]}
    )

    reason: _Reason = Field(description="Without personal data.")
