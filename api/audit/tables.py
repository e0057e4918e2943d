"""The audit log: who did what to a claim, or to the platform."""

from pydantic import JsonValue
from sqlalchemy import BigInteger, ForeignKey, Identity, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from api.tables import Base, Instant


class AuditRow(Base):
    """One action, written in its own transaction; a trigger refuses any change."""

    __tablename__ = "audit_log"

    audit_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[Instant]
    actor_id: Mapped[str] = mapped_column("api_key_id", key="actor_id", comment="The key or the user that acted.")
    name: Mapped[str] = mapped_column(comment="Its name, as of then.")
    role: Mapped[str] = mapped_column(comment="Its role, as of then.")
    act: Mapped[str] = mapped_column(comment="What was done, such as claim.release.")
    claim_id: Mapped[str | None] = mapped_column(ForeignKey("claims.claim_id"), comment="Null: not about a claim.")
    details: Mapped[dict[str, JsonValue]] = mapped_column(
        JSONB, comment="Status and money before and after, or what was changed; no member's data."
    )

    __table_args__ = (Index(None, "claim_id", "audit_id"),)
