"""Requests about notifications."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.fields import Amount

EventName = Literal[
    "claim.in_review",
    "prompt_pay.due",
    "work.failed",
    "webhook_endpoint.disabled",
    "model.promoted",
    "policy.activated",
    "edit.suspended",
    "report.daily_decisions",
    "report.provider_scorecards",
]


class SubscriptionIn(BaseModel):
    """Who is to be notified of what."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [{"event": "claim.in_review", "recipient": "reviews@insurer.example", "minimum": "5000.00"}]
        },
    )

    event: EventName = Field(description="What to notify of. Reports need the scope `reports:read` as well.")
    recipient: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=254)] = Field(
        description="The e-mail address of a person or a team."
    )
    minimum: Amount | None = Field(None, description="Of `claim.in_review`: only claims of at least this amount.")


class MailRetryIn(BaseModel):
    """Nothing more has to be said of a message that is sent again."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [{}]})
