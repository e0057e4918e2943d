"""Reports that were made by the schedule, with their files."""

from datetime import date

from sqlalchemy import CheckConstraint, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from api.reports.kinds import ReportKind
from api.tables import Base, Instant

KINDS = tuple(one.value for one in ReportKind)


class StoredReportRow(Base):
    """A report as it was when it was made."""

    __tablename__ = "reports"

    report_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    report_key: Mapped[str] = mapped_column(comment="What it is about; it is made once.")
    title: Mapped[str]
    provider_id: Mapped[str | None] = mapped_column(comment="Null: it is not about a provider.")
    first_day: Mapped[date]
    last_day: Mapped[date]
    made_at: Mapped[Instant]
    pdf: Mapped[bytes] = mapped_column(LargeBinary)
    csv: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (
        CheckConstraint(f"kind IN {KINDS}", name="reports_kind_check"),
        Index("reports_report_key_key", "report_key", unique=True),
        Index("reports_made_at_idx", "made_at", "report_id"),
    )
