"""Jobs of re-screening, the claims that they still have to compare, and what they found."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Identity, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from api.tables import Base, Cents, Instant
from claims.rescreening import DifferenceKind

DIFFERENCES = tuple(kind.value for kind in DifferenceKind)


class RescreeningJobRow(Base):
    """One change after which claims are compared again, recorded in the transaction of the change.

    Triggers record it, whatever changed the table, registry or plan.
    """

    __tablename__ = "rescreening_jobs"

    job_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    kind: Mapped[str] = mapped_column(comment="A kind of change of claims/rescreening/changes.py.")
    subject: Mapped[str] = mapped_column(server_default="", comment="What changed, such as `leie 2026-11`.")
    transaction_id: Mapped[int | None] = mapped_column(
        BigInteger, comment="That changed the entries of a registry: one job for all of a kind; null: an import."
    )
    import_id: Mapped[int | None] = mapped_column(
        ForeignKey("code_table_imports.import_id"), comment="The release imported or rolled back."
    )
    compared_with: Mapped[int | None] = mapped_column(
        ForeignKey("code_table_imports.import_id"), comment="The import in force without it; null: none."
    )
    recorded_at: Mapped[Instant]
    not_before: Mapped[Instant] = mapped_column(comment="Earliest time of its next turn or attempt.")
    seen_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), comment="When a worker saw it, after its commit; null: not yet."
    )
    found_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), comment="When the claims that it touches were found."
    )
    retried_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), comment="When claims that were given up were last queued again."
    )
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    attempts: Mapped[int] = mapped_column(
        server_default="0", comment="Failures in a row, of finding its claims or of a batch."
    )
    touched: Mapped[int] = mapped_column(server_default="0", comment="Claims found.")
    screened: Mapped[int] = mapped_column(server_default="0", comment="Claims compared.")
    failed: Mapped[int] = mapped_column(
        server_default="0", comment="Claims that could not be compared; the worker's log names them."
    )
    opened: Mapped[int] = mapped_column(server_default="0", comment="Findings opened.")
    withdrawn: Mapped[int] = mapped_column(
        server_default="0", comment="Findings of earlier jobs that no longer differ, closed."
    )

    __table_args__ = (
        Index(
            "rescreening_jobs_transaction_key",
            "kind",
            "transaction_id",
            unique=True,
            postgresql_where="found_at IS NULL",
        ),
        Index("rescreening_jobs_open_idx", "not_before", "job_id", postgresql_where="finished_at IS NULL"),
        Index("rescreening_jobs_unseen_idx", "job_id", postgresql_where="finished_at IS NULL AND seen_at IS NULL"),
        Index(
            "rescreening_jobs_to_find_idx",
            *("not_before", "job_id"),
            postgresql_where="finished_at IS NULL AND found_at IS NULL AND seen_at IS NOT NULL",
        ),
        Index(
            "rescreening_jobs_to_screen_idx",
            *("not_before", "job_id"),
            postgresql_where="finished_at IS NULL AND found_at IS NOT NULL",
        ),
    )


class RescreeningSubjectRow(Base):
    """An entry of a registry, or a plan, that a job is about."""

    __tablename__ = "rescreening_subjects"

    job_id: Mapped[int] = mapped_column(
        ForeignKey("rescreening_jobs.job_id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    subject: Mapped[str] = mapped_column(primary_key=True, comment="Id of a changed entry.")


class RescreeningClaimRow(Base):
    """A claim that a job has still to compare; the transaction that compares it removes the row."""

    __tablename__ = "rescreening_claims"

    job_id: Mapped[int] = mapped_column(
        ForeignKey("rescreening_jobs.job_id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    claim_id: Mapped[str] = mapped_column(primary_key=True, comment="A claim that is still to be compared.")
    attempts: Mapped[int] = mapped_column(
        server_default="0", comment="Failed batches with it; above 0: it is compared alone."
    )
    not_before: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), comment="Earliest time of the next attempt; null: none failed."
    )
    given_up_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), comment="When it failed too often; it is kept to be queued again by a person."
    )

    __table_args__ = (
        Index(
            "rescreening_claims_failed_idx",
            *("job_id", "not_before", "claim_id"),
            postgresql_where="attempts > 0 AND given_up_at IS NULL",
        ),
        Index("rescreening_claims_given_up_idx", "job_id", "claim_id", postgresql_where="given_up_at IS NOT NULL"),
    )


class RescreeningFindingRow(Base):
    """One difference between how a claim was decided and what is found now. The claim is not changed by it."""

    __tablename__ = "rescreening_findings"

    finding_id: Mapped[str] = mapped_column(primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("rescreening_jobs.job_id"))
    claim_id: Mapped[str] = mapped_column(ForeignKey("claims.claim_id"))
    provider_id: Mapped[str | None] = mapped_column(comment="Of the claim.")
    status: Mapped[str] = mapped_column(comment="Of the claim when it was compared.")
    difference: Mapped[str]
    code: Mapped[str] = mapped_column(comment="Of the finding that differs; `amount`: the payment.")
    line: Mapped[int] = mapped_column(comment="0: the claim as a whole.")
    entry: Mapped[str] = mapped_column(comment="What it rests on, without a release.")
    text: Mapped[str]
    cites: Mapped[str]
    before_cents: Mapped[Cents | None]
    now_cents: Mapped[Cents | None]
    found_at: Mapped[Instant]
    closed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    closed_reason: Mapped[str | None]
    note: Mapped[str | None] = mapped_column(comment="In clear, of an earlier release.")
    closed_by: Mapped[str | None] = mapped_column(comment="The key's name; null: a later job withdrew it.")
    ended_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True),
        comment="When a job no longer found it or its claim was voided; null: the same one is not opened again.",
    )
    note_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, comment="Encrypted with the member's key.")

    __table_args__ = (
        CheckConstraint("(closed_at IS NULL) = (closed_reason IS NULL)", name="rescreening_findings_closed_check"),
        CheckConstraint(f"difference IN {DIFFERENCES}", name="rescreening_findings_difference_check"),
        # A difference that is open is not opened again, and no job opens one twice.
        Index(
            "rescreening_findings_open_key",
            *("claim_id", "difference", "code", "line", "entry"),
            unique=True,
            postgresql_where="closed_at IS NULL",
        ),
        Index(
            "rescreening_findings_job_key",
            *("job_id", "claim_id", "difference", "code", "line", "entry"),
            unique=True,
        ),
        Index(None, "found_at", "finding_id"),
        Index(None, "claim_id"),
        Index(None, "provider_id", "found_at", "finding_id"),
        Index("rescreening_findings_open_idx", "found_at", "finding_id", postgresql_where="closed_at IS NULL"),
    )
