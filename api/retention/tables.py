"""What retention did last."""

from datetime import date

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from api.tables import Base, Instant


class RetentionRunRow(Base):
    """The last run for a kind of data."""

    __tablename__ = "retention_runs"

    kind: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(comment="Rows that were due on this day were removed.")
    ended_at: Mapped[Instant]
    removed: Mapped[int] = mapped_column(BigInteger)
    complete: Mapped[bool] = mapped_column(comment="False: rows were left for the next run.")
