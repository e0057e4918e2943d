"""Responses about notifications."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from api.fields import AmountOut, InstantOut
from api.notifications.records import NotificationSubscription


class NotificationSubscriptionOut(BaseModel):
    """Who is notified of what by e-mail."""

    subscription_id: str = Field(examples=["sub_01m86p3ap6yntdyk7shqjq4hs9"])
    event: str = Field(examples=["claim.in_review"])
    recipient: str = Field(examples=["reviews@insurer.example"])
    minimum: AmountOut | None = Field(description="Of `claim.in_review`: the least amount of a claim. Null: all.")
    created_at: InstantOut = Field(description="What happened before is not reported.")
    created_by: str = Field(description="Name of the key, or who the command line was used by.")

    @classmethod
    def of(cls, subscription: NotificationSubscription) -> Self:
        """As it is shown."""
        return cls(
            subscription_id=subscription.subscription_id,
            event=subscription.event,
            recipient=subscription.recipient,
            minimum=subscription.minimum_cents,
            created_at=subscription.created_at,
            created_by=subscription.created_by,
        )


class NotificationSubscriptionList(BaseModel):
    """All subscriptions, by event and recipient."""

    subscriptions: list[NotificationSubscriptionOut]


class MailOut(BaseModel):
    """A message with what became of it; its text is not shown."""

    model_config = ConfigDict(from_attributes=True)

    mail_id: str = Field(examples=["mail_01m86p3ap6yntdyk7shqjq4hs9"])
    recipient: str
    subject: str
    created_at: InstantOut
    status: Literal["pending", "sent", "failed"] = Field(
        description="`pending`: is sent, or tried again. `sent`: the server took it. `failed`: the server refused it, "
        "or took it at none of eight attempts."
    )
    attempts: int = Field(description="Since it was made, or sent again.")
    due_at: InstantOut | None = Field(description="Of the next attempt. Null: there is none.")
    answer: str | None = Field(description="Of the server to the last attempt, or why there was none.")
    finished_at: InstantOut | None


class MailPage(BaseModel):
    """Messages, the newest first."""

    mails: list[MailOut]
    next_cursor: str | None = Field(description="Null: this was the last page.")
