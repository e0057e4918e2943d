"""What may be billed and for what: procedures and diagnoses with the limits the edits cite, and what is usual."""

from datetime import date

from pydantic import JsonValue
from sqlalchemy import CheckConstraint, Double, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from api.tables import Base, Cents
from claims.reference import Sex


class ProcedureRow(Base):
    """A billable service. A limit that is null is not checked."""

    __tablename__ = "procedures"

    procedure_code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    specialties: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    typical_cents: Mapped[Cents | None] = mapped_column(comment="The catalogue's price of one unit.")
    sex: Mapped[Sex | None] = mapped_column(Text)
    min_age_years: Mapped[int | None]
    max_age_years: Mapped[int | None]
    max_units: Mapped[int | None] = mapped_column(comment="Most units plausible on one claim.")
    average_cents: Mapped[Cents | None] = mapped_column(
        comment="Average claim of this procedure over the year to average_as_of."
    )
    average_claims: Mapped[int] = mapped_column(server_default="0")
    average_as_of: Mapped[date | None]
    valid_from: Mapped[date | None]
    valid_to: Mapped[date | None] = mapped_column(comment="The last valid day; null: open.")
    earlier_periods: Mapped[list[JsonValue] | None] = mapped_column(
        JSONB(none_as_null=True), comment="Periods of validity before that, oldest first: first_day and last_day."
    )

    __table_args__ = (
        CheckConstraint("sex IN ('F', 'M')", name="procedures_sex_check"),
        CheckConstraint("valid_to >= valid_from", name="procedures_validity_check"),
    )


class DiagnosisRow(Base):
    """A diagnosis. A limit that is null is not checked."""

    __tablename__ = "diagnoses"

    diagnosis_code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    sex: Mapped[Sex | None] = mapped_column(Text)
    min_age_years: Mapped[int | None]
    max_age_years: Mapped[int | None]

    __table_args__ = (CheckConstraint("sex IN ('F', 'M')", name="diagnoses_sex_check"),)


class ReferenceStatisticRow(Base):
    """Prices and units of a procedure in one scope (`claims.reference_prices.PriceReference`), replaced as a whole."""

    __tablename__ = "reference_statistics"

    procedure_code: Mapped[str] = mapped_column(primary_key=True)
    scope: Mapped[str] = mapped_column(primary_key=True)
    entity: Mapped[str] = mapped_column(primary_key=True, comment="Provider or region; empty for all providers.")
    principal: Mapped[bool] = mapped_column(
        primary_key=True, comment="False: secondary lines, whose claim has a line with a higher amount."
    )
    claims: Mapped[int]
    median_cents: Mapped[float] = mapped_column(Double, comment="Median amount per unit.")
    log_spread: Mapped[float] = mapped_column(Double, comment="MAD of the log amount per unit, times 1.4826.")
    high_units: Mapped[float] = mapped_column(Double, comment="99 % of the claims have at most so many units.")
    as_of: Mapped[date] = mapped_column(comment="The year before this day counts.")

    __table_args__ = (
        CheckConstraint(
            "scope IN ('provider', 'region', 'procedure', 'history')", name="reference_statistics_scope_check"
        ),
    )
