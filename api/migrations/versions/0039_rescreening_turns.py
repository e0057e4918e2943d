"""Re-screening: jobs wait from when they are seen, take turns and pause after a failure; closed findings end."""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"

_JOBS, _CLAIMS, _FINDINGS = "rescreening_jobs", "rescreening_claims", "rescreening_findings"
_NOT_BEFORE = "Earliest time of the next attempt."
_NOT_BEFORE_EARLIER = "Claims decided without the change are committed by then."
_ENDED = "When a later job no longer found it; null: the same one is not opened again."


def _instant(name: str, comment: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=True, comment=comment)


def _count(name: str, comment: str) -> sa.Column[object]:
    return sa.Column(name, sa.Integer(), nullable=False, server_default="0", comment=comment)


def upgrade() -> None:
    op.add_column(_JOBS, _instant("seen_at", "When a worker saw it, after its commit; null: not yet."))
    op.add_column(_JOBS, _instant("compared_at", "When a batch of its claims was last compared."))
    op.add_column(_JOBS, _count("attempts", "Failures in a row, of finding its claims or of a batch."))
    _comment_not_before(_NOT_BEFORE, _NOT_BEFORE_EARLIER)
    op.add_column(_CLAIMS, _count("attempts", "Failed batches with it; above 0: it is compared alone."))
    op.create_index(
        f"{_CLAIMS}_failed_idx", _CLAIMS, ["job_id", "attempts", "claim_id"], postgresql_where="attempts > 0"
    )
    op.add_column(_FINDINGS, _instant("ended_at", _ENDED))
    op.execute("UPDATE rescreening_jobs SET seen_at = found_at WHERE found_at IS NOT NULL")
    op.execute(
        """
        DELETE FROM rescreening_subjects USING rescreening_jobs AS job
        WHERE job.job_id = rescreening_subjects.job_id AND job.found_at IS NOT NULL
        """
    )
    op.execute("UPDATE rescreening_findings SET ended_at = closed_at WHERE closed_reason = 'withdrawn'")
    # A job counts its wait from when a worker sees it, so committed: a long transaction would have used it up.
    _record_entries("clock_timestamp()")
    _record_tables("clock_timestamp()", "counts_from")
    # Former members count as well: the worker finds the claims, and finishes the job where there are none.
    _record_terms("")


def downgrade() -> None:
    """Drops the failures of jobs that wait and which closed findings have ended."""
    _record_entries("clock_timestamp() + interval '10 seconds'")
    _record_tables("counts_from - interval '10 seconds'", "counts_from + interval '10 seconds'")
    _record_terms("WHERE EXISTS (SELECT FROM members WHERE members.plan_id = new_rows.plan_id)")
    op.drop_column(_FINDINGS, "ended_at")
    op.drop_index(f"{_CLAIMS}_failed_idx", _CLAIMS)
    op.drop_column(_CLAIMS, "attempts")
    _comment_not_before(_NOT_BEFORE_EARLIER, _NOT_BEFORE)
    for name in ("attempts", "compared_at", "seen_at"):
        op.drop_column(_JOBS, name)


def _comment_not_before(comment: str, earlier: str) -> None:
    op.alter_column(
        _JOBS,
        "not_before",
        existing_type=sa.DateTime(timezone=True),
        existing_nullable=False,
        comment=comment,
        existing_comment=earlier,
    )


def _record_entries(not_before: str) -> None:
    """Record changed entries of a registry, one job for each kind and transaction."""
    op.execute(
        f"""
        CREATE OR REPLACE FUNCTION add_rescreening(changed_kind text, changed text[]) RETURNS void
        LANGUAGE plpgsql AS $$
        DECLARE
            own_transaction bigint := pg_current_xact_id()::text::bigint;
        BEGIN
            IF changed IS NULL OR cardinality(changed) = 0 THEN RETURN; END IF;
            INSERT INTO rescreening_jobs (kind, transaction_id, recorded_at, not_before)
            VALUES (changed_kind, own_transaction, clock_timestamp(), {not_before})
            ON CONFLICT (kind, transaction_id) WHERE found_at IS NULL DO NOTHING;
            INSERT INTO rescreening_subjects (job_id, subject)
            SELECT DISTINCT job_id, one
            FROM rescreening_jobs, unnest(changed) AS one
            WHERE kind = changed_kind AND transaction_id = own_transaction AND found_at IS NULL
            ON CONFLICT DO NOTHING;
        END $$
        """
    )


def _record_tables(recorded_at: str, not_before: str) -> None:
    """Record an import, which sets `known_from` when its entries are stored, or a rollback, which sets `known_until`.

    The change counts for claims received from then on.
    """
    op.execute(
        f"""
        CREATE OR REPLACE FUNCTION record_table_change() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            counts_from timestamptz := coalesce(NEW.known_until, NEW.known_from);
        BEGIN
            INSERT INTO rescreening_jobs (kind, subject, import_id, compared_with, recorded_at, not_before)
            SELECT NEW.kind,
                   concat_ws(' ', NEW.kind, NEW.release, CASE WHEN NEW.known_until IS NOT NULL THEN 'rolled back' END),
                   NEW.import_id,
                   (SELECT other.import_id FROM code_table_imports AS other
                    WHERE other.kind = NEW.kind AND other.known_until IS NULL AND other.import_id <> NEW.import_id
                        AND other.valid_from <= NEW.valid_from
                    ORDER BY other.valid_from DESC, other.import_id DESC LIMIT 1),
                   {recorded_at},
                   {not_before};
            RETURN NULL;
        END $$
        """
    )


def _record_terms(condition: str) -> None:
    """Record added terms of plans."""
    op.execute(
        f"""
        CREATE OR REPLACE FUNCTION record_added_terms() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM add_rescreening('plan', (SELECT array_agg(DISTINCT plan_id) FROM new_rows {condition}));
            RETURN NULL;
        END $$
        """
    )
