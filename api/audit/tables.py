"""The audit log: who did what to whose data, and the seals over its rows."""

from pydantic import JsonValue
from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, Integer, LargeBinary, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from api.audit.records import OUTCOMES
from api.tables import Base, Instant


class AuditRow(Base):
    """One act or access; a trigger refuses any change."""

    __tablename__ = "audit_log"

    audit_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[Instant]
    actor_id: Mapped[str] = mapped_column("api_key_id", key="actor_id", comment="The key or the user that acted.")
    name: Mapped[str] = mapped_column(comment="Its name, as of then.")
    role: Mapped[str] = mapped_column(comment="Its role, as of then.")
    act: Mapped[str] = mapped_column(comment="What was done, such as claim.release.")
    claim_id: Mapped[str | None] = mapped_column(comment="Of a change of a claim; an access names it as its subject.")
    details: Mapped[dict[str, JsonValue]] = mapped_column(
        JSONB, comment="Status and money before and after, or what was changed; no member's data."
    )
    purpose: Mapped[str | None] = mapped_column(comment="A code of HL7 v3 PurposeOfUse; null: before it was recorded.")
    subject_kind: Mapped[str | None] = mapped_column(comment="What subject_id is the id of, such as member.")
    subject_id: Mapped[str | None]
    outcome: Mapped[str] = mapped_column(server_default="success")
    request_id: Mapped[str | None] = mapped_column(comment="Null: not by a request.")
    address: Mapped[str | None] = mapped_column(comment="Network address of the sender.")
    agent: Mapped[str | None] = mapped_column(comment="The sender's program, as it names itself.")
    change: Mapped[bytes | None] = mapped_column(LargeBinary, comment="Before and after with personal data, encrypted.")

    __table_args__ = (
        Index(None, "claim_id", "audit_id"),
        Index(None, "subject_id", "audit_id"),
        Index("audit_log_actor_id_audit_id_idx", "actor_id", "audit_id"),
        Index(None, "name", "audit_id"),
        Index(None, "act", "audit_id"),
        Index(None, "at", "audit_id"),
        Index(None, "request_id", "audit_id"),
        Index(None, "purpose", "audit_id"),
        Index("audit_log_not_success_idx", "audit_id", postgresql_where=text("outcome <> 'success'")),
        CheckConstraint(f"outcome IN {OUTCOMES}", name="audit_log_outcome_check"),
        CheckConstraint("(subject_kind IS NULL) = (subject_id IS NULL)", name="audit_log_subject_check"),
    )


class AuditSealRow(Base):
    """Rows of the audit log, sealed together: their ids and digests, under a hash over the seal before."""

    __tablename__ = "audit_seals"

    seal: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False, comment="From 1, without gap.")
    sealed_at: Mapped[Instant]
    last_audit_id: Mapped[int] = mapped_column(BigInteger, comment="Rows up to here are in this seal or one before.")
    rows: Mapped[int] = mapped_column(Integer)
    entries: Mapped[bytes] = mapped_column(LargeBinary, comment="For each row: its id, 8 bytes, and SHA-256 of it.")
    previous: Mapped[bytes] = mapped_column(LargeBinary, comment="Hash of the seal before; zeros for the first.")
    hash: Mapped[bytes] = mapped_column(LargeBinary, comment="SHA-256 of number, time, last id, entries and previous.")
