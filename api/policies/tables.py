"""Versions of the policy and their activations; triggers refuse any change of either."""

from datetime import date

from pydantic import JsonValue
from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Identity, Index, Integer
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from api.tables import Base, Instant


class PolicyVersionRow(Base):
    """One version: a document that is never changed. Whether it is in force follows from the activations."""

    __tablename__ = "policy_versions"

    version: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    document: Mapped[dict[str, JsonValue]] = mapped_column(JSONB, comment="With every parameter.")
    sha256: Mapped[str] = mapped_column(comment="Of the document as JSON with sorted keys.")
    valid_from: Mapped[date] = mapped_column(comment="First day of receipt.")
    valid_until: Mapped[date | None] = mapped_column(comment="Last day of receipt; null: no end.")
    author: Mapped[str]
    created_at: Mapped[Instant]

    __table_args__ = (
        Index("policy_versions_version_author_key", "version", "author", unique=True),
        Index("policy_versions_sha256_key", "sha256", unique=True),
    )


class PolicyTestRow(Base):
    """One test of a version: what it changes of past claims, and whether the gates passed."""

    __tablename__ = "policy_tests"

    test_id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    version: Mapped[int] = mapped_column(ForeignKey("policy_versions.version"))
    base_version: Mapped[int | None] = mapped_column(comment="The version it was compared with; null: the settings.")
    claims: Mapped[int]
    passed: Mapped[bool] = mapped_column(comment="Whether every gate passed.")
    gates: Mapped[list[JsonValue]] = mapped_column(JSONB, comment="Each gate with what was measured.")
    dataset: Mapped[str | None] = mapped_column(
        comment="Whose claims were replayed; null: stored before tests stated it, no activation rests on it."
    )
    scored: Mapped[int | None] = mapped_column(comment="Claims with a score.")
    first_day: Mapped[date | None] = mapped_column(comment="Of the claims.")
    last_day: Mapped[date | None]
    capacity: Mapped[float | None] = mapped_column(comment="Reviews per week; null: 1 % of the claims.")
    tested_by: Mapped[str]
    tested_at: Mapped[Instant]

    __table_args__ = (Index(None, "version", "test_id"),)


class PolicyActivationRow(Base):
    """One activation or rollback. Of the activations not undone, the newest whose version is valid decides a day."""

    __tablename__ = "policy_activations"

    activation_id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    kind: Mapped[str]
    version: Mapped[int | None] = mapped_column(comment="Of a rollback, the one activated before; null: none.")
    author: Mapped[str | None] = mapped_column(comment="Of the version.")
    approver: Mapped[str] = mapped_column(comment="Who activated it or rolled back.")
    reason: Mapped[str]
    made_at: Mapped[Instant]
    test_id: Mapped[int | None] = mapped_column(
        ForeignKey("policy_tests.test_id"), comment="The test that it rests on; null: none."
    )
    forced: Mapped[bool] = mapped_column(server_default="false", comment="Without a test that passed.")
    undoes: Mapped[int | None] = mapped_column(
        ForeignKey("policy_activations.activation_id"), comment="Of a rollback, the activation that it undoes."
    )

    __table_args__ = (
        CheckConstraint("kind IN ('activate', 'rollback')", name="policy_activations_kind_check"),
        CheckConstraint("(version IS NULL) = (author IS NULL)", name="policy_activations_author_check"),
        CheckConstraint("kind = 'rollback' OR version IS NOT NULL", name="policy_activations_version_check"),
        # A rollback returns to what another person approved before: its author may ask for it.
        CheckConstraint(
            "kind = 'rollback' OR lower(approver) <> lower(author)", name="policy_activations_approver_check"
        ),
        CheckConstraint("(kind = 'rollback') = (undoes IS NOT NULL)", name="policy_activations_undoes_check"),
        Index("policy_activations_undoes_key", "undoes", unique=True),
        ForeignKeyConstraint(["version", "author"], ["policy_versions.version", "policy_versions.author"]),
    )
