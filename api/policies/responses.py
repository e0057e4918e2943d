"""Responses about the policy."""

from dataclasses import asdict
from datetime import date
from typing import Literal, Self

from pydantic import BaseModel, Field, JsonValue

from api.fields import InstantOut
from api.policies.records import PolicyActivation, PolicyHistory, PolicySummary, PolicyVersion
from claims.policy import OF_SETTINGS, PolicyDocument


class PolicySummaryOut(BaseModel):
    """A version of the policy."""

    version: int
    status: Literal["draft", "active", "scheduled", "superseded"] = Field(
        description="`active`: it decides claims received today; `scheduled`: from a later day on."
    )
    title: str
    valid_from: date
    valid_until: date | None
    author: str
    created_at: InstantOut
    approver: str | None = Field(description="Of the last activation; null: never activated.")
    activated_at: InstantOut | None
    reason: str | None
    forced: bool | None = Field(description="Whether it was activated without a test that passed.")
    sha256: str = Field(description="Of the document as JSON with sorted keys.")


def _values(summary: PolicySummary) -> dict[str, object]:
    return asdict(summary) | {"status": summary.status.value}


class PolicyVersionOut(PolicySummaryOut):
    """A version of the policy with its document."""

    document: dict[str, JsonValue] = Field(description="With every parameter.")

    @classmethod
    def of(cls, known: PolicyHistory, one: PolicyVersion, document: PolicyDocument, today: date) -> Self:
        """The response about a version."""
        return cls.model_validate(_values(known.summary(one, today)) | {"document": document.as_json()})


class PolicyInForceOut(BaseModel):
    """What decides claims received today."""

    version: int = Field(description="0: the settings.")
    document: dict[str, JsonValue]


class PolicyList(BaseModel):
    """Every version, the oldest first, and what decides claims received today."""

    policies: list[PolicySummaryOut]
    in_force: PolicyInForceOut

    @classmethod
    def of(cls, known: PolicyHistory, in_force: int, document: PolicyDocument, today: date) -> Self:
        """The response with every version, and the number and document of the one in force."""
        shown = PolicyInForceOut(version=in_force, document=document.as_json())
        summaries = [known.summary(one, today) for one in known.versions]
        versions = [PolicySummaryOut.model_validate(_values(one)) for one in summaries]
        return cls(policies=versions, in_force=shown)


class PolicyTestOut(BaseModel):
    """The test that an activation rests on."""

    test_id: int
    passed: bool
    tested_by: str
    dataset: str = Field(description="Whose claims were replayed.")
    claims: int
    scored: int = Field(description="Claims with a score; the 2x rule decides the others.")
    first_day: date = Field(description="Of the claims.")
    last_day: date
    capacity: float | None = Field(description="Reviews per week; null: 1 % of the claims.")


class PolicyActivationOut(BaseModel):
    """An activation or a rollback."""

    activation_id: int
    kind: Literal["activate", "rollback"]
    version: int = Field(description="What decides claims from now on, on its days; 0: the settings.")
    approver: str
    reason: str
    made_at: InstantOut
    forced: bool
    test: PolicyTestOut | None = Field(description="What an activation rests on; null: none.")

    @classmethod
    def of(cls, made: PolicyActivation) -> Self:
        """The response about an activation."""
        return cls(
            activation_id=made.activation_id,
            kind="activate" if made.kind == "activate" else "rollback",
            version=OF_SETTINGS if made.version is None else made.version,
            approver=made.approver,
            reason=made.reason,
            made_at=made.made_at,
            forced=made.forced,
            test=None if made.test is None else PolicyTestOut.model_validate(asdict(made.test)),
        )
