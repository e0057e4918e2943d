"""Who is covered, what their plan pays and requires, and what was authorized."""

from datetime import date

from pydantic import JsonValue
from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, LargeBinary, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from api.tables import Base, Cents
from claims.prior_authorization import AuthorizationCount, AuthorizationState
from claims.prompt_pay import LineOfBusiness
from claims.reference import Sex

LINES_OF_BUSINESS = tuple(one.value for one in LineOfBusiness)
_STATES = tuple(one.value for one in AuthorizationState)
_COUNTS = tuple(one.value for one in AuthorizationCount)


class PlanRow(Base):
    """A plan and what it pays a member in a calendar year; null: without limit."""

    __tablename__ = "plans"

    plan_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    benefit_limit_cents: Mapped[Cents | None]
    line_of_business: Mapped[str | None] = mapped_column(comment="Of the prompt-pay rules; null: no clock.")
    state_code: Mapped[str | None] = mapped_column(comment="The state whose prompt-pay law applies.")

    __table_args__ = (
        CheckConstraint("benefit_limit_cents >= 0", name="plans_benefit_limit_cents_check"),
        CheckConstraint(f"line_of_business IN {LINES_OF_BUSINESS}", name="plans_line_of_business_check"),
        CheckConstraint("state_code ~ '^[A-Z]{2}$'", name="plans_state_code_check"),
    )


class PlanTermsRow(Base):
    """The terms of a plan from a day on (`claims.cost_sharing.CostSharing`)."""

    __tablename__ = "plan_cost_sharing"

    plan_id: Mapped[str] = mapped_column(ForeignKey("plans.plan_id"), primary_key=True)
    first_day: Mapped[date] = mapped_column(primary_key=True)
    last_day: Mapped[date | None] = mapped_column(comment="Null: until the next terms of the plan begin.")
    deductible_cents: Mapped[Cents] = mapped_column(server_default="0", comment="Of a member in a plan year.")
    copay_cents: Mapped[Cents] = mapped_column(server_default="0", comment="Of a claim.")
    coinsurance_share: Mapped[int] = mapped_column(
        server_default="0", comment="The member's, in hundredths of a per cent."
    )
    out_of_pocket_cents: Mapped[Cents | None] = mapped_column(comment="Most in a plan year; null: no maximum.")
    year_begins_month: Mapped[int] = mapped_column(server_default="1")
    waiting_days: Mapped[int] = mapped_column(server_default="0", comment="From enrollment; not covered yet.")

    __table_args__ = (
        CheckConstraint("last_day >= first_day", name="plan_cost_sharing_days_check"),
        CheckConstraint(
            "deductible_cents >= 0 AND copay_cents >= 0 AND out_of_pocket_cents >= 0",
            name="plan_cost_sharing_amounts_check",
        ),
        CheckConstraint("coinsurance_share BETWEEN 0 AND 10000", name="plan_cost_sharing_share_check"),
        CheckConstraint("year_begins_month BETWEEN 1 AND 12", name="plan_cost_sharing_month_check"),
        CheckConstraint("waiting_days BETWEEN 0 AND 3650", name="plan_cost_sharing_waiting_check"),
    )


class MemberRow(Base):
    """A member. Name, birth date and sex are personal data: encrypted with the member's key, and never logged.

    `name`, `birth_date` and `sex` hold values of earlier releases until `ginja crypto encrypt` has encrypted them;
    nothing writes them any more.
    """

    __tablename__ = "members"

    member_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    birth_date: Mapped[date | None]
    sex: Mapped[Sex | None] = mapped_column(Text)
    region: Mapped[str | None]
    plan_id: Mapped[str | None] = mapped_column(ForeignKey("plans.plan_id"))
    enrolled_from: Mapped[date | None]
    enrolled_to: Mapped[date | None] = mapped_column(comment="The first day no longer covered; null: open.")
    earlier_periods: Mapped[list[JsonValue] | None] = mapped_column(
        JSONB(none_as_null=True), comment="Cover before that, oldest first: first_day, last_day and plan_id of each."
    )
    name_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, comment="Encrypted with the member's key.")
    birth_date_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, comment="The same.")
    sex_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, comment="The same.")

    __table_args__ = (CheckConstraint("sex IN ('F', 'M')", name="members_sex_check"),)


class MemberSearchRow(Base):
    """An entry of the blind index of members: without the key, nothing can be computed from it or a guess.

    It can be made again from `members`: `ginja crypto encrypt`.
    """

    __tablename__ = "member_search"

    member_id: Mapped[str] = mapped_column(
        ForeignKey("members.member_id", ondelete="CASCADE", deferrable=True, initially="DEFERRED"), primary_key=True
    )
    key_id: Mapped[int] = mapped_column(
        Integer, primary_key=True, autoincrement=False, comment="The data key that the key of the index is derived of."
    )
    field: Mapped[str] = mapped_column(primary_key=True, comment="What it is of: name, name_birth_date, birth_date.")
    entry: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True, comment="First bytes of an HMAC-SHA-256.")

    __table_args__ = (
        CheckConstraint("field IN ('name', 'name_birth_date', 'birth_date')", name="member_search_field_check"),
        Index(None, "key_id", "field", "entry", "member_id"),
    )


class PlanAuthorizationRow(Base):
    """Procedures for which a plan requires prior authorization (`AuthorizationRequirement`)."""

    __tablename__ = "plan_authorizations"

    plan_id: Mapped[str] = mapped_column(ForeignKey("plans.plan_id"), primary_key=True)
    place: Mapped[int] = mapped_column(
        Integer, primary_key=True, autoincrement=False, comment="Among those of the plan, from 1."
    )
    first_code: Mapped[str]
    last_code: Mapped[str]
    first_day: Mapped[date]
    last_day: Mapped[date | None] = mapped_column(comment="Null: without end.")
    places: Mapped[list[str]] = mapped_column(
        ARRAY(Text), server_default="{}", comment="CMS places of service; none: everywhere."
    )
    above_cents: Mapped[Cents | None] = mapped_column(comment="Of these lines together; null: any amount.")

    __table_args__ = (
        CheckConstraint("last_day >= first_day", name="plan_authorizations_days_check"),
        CheckConstraint(
            'length(first_code) = length(last_code) AND first_code COLLATE "C" <= last_code COLLATE "C"',
            name="plan_authorizations_codes_check",
        ),
        CheckConstraint("above_cents >= 0", name="plan_authorizations_above_cents_check"),
    )


class AuthorizationRow(Base):
    """A prior authorization of a member (`claims.prior_authorization.Authorization`).

    What is used of it is not stored here: it is the sum over the member's claims.
    """

    __tablename__ = "authorizations"

    authorization_number: Mapped[str] = mapped_column(primary_key=True)
    member_id: Mapped[str] = mapped_column(ForeignKey("members.member_id"))
    provider_id: Mapped[str | None] = mapped_column(comment="Null: any provider.")
    procedures: Mapped[list[str]] = mapped_column(ARRAY(Text), comment="Codes, and ranges such as 97110..97140.")
    units: Mapped[int | None] = mapped_column(comment="Most units or visits; null: no limit.")
    counts: Mapped[str] = mapped_column(server_default="units")
    first_day: Mapped[date]
    last_day: Mapped[date | None] = mapped_column(comment="Null: without end.")
    state: Mapped[str]

    __table_args__ = (
        CheckConstraint("last_day >= first_day", name="authorizations_days_check"),
        CheckConstraint("units >= 1", name="authorizations_units_check"),
        CheckConstraint("cardinality(procedures) >= 1", name="authorizations_procedures_check"),
        CheckConstraint(f"counts IN {_COUNTS}", name="authorizations_counts_check"),
        CheckConstraint(f"state IN {_STATES}", name="authorizations_state_check"),
        Index(None, "member_id", "authorization_number"),
        Index(None, "provider_id", "authorization_number"),
        Index(None, "state", "authorization_number", postgresql_where="state <> 'approved'"),
    )
