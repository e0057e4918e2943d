"""Subscriptions, lines for their recipients, and messages."""

from datetime import datetime

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from api.notifications.events import NotificationEvent
from api.notifications.records import MailStatus
from api.tables import Base, Cents, Instant

EVENTS = tuple(one.value for one in NotificationEvent)
STATUSES = tuple(one.value for one in MailStatus)
_RECIPIENT = "Id of a recipient; an address of an earlier release until `ginja crypto encrypt`."


class RecipientRow(Base):
    """An address that is notified."""

    __tablename__ = "recipients"

    recipient_id: Mapped[str] = mapped_column(primary_key=True)
    address_sealed: Mapped[bytes] = mapped_column(
        LargeBinary, comment="E-mail address of a person or a team of the insurer, encrypted with a data key."
    )
    address_index: Mapped[bytes] = mapped_column(
        LargeBinary, comment="Keyed hash of the address in lower case, by which it is searched for."
    )
    named_at: Mapped[Instant] = mapped_column(comment="When a subscription to be added named it last.")

    __table_args__ = (UniqueConstraint("address_index", name="recipients_address_index_key"),)


class NotificationSubscriptionRow(Base):
    """A recipient of an event."""

    __tablename__ = "notification_subscriptions"

    subscription_id: Mapped[str] = mapped_column(primary_key=True)
    event: Mapped[str]
    recipient: Mapped[str] = mapped_column(comment=_RECIPIENT)
    minimum_cents: Mapped[Cents | None] = mapped_column(comment="Only claims of at least this amount; null: all.")
    created_at: Mapped[Instant]
    created_by: Mapped[str]

    __table_args__ = (
        CheckConstraint(f"event IN {EVENTS}", name="notification_subscriptions_event_check"),
        CheckConstraint(
            "minimum_cents IS NULL OR (minimum_cents > 0 AND event = 'claim.in_review')",
            name="notification_subscriptions_minimum_check",
        ),
        Index("notification_subscriptions_recipient_key", "event", text("lower(recipient)"), unique=True),
    )


class NotificationRow(Base):
    """One event for one recipient. The primary key lets nobody be notified twice."""

    __tablename__ = "notifications"

    recipient: Mapped[str] = mapped_column(primary_key=True, comment=_RECIPIENT)
    event_id: Mapped[str] = mapped_column(primary_key=True, comment="Follows from what happened.")
    event: Mapped[str]
    text: Mapped[str] = mapped_column(comment="Ids only; no member's data.")
    link: Mapped[str | None] = mapped_column(comment="Path of a page of the console.")
    occurred_at: Mapped[Instant]
    created_at: Mapped[Instant] = mapped_column(
        server_default=func.now(), comment="When it was added; a condition may have begun long before."
    )
    mail_id: Mapped[str | None] = mapped_column(
        ForeignKey("mails.mail_id", ondelete="CASCADE", deferrable=True, initially="DEFERRED"),
        comment="The message that has it; null: none yet.",
    )

    __table_args__ = (
        Index("notifications_waiting_idx", "recipient", "occurred_at", postgresql_where="mail_id IS NULL"),
        Index("notifications_mail_id_idx", "mail_id"),
    )


class MailRow(Base):
    """A message to one recipient."""

    __tablename__ = "mails"

    mail_id: Mapped[str] = mapped_column(primary_key=True, comment="Sent as Message-ID, the same at each attempt.")
    recipient: Mapped[str] = mapped_column(comment=_RECIPIENT)
    subject: Mapped[str | None] = mapped_column(comment="In clear, of an earlier release.")
    subject_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, comment="Encrypted with a data key.")
    body: Mapped[str | None] = mapped_column(comment="In clear, of an earlier release.")
    body_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, comment="Encrypted with a data key.")
    report_ids: Mapped[list[str]] = mapped_column(
        ARRAY(Text), server_default="{}", comment="Reports whose files are attached."
    )
    created_at: Mapped[Instant]
    status: Mapped[str]
    attempts: Mapped[int] = mapped_column(Integer, server_default="0")
    due_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), comment="Of the next attempt; while a worker sends it, the end of its lease."
    )
    answer: Mapped[str | None] = mapped_column(comment="Of the server to the last attempt, or why there was none.")
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        CheckConstraint(f"status IN {STATUSES}", name="mails_status_check"),
        CheckConstraint(
            "num_nonnulls(subject, subject_sealed) = 1 AND num_nonnulls(body, body_sealed) = 1",
            name="mails_texts_check",
        ),
        CheckConstraint("(status = 'pending') = (due_at IS NOT NULL)", name="mails_due_check"),
        Index("mails_due_idx", "due_at", postgresql_where="status = 'pending'"),
        Index("mails_created_at_idx", "created_at", "mail_id"),
        Index("mails_recipient_idx", "recipient", "created_at"),
    )
