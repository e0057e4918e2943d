"""Who is covered, and what their plan pays."""

from datetime import date

from sqlalchemy import CheckConstraint, ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from api.tables import Base, Cents
from claims.reference import Sex


class PlanRow(Base):
    """A plan and what it pays a member in a calendar year; null: without limit."""

    __tablename__ = "plans"

    plan_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    benefit_limit_cents: Mapped[Cents | None]

    __table_args__ = (CheckConstraint("benefit_limit_cents >= 0", name="plans_benefit_limit_cents_check"),)


class MemberRow(Base):
    """A member. The name and the birth date are personal data: they are never logged."""

    __tablename__ = "members"

    member_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    birth_date: Mapped[date | None]
    sex: Mapped[Sex | None] = mapped_column(Text)
    region: Mapped[str | None]
    plan_id: Mapped[str | None] = mapped_column(ForeignKey("plans.plan_id"))
    enrolled_from: Mapped[date | None]
    enrolled_to: Mapped[date | None] = mapped_column(comment="The first day no longer covered; null: open.")

    __table_args__ = (CheckConstraint("sex IN ('F', 'M')", name="members_sex_check"),)
