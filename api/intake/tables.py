"""Claims as received and as they stand, their lines, and the replies kept for repeated requests.

A claim carries the facts as of its receipt (region, specialty, age, limit). It has no foreign keys to members,
providers or codes: a claim outlives them, and a history may come from a source that lacks them.
"""

from datetime import date, datetime

from pydantic import JsonValue
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from api.tables import Base, Cents, Instant
from claims.attributes import MAX_ATTRIBUTES, MAX_NUMBER, MAX_TEXT, AttributeValue
from claims.prompt_pay import REVIEW_TARGET_DAYS

STATUSES = ("approved", "partially_approved", "in_review", "rejected", "denied", "voided")

ATTRIBUTES_CHECK = f"""
    attributes IS NULL OR (
        jsonb_typeof(attributes) = 'object'
        AND jsonb_array_length(jsonb_path_query_array(attributes, '$.keyvalue()')) BETWEEN 1 AND {MAX_ATTRIBUTES}
        AND NOT jsonb_path_exists(attributes, '$.keyvalue() ? (
            !(@.key like_regex "^[a-z][a-z0-9_]{{0,39}}$")
            || @.value.type() == "object" || @.value.type() == "array"
            || (@.value.type() == "string" && !(@.value like_regex "^.{{1,{MAX_TEXT}}}$"))
            || (@.value.type() == "number" && (@.value > {MAX_NUMBER:.0f} || @.value < -{MAX_NUMBER:.0f})))'))
"""
"""SQL: the bounds of `claims.attributes.Attributes`."""

REVIEW_BY = f"COALESCE(pay_by, (received_at AT TIME ZONE 'UTC')::date + {REVIEW_TARGET_DAYS})"
"""SQL: the day on which a claim in review takes its turn: its due date, or the target of a claim without a clock."""


class ClaimRow(Base):
    """One claim: `amount_cents` is the sum of its lines, `procedure_code` that of the line with the highest amount."""

    __tablename__ = "claims"

    claim_id: Mapped[str] = mapped_column(primary_key=True)
    received_at: Mapped[Instant]
    received_on: Mapped[date | None] = mapped_column(
        comment="Day of receipt where the insurer is: when it was accepted; null: that of received_at."
    )
    service_from: Mapped[date]
    service_to: Mapped[date]
    member_id: Mapped[str | None]
    provider_id: Mapped[str | None]
    procedure_code: Mapped[str | None]
    diagnosis_code: Mapped[str | None]
    other_diagnoses: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    place_of_service: Mapped[str | None]
    region: Mapped[str | None]
    specialty: Mapped[str | None]
    age_years: Mapped[int | None]
    sex: Mapped[str | None]
    amount_cents: Mapped[Cents]
    units: Mapped[int | None]
    lines: Mapped[int | None]
    diagnoses: Mapped[int | None]
    benefit_limit_cents: Mapped[Cents | None]
    voided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    void_reason: Mapped[str | None] = mapped_column(comment="In clear, of an earlier release.")
    void_reason_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, comment="Encrypted with the member's key.")
    replaces: Mapped[str | None]
    status: Mapped[str]
    approved_cents: Mapped[Cents] = mapped_column(server_default="0")
    reserved_cents: Mapped[Cents] = mapped_column(
        server_default="0", comment="Benefit held by a claim in review until a person decides it."
    )
    decision_id: Mapped[str | None] = mapped_column(
        ForeignKey("decisions.decision_id", name="claims_decision_id_fkey", use_alter=True),
        comment="The latest decision, proposal or request for documents.",
    )
    source: Mapped[str] = mapped_column(comment="'api', or the data set a history was loaded from.")
    service_date_defaulted: Mapped[bool] = mapped_column(
        server_default="false", comment="No day of service was sent: service_from is the day of receipt."
    )
    status_before_void: Mapped[str | None] = mapped_column(comment="What the status was when the claim was voided.")
    inherits_from: Mapped[str | None] = mapped_column(comment="The claim whose review this one inherited.")
    submitted_by: Mapped[str | None] = mapped_column(comment="The API key.")
    attributes: Mapped[dict[str, AttributeValue] | None] = mapped_column(
        JSONB, comment="Further values that models use, by name; null: none."
    )
    line_of_business: Mapped[str | None] = mapped_column(comment="Of the member's plan at receipt.")
    state_code: Mapped[str | None] = mapped_column(comment="Of the member's plan at receipt.")
    pay_by: Mapped[date | None] = mapped_column(comment="Prompt-pay due date; null: no clock.")
    payment: Mapped[dict[str, JsonValue] | None] = mapped_column(
        JSONB, comment="The payment line by line; null: the plan had no cost sharing, and no other payer paid."
    )
    deductible_cents: Mapped[Cents] = mapped_column(
        server_default="0", comment="What the claim counts towards the member's deductible; 0 unless it is paid."
    )
    out_of_pocket_cents: Mapped[Cents] = mapped_column(
        server_default="0", comment="What it counts towards the out-of-pocket maximum; 0 unless it is paid."
    )
    authorization_number: Mapped[str | None] = mapped_column(comment="Of the prior authorization, as it was sent.")
    authorized_units: Mapped[int] = mapped_column(
        server_default="0", comment="Units of the lines that need it: used while the claim is paid or in review."
    )
    authorized_days: Mapped[list[date]] = mapped_column(
        ARRAY(Date), server_default="{}", comment="Days of service of these lines: what visits are counted by."
    )

    __table_args__ = (
        CheckConstraint("amount_cents > 0", name="claims_amount_cents_check"),
        CheckConstraint("approved_cents BETWEEN 0 AND amount_cents", name="claims_approved_cents_check"),
        CheckConstraint(
            "reserved_cents BETWEEN 0 AND amount_cents AND (reserved_cents = 0 OR status = 'in_review')",
            name="claims_reserved_cents_check",
        ),
        # Only a person denies.
        CheckConstraint("status <> 'denied' OR decision_id IS NOT NULL", name="claims_denied_check"),
        CheckConstraint(
            "deductible_cents >= 0 AND out_of_pocket_cents >= 0 AND (deductible_cents + out_of_pocket_cents = 0 OR "
            "(payment IS NOT NULL AND status IN ('approved', 'partially_approved')))",
            name="claims_cost_shared_check",
        ),
        CheckConstraint("authorized_units >= 0", name="claims_authorized_units_check"),
        CheckConstraint("service_to >= service_from", name="claims_service_check"),
        CheckConstraint(f"status IN {STATUSES}", name="claims_status_check"),
        CheckConstraint("(status = 'voided') = (voided_at IS NOT NULL)", name="claims_voided_check"),
        CheckConstraint(ATTRIBUTES_CHECK, name="claims_attributes_check"),
        # The list of claims, newest first, and what was received since a moment.
        Index(None, "received_at", "claim_id"),
        # The past of each entity: `features/update/updater.py` reads an entity's claims of a span of time.
        Index(None, "member_id", "received_at"),
        # With the member, which row security compares: claims of a provider are counted without reading them.
        Index("claims_of_provider_idx", "provider_id", "received_at", "claim_id", postgresql_include=["member_id"]),
        Index(None, "procedure_code", "received_at"),
        Index(None, "member_id", "provider_id", "received_at"),
        Index(None, "member_id", "procedure_code", "received_at"),
        Index(None, "provider_id", "service_from"),
        # Benefit used in a year, and look-alikes of a claim.
        Index(None, "member_id", "service_from"),
        # The list of claims in review, by the day on which each takes its turn.
        Index(
            "claims_in_review_idx", text(REVIEW_BY), "received_at", "claim_id", postgresql_where="status = 'in_review'"
        ),
        Index("claims_voided_at_idx", "voided_at", postgresql_where="voided_at IS NOT NULL"),
        Index("claims_inherits_from_idx", "inherits_from", postgresql_where="inherits_from IS NOT NULL"),
        Index(
            "claims_authorization_number_idx",
            "authorization_number",
            postgresql_where="authorization_number IS NOT NULL",
        ),
        # Decisions of claims that are archived are deleted.
        Index("claims_decision_id_idx", "decision_id", postgresql_where="decision_id IS NOT NULL"),
        # A claim is corrected once.
        Index("claims_replaces_key", "replaces", unique=True, postgresql_where="replaces IS NOT NULL"),
    )


class ClaimLineRow(Base):
    """One billed service of a claim."""

    __tablename__ = "claim_lines"

    claim_id: Mapped[str] = mapped_column(ForeignKey("claims.claim_id"), primary_key=True)
    line: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    procedure_code: Mapped[str]
    units: Mapped[int]
    amount_cents: Mapped[Cents]
    service_date: Mapped[date | None]
    modifiers: Mapped[list[str] | None] = mapped_column(ARRAY(Text), comment="Two characters each; null: none.")

    # Claims with a code, whichever line has it.
    __table_args__ = (Index(None, "procedure_code", "claim_id"),)


class EarlierDecisionRow(Base):
    """A decided state of a claim that ended: the claim was voided, or decided otherwise. A trigger adds it.

    Another refuses changes. Claims that were loaded as history have none.
    """

    __tablename__ = "earlier_decisions"

    earlier_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    claim_id: Mapped[str] = mapped_column(ForeignKey("claims.claim_id"))
    provider_id: Mapped[str | None] = mapped_column(comment="Of the claim.")
    began_at: Mapped[Instant] = mapped_column(comment="When it was decided so.")
    ended_at: Mapped[Instant] = mapped_column(comment="When it was voided or decided otherwise.")
    status: Mapped[str]
    approved_cents: Mapped[Cents]
    decision_id: Mapped[str | None] = mapped_column(comment="A person's; null: at receipt.")
    payment: Mapped[dict[str, JsonValue] | None] = mapped_column(JSONB, comment="As claims.payment.")

    __table_args__ = (
        CheckConstraint("ended_at >= began_at", name="earlier_decisions_times_check"),
        Index(None, "provider_id", "ended_at"),
        Index(None, "claim_id"),
    )


class IdempotencyKeyRow(Base):
    """The reply to a request that carried an Idempotency-Key, byte for byte."""

    __tablename__ = "idempotency_keys"

    actor_id: Mapped[str] = mapped_column("api_key_id", key="actor_id", primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[bytes] = mapped_column(LargeBinary, comment="SHA-256 of route and body.")
    status: Mapped[int]
    body: Mapped[bytes | None] = mapped_column(LargeBinary, comment="In clear, of an earlier release.")
    created_at: Mapped[Instant]
    headers: Mapped[dict[str, str] | None] = mapped_column(
        JSONB, comment="Of the response, by name; null: its content type is JSON and there is none other."
    )
    body_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, comment="Encrypted with a data key.")
    identity_of: Mapped[str | None] = mapped_column(
        comment="The member whose identity the reply shows: an erasure deletes it."
    )

    __table_args__ = (CheckConstraint("num_nonnulls(body, body_sealed) = 1", name="idempotency_keys_body_check"),)
