"""Cases, their claims and their history."""

from datetime import date, datetime

from pydantic import JsonValue
from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from api.cases.records import CaseDisposition, CaseStatus, Detection, LossMethod, SubjectKind
from api.tables import Base, Cents, Instant

SUBJECT_KINDS = tuple(one.value for one in SubjectKind)
STATUSES = tuple(one.value for one in CaseStatus)
DETECTIONS = tuple(one.value for one in Detection)
CASE_DISPOSITIONS = tuple(one.value for one in CaseDisposition)
LOSS_METHODS = tuple(one.value for one in LossMethod)


class CaseRow(Base):
    """An investigation of a provider, a member or a ring of providers; at most one of a subject is open."""

    __tablename__ = "cases"

    case_id: Mapped[str] = mapped_column(primary_key=True)
    subject_kind: Mapped[str]
    subject_id: Mapped[str]
    provider_ids: Mapped[list[str]] = mapped_column(JSONB, comment="Of a ring: its providers.")
    status: Mapped[str]
    detection: Mapped[str]
    detected_at: Mapped[Instant]
    opened_at: Mapped[Instant]
    opened_by: Mapped[str] = mapped_column(comment="Id of the key or user.")
    assigned_to: Mapped[str | None] = mapped_column(comment="Id of the key or user.")
    assigned_name: Mapped[str | None]
    disposition: Mapped[str | None] = mapped_column(comment="Of an open case: what is proposed.")
    loss_cents: Mapped[Cents | None]
    loss_method: Mapped[str | None]
    findings: Mapped[list[dict[str, JsonValue]]] = mapped_column(
        JSONB, comment="Dispositions of claims, recorded when the case closes."
    )
    proposed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    proposed_by: Mapped[str | None] = mapped_column(comment="Id of the key or user.")
    closed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    closed_by: Mapped[str | None] = mapped_column(comment="Id of the key or user.")
    version: Mapped[int] = mapped_column(comment="Number of its last event.")

    __table_args__ = (
        Index(
            "cases_open_subject_idx",
            "subject_kind",
            "subject_id",
            unique=True,
            postgresql_where=text("status = 'open'"),
        ),
        Index(None, "subject_kind", "subject_id", "opened_at"),
        Index(None, "status", "opened_at", "case_id"),
        Index(None, "assigned_to", "status", "opened_at"),
        CheckConstraint(f"subject_kind IN {SUBJECT_KINDS}", name="cases_subject_kind_check"),
        CheckConstraint(f"status IN {STATUSES}", name="cases_status_check"),
        CheckConstraint(f"detection IN {DETECTIONS}", name="cases_detection_check"),
        CheckConstraint(f"disposition IN {CASE_DISPOSITIONS}", name="cases_disposition_check"),
        CheckConstraint(f"loss_method IN {LOSS_METHODS}", name="cases_loss_method_check"),
        CheckConstraint("loss_cents >= 0", name="cases_loss_check"),
        CheckConstraint("num_nonnulls(assigned_to, assigned_name) IN (0, 2)", name="cases_assigned_check"),
        CheckConstraint(
            "num_nonnulls(disposition, loss_cents, loss_method, proposed_at, proposed_by) IN (0, 5)",
            name="cases_proposed_check",
        ),
        CheckConstraint(
            "num_nonnulls(closed_at, closed_by) IN (0, 2) AND (status = 'closed') = (closed_at IS NOT NULL) "
            "AND (status = 'open' OR disposition IS NOT NULL)",
            name="cases_closed_check",
        ),
    )


class CaseClaimRow(Base):
    """A claim that a case is about. A claim that is archived later stays named here."""

    __tablename__ = "case_claims"

    case_id: Mapped[str] = mapped_column(ForeignKey("cases.case_id"), primary_key=True)
    claim_id: Mapped[str] = mapped_column(primary_key=True)
    added_at: Mapped[Instant]
    added_by: Mapped[str] = mapped_column(comment="Id of the key or user.")

    __table_args__ = (Index(None, "claim_id"),)


class CaseTaskRow(Base):
    """What is to be done in a case until a day, and requests of records."""

    __tablename__ = "case_tasks"

    task_id: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.case_id"))
    kind: Mapped[str]
    title_sealed: Mapped[bytes] = mapped_column(LargeBinary, comment="Encrypted with a data key.")
    letter_sealed: Mapped[bytes | None] = mapped_column(
        LargeBinary, comment="The letter of a request of records, encrypted with a data key."
    )
    due_on: Mapped[date]
    added_at: Mapped[Instant]
    added_by: Mapped[str] = mapped_column(comment="Id of the key or user.")
    done_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    done_by: Mapped[str | None] = mapped_column(comment="Id of the key or user.")

    __table_args__ = (
        Index(None, "case_id", "due_on"),
        CheckConstraint("kind IN ('task', 'records_request')", name="case_tasks_kind_check"),
        CheckConstraint("num_nonnulls(done_at, done_by) IN (0, 2)", name="case_tasks_done_check"),
        CheckConstraint("(kind = 'task') = (letter_sealed IS NULL)", name="case_tasks_letter_check"),
    )


class CaseDraftRow(Base):
    """What a person had written in a form of a case, or in an appeal of a claim, when their session ended."""

    __tablename__ = "case_drafts"

    actor_id: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[str] = mapped_column(primary_key=True)
    fields_sealed: Mapped[bytes] = mapped_column(LargeBinary, comment="JSON, encrypted with a data key.")
    kept_at: Mapped[Instant]

    __table_args__ = (Index(None, "kept_at"),)


class CaseEventRow(Base):
    """The history of a case: append-only."""

    __tablename__ = "case_events"

    case_id: Mapped[str] = mapped_column(ForeignKey("cases.case_id"), primary_key=True)
    event_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[Instant]
    actor_id: Mapped[str] = mapped_column(comment="Id of the key or user.")
    name: Mapped[str]
    role: Mapped[str]
    act: Mapped[str]
    details: Mapped[dict[str, JsonValue]] = mapped_column(JSONB, comment="Ids, codes, days and amounts.")
    text_sealed: Mapped[bytes | None] = mapped_column(
        LargeBinary, comment="What a person wrote, encrypted with a data key."
    )
