"""Webhook endpoints with their secrets, deliveries with their attempts, and how far the outbox was read for them."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Identity, Index, LargeBinary, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from api.tables import Base, Instant


class WebhookEndpointRow(Base):
    """A receiver of events."""

    __tablename__ = "webhook_endpoints"

    endpoint_id: Mapped[str] = mapped_column(primary_key=True)
    url: Mapped[str]
    description: Mapped[str | None]
    events: Mapped[list[str]] = mapped_column(ARRAY(Text))
    api_version: Mapped[str]
    status: Mapped[str]
    disabled_reason: Mapped[str | None]
    disabled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    failing_since: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), comment="First failed attempt since the last accepted one."
    )
    created_at: Mapped[Instant]
    updated_at: Mapped[Instant] = mapped_column(comment="Of the last change by a person.")
    deleted_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), comment="The worker removes its deliveries, then the row."
    )

    __table_args__ = (
        CheckConstraint("status IN ('active', 'disabled')", name="webhook_endpoints_status_check"),
        CheckConstraint("disabled_reason IN ('gone', 'failing', 'admin')", name="webhook_endpoints_reason_check"),
        CheckConstraint(
            "(status = 'disabled') = (disabled_reason IS NOT NULL AND disabled_at IS NOT NULL)",
            name="webhook_endpoints_disabled_check",
        ),
        Index("webhook_endpoints_url_key", "url", unique=True, postgresql_where="deleted_at IS NULL"),
    )


class WebhookSecretRow(Base):
    """A secret that signs what is sent to an endpoint; the earlier ones until they expire."""

    __tablename__ = "webhook_secrets"

    secret_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    endpoint_id: Mapped[str] = mapped_column(ForeignKey("webhook_endpoints.endpoint_id", ondelete="CASCADE"))
    ciphertext: Mapped[bytes] = mapped_column(LargeBinary, comment="Encrypted with a data key.")
    created_at: Mapped[Instant]
    expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), comment="Null: the current one.")

    __table_args__ = (
        Index("webhook_secrets_current_key", "endpoint_id", unique=True, postgresql_where="expires_at IS NULL"),
        Index("webhook_secrets_endpoint_id_idx", "endpoint_id"),
    )


class WebhookDeliveryRow(Base):
    """One event for one endpoint."""

    __tablename__ = "webhook_deliveries"

    delivery_id: Mapped[str] = mapped_column(primary_key=True)
    endpoint_id: Mapped[str] = mapped_column(ForeignKey("webhook_endpoints.endpoint_id", ondelete="CASCADE"))
    event_id: Mapped[str] = mapped_column(comment="Sent as webhook-id, the same at each attempt.")
    event_type: Mapped[str]
    body: Mapped[str | None] = mapped_column(comment="In clear, of an earlier release.")
    body_sealed: Mapped[bytes | None] = mapped_column(
        LargeBinary, comment="As it is sent and signed; encrypted with a data key."
    )
    created_at: Mapped[Instant]
    status: Mapped[str]
    attempts: Mapped[int] = mapped_column(server_default="0", comment="Made so far.")
    tries: Mapped[int] = mapped_column(server_default="0", comment="Failed since the delivery began or was replayed.")
    due_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), comment="Of the next attempt; while a worker attempts it, the end of its lease."
    )
    response_status: Mapped[int | None] = mapped_column(comment="Of the last attempt.")
    error: Mapped[str | None] = mapped_column(comment="Of the last attempt.")
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        CheckConstraint("status IN ('pending', 'delivered', 'failed')", name="webhook_deliveries_status_check"),
        CheckConstraint("(status = 'pending') = (due_at IS NOT NULL)", name="webhook_deliveries_due_check"),
        CheckConstraint("num_nonnulls(body, body_sealed) = 1", name="webhook_deliveries_body_check"),
        Index("webhook_deliveries_event_key", "endpoint_id", "event_id", unique=True),
        Index("webhook_deliveries_due_idx", "endpoint_id", "due_at", postgresql_where="status = 'pending'"),
        Index("webhook_deliveries_listed_idx", "endpoint_id", "created_at", "delivery_id"),
        Index(
            "webhook_deliveries_failed_idx",
            "endpoint_id",
            "created_at",
            "delivery_id",
            postgresql_where="status = 'failed'",
        ),
        Index("webhook_deliveries_created_at_idx", "created_at"),
    )


class WebhookAttemptRow(Base):
    """One request to an endpoint."""

    __tablename__ = "webhook_attempts"

    delivery_id: Mapped[str] = mapped_column(
        ForeignKey("webhook_deliveries.delivery_id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, comment="From 1.")
    made_at: Mapped[Instant]
    duration_ms: Mapped[int]
    response_status: Mapped[int | None]
    error: Mapped[str | None] = mapped_column(comment="Null: accepted.")


class WebhookPositionRow(Base):
    """The last position of the outbox up to which events were taken for endpoints; one row."""

    __tablename__ = "webhook_position"

    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)


class WebhookGapRow(Base):
    """A position below that was not visible yet: its transaction was open, or is rolled back."""

    __tablename__ = "webhook_gaps"

    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    below_xid: Mapped[int] = mapped_column(
        BigInteger, comment="Once no transaction below it is open, the position will never appear."
    )
    seen_at: Mapped[Instant]
