"""Decisions as reviewers send them."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.fields import ONE_LINE, Amount, Day, FraudKind, Note
from api.intake import ActionName
from claims.review import MAX_DOCUMENT_LENGTH, MAX_DOCUMENTS, REASONS

Document = Annotated[
    str,
    StringConstraints(strict=True, min_length=1, max_length=MAX_DOCUMENT_LENGTH, pattern=ONE_LINE),
]


class DecisionIn(BaseModel):
    """A decision of a person on a claim. The reviewer is the holder of the key."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [{"action": "release", "reason": "review_found_no_issue", "expected_version": 1}]
        },
    )

    action: ActionName
    reason: Annotated[str, StringConstraints(strict=True, max_length=64)] = Field(
        description="A code that fits the action; `GET /v1/decision-reasons` describes them.",
        json_schema_extra={"enum": list(REASONS)},
    )
    expected_version: Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)] = Field(
        description="The `version` you read. If the claim was decided or scored since, the response is 409."
    )
    amount: Amount | None = Field(None, description="Of `pay_reduced`: above 0 and below `payable_amount`.")
    documents: Annotated[list[Document], Field(max_length=MAX_DOCUMENTS)] = Field(
        default_factory=list, description="Of `pend`: the requested documents."
    )
    due_on: Day | None = Field(None, description="Of `pend`: their due date.")
    disposition: Literal["confirmed", "cleared"] | None = Field(
        None, description="A finding on fraud to record with the decision. Default: none."
    )
    kind: FraudKind | None = Field(None, description="Kind of confirmed fraud.")
    note: Note | None = Field(None, description="A short comment, without a member's name.")
