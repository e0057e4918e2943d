"""Subscriptions and messages as they are read from the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class MailStatus(StrEnum):
    """Where a message stands."""

    PENDING = "pending"
    SENT = "sent"
    """The server took it. Whether it reached the mailbox is known there."""
    FAILED = "failed"
    """The server refused it, or did not take it at the last attempt."""


@dataclass(frozen=True, slots=True)
class NotificationSubscription:
    """One recipient of one event."""

    subscription_id: str
    event: str
    recipient: str
    """Its id as it is stored, its address as it is shown."""
    minimum_cents: int | None
    """Only claims of at least this amount; None: all."""
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True)
class NotificationLine:
    """What a message says of one event."""

    text: str
    link: str | None
    """Path of a page of the console."""
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class NotificationSection:
    """What a message reports of one kind of event."""

    event: str
    total: int
    lines: Sequence[NotificationLine]
    """The first of them."""


@dataclass(frozen=True, slots=True)
class MailRecord:
    """A message with what became of it."""

    mail_id: str
    recipient: str
    subject: str
    created_at: datetime
    status: str
    attempts: int
    due_at: datetime | None
    """Of the next attempt; while a worker sends it, the end of its lease."""
    answer: str | None
    """Of the server to the last attempt, or why there was none."""
    finished_at: datetime | None
