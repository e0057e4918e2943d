"""Re-screening: jobs wait from when they are seen, take turns and pause after a failure; closed findings end."""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"

_JOBS, _CLAIMS, _FINDINGS = "rescreening_jobs", "rescreening_claims", "rescreening_findings"
_NOT_BEFORE = "Earliest time of its next turn or attempt."
_NOT_BEFORE_EARLIER = "Claims decided without the change are committed by then."
_ENDED = "When a job no longer found it or its claim was voided; null: the same one is not opened again."
_INDEXES = {
    # what each step of the worker looks for, whatever the number of other jobs
    "unseen": (["job_id"], "finished_at IS NULL AND seen_at IS NULL"),
    "to_find": (["not_before", "job_id"], "finished_at IS NULL AND found_at IS NULL AND seen_at IS NOT NULL"),
    "to_screen": (["not_before", "job_id"], "finished_at IS NULL AND found_at IS NOT NULL"),
}


def _instant(name: str, comment: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=True, comment=comment)


def _count(name: str, comment: str) -> sa.Column[object]:
    return sa.Column(name, sa.Integer(), nullable=False, server_default="0", comment=comment)


def upgrade() -> None:
    op.add_column(_JOBS, _instant("seen_at", "When a worker saw it, after its commit; null: not yet."))
    op.add_column(_JOBS, _instant("retried_at", "When claims that were given up were last queued again."))
    op.add_column(_JOBS, _count("attempts", "Failures in a row, of finding its claims or of a batch."))
    _comment_not_before(_NOT_BEFORE, _NOT_BEFORE_EARLIER)
    op.add_column(_CLAIMS, _count("attempts", "Failed batches with it; above 0: it is compared alone."))
    op.add_column(_CLAIMS, _instant("not_before", "Earliest time of the next attempt; null: none failed."))
    op.add_column(
        _CLAIMS,
        _instant("given_up_at", "When it failed too often; it is kept to be queued again by a person."),
    )
    op.create_index(
        f"{_CLAIMS}_failed_idx",
        _CLAIMS,
        ["job_id", "not_before", "claim_id"],
        postgresql_where="attempts > 0 AND given_up_at IS NULL",
    )
    op.create_index(
        f"{_CLAIMS}_given_up_idx", _CLAIMS, ["job_id", "claim_id"], postgresql_where="given_up_at IS NOT NULL"
    )
    for name, (columns, condition) in _INDEXES.items():
        op.create_index(f"{_JOBS}_{name}_idx", _JOBS, columns, postgresql_where=condition)
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
    _end_findings_of_voided_claims()


def downgrade() -> None:
    """Drops the failures of jobs that wait, claims that were given up, and which closed findings have ended."""
    op.execute("DROP TRIGGER claims_end_rescreening ON claims")
    op.execute("DROP FUNCTION end_rescreening_findings()")
    op.execute("DELETE FROM rescreening_claims WHERE given_up_at IS NOT NULL")
    _record_entries("clock_timestamp() + interval '10 seconds'")
    _record_tables("counts_from - interval '10 seconds'", "counts_from + interval '10 seconds'")
    _record_terms("WHERE EXISTS (SELECT FROM members WHERE members.plan_id = new_rows.plan_id)")
    op.drop_column(_FINDINGS, "ended_at")
    for name in _INDEXES:
        op.drop_index(f"{_JOBS}_{name}_idx", _JOBS)
    for name in ("given_up", "failed"):
        op.drop_index(f"{_CLAIMS}_{name}_idx", _CLAIMS)
    for name in ("given_up_at", "not_before", "attempts"):
        op.drop_column(_CLAIMS, name)
    _comment_not_before(_NOT_BEFORE_EARLIER, _NOT_BEFORE)
    for name in ("attempts", "retried_at", "seen_at"):
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


def _end_findings_of_voided_claims() -> None:
    """Nothing differs of a voided claim: its findings end with it, in the transaction that voids it."""
    op.execute(
        """
        UPDATE rescreening_findings AS one
        SET ended_at = claims.voided_at, closed_at = coalesce(closed_at, greatest(claims.voided_at, found_at)),
            closed_reason = coalesce(closed_reason, 'withdrawn')
        FROM claims WHERE claims.claim_id = one.claim_id AND claims.status = 'voided' AND one.ended_at IS NULL
        """
    )
    op.execute(
        """
        CREATE FUNCTION end_rescreening_findings() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            UPDATE rescreening_findings AS one
            SET ended_at = NEW.voided_at, closed_at = coalesce(closed_at, NEW.voided_at),
                closed_reason = coalesce(closed_reason, 'withdrawn')
            FROM (SELECT finding_id FROM rescreening_findings WHERE claim_id = NEW.claim_id AND ended_at IS NULL
                  ORDER BY finding_id FOR UPDATE) AS ending
            WHERE one.finding_id = ending.finding_id;
            RETURN NULL;
        END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER claims_end_rescreening AFTER UPDATE OF status ON claims
        FOR EACH ROW WHEN (NEW.status = 'voided' AND OLD.status <> 'voided')
        EXECUTE FUNCTION end_rescreening_findings()
        """
    )
