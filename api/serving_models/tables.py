"""The champions that served, one row for each change."""

from sqlalchemy import BigInteger, Identity
from sqlalchemy.orm import Mapped, mapped_column

from api.tables import Base, Instant


class ServingModelRow(Base):
    """A champion that began to serve; it served until the next row."""

    __tablename__ = "serving_models"

    serving_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    model_version: Mapped[str]
    seen_at: Mapped[Instant] = mapped_column(comment="When a worker found that it serves.")
