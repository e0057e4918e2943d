"""What people can subscribe to, and what a message says of each: ids and links; no member, no amount, no score."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

from pydantic import JsonValue


class NotificationEvent(StrEnum):
    """The event of a subscription."""

    CLAIM_IN_REVIEW = "claim.in_review"
    """A claim went to review; a subscription can name a least amount."""
    PROMPT_PAY_DUE = "prompt_pay.due"
    """The prompt-pay due date of a claim in review has passed, or is near."""
    WORK_FAILED = "work.failed"
    """An event or a task could not be handled and waits for an operator."""
    WEBHOOK_DISABLED = "webhook_endpoint.disabled"
    """A receiver of webhooks was disabled because it is gone or fails."""
    MODEL_PROMOTED = "model.promoted"
    POLICY_ACTIVATED = "policy.activated"
    EDIT_SUSPENDED = "edit.suspended"
    """An edit sends claims to review, because appeals overturned too many of its decisions."""
    DAILY_DECISIONS = "report.daily_decisions"
    """The report on the decisions of yesterday, as PDF and CSV."""
    PROVIDER_SCORECARDS = "report.provider_scorecards"
    """Each Monday, scorecards of the providers with the most flagged claims of the week."""


REPORTS: Final = (NotificationEvent.DAILY_DECISIONS, NotificationEvent.PROVIDER_SCORECARDS)
"""Sent as messages of their own, with files."""

HEADINGS: Final[Mapping[str, str]] = {
    NotificationEvent.WORK_FAILED: "Events and tasks that could not be handled",
    NotificationEvent.WEBHOOK_DISABLED: "Webhook endpoints that were disabled",
    NotificationEvent.EDIT_SUSPENDED: "Edits that were suspended",
    NotificationEvent.MODEL_PROMOTED: "Models that began to serve",
    NotificationEvent.POLICY_ACTIVATED: "Policies that were activated or rolled back",
    NotificationEvent.PROMPT_PAY_DUE: "Claims whose prompt-pay due date has passed or is near",
    NotificationEvent.CLAIM_IN_REVIEW: "Claims that went to review",
}
"""Of the events that are bundled, in the order of a message: what many claims lead to is last."""


def _policy(data: Mapping[str, JsonValue]) -> str:
    return f"policy version {data['policy_version']} ({data['kind']})"


def _model(data: Mapping[str, JsonValue]) -> str:
    return f"model {data['model_version']}"


def _edit(data: Mapping[str, JsonValue]) -> str:
    return f"edit {data['edit']}"


def _claim(data: Mapping[str, JsonValue]) -> str:
    return f"claim {data['claim_id']}"


FROM_MESSAGE: Final[Mapping[str, Callable[[Mapping[str, JsonValue]], str]]] = {
    NotificationEvent.CLAIM_IN_REVIEW: _claim,
    NotificationEvent.MODEL_PROMOTED: _model,
    NotificationEvent.POLICY_ACTIVATED: _policy,
    NotificationEvent.EDIT_SUSPENDED: _edit,
}
"""Of the events that are also sent as webhooks: the line, made of the data that a webhook has."""


def claim_page(claim_id: str) -> str:
    """Path of a claim's page in the console."""
    return f"/console/claims/{claim_id}"
