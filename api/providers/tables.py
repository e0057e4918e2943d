"""Providers: who bills."""

from datetime import date

from pydantic import JsonValue
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from api.tables import Base


class ProviderRow(Base):
    """A provider, the days on which it may bill, and the day from which it is excluded."""

    __tablename__ = "providers"

    provider_id: Mapped[str] = mapped_column(primary_key=True)
    npi: Mapped[str | None] = mapped_column(comment="National Provider Identifier, where provider_id is none.")
    name: Mapped[str | None]
    specialty: Mapped[str | None]
    region: Mapped[str | None]
    active_from: Mapped[date | None]
    active_to: Mapped[date | None] = mapped_column(comment="The last active day; null: open.")
    excluded_from: Mapped[date | None] = mapped_column(comment="The first day excluded; null: not excluded.")
    earlier_periods: Mapped[list[JsonValue] | None] = mapped_column(
        JSONB(none_as_null=True), comment="Active periods before that, oldest first: first_day and last_day of each."
    )
