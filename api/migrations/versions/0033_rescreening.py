"""Re-screening: changes of tables, registries and plans are recorded as jobs, whatever made them."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"

_REGISTRIES = {
    # table: kind, key, what no rule reads
    "members": ("member", "member_id", "name, region"),
    "providers": ("provider", "provider_id", "name, specialty, region"),
    "procedures": (
        "procedure",
        "procedure_code",
        "name, specialties, typical_cents, average_cents, average_claims, average_as_of",
    ),
    "plan_cost_sharing": ("plan", "plan_id", ""),
}


def _instant(name: str, *, nullable: bool = True, comment: str | None = None) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, comment=comment)


def _count(name: str, comment: str) -> sa.Column[object]:
    return sa.Column(name, sa.Integer(), nullable=False, server_default="0", comment=comment)


def upgrade() -> None:
    op.create_index("claim_lines_procedure_code_claim_id_idx", "claim_lines", ["procedure_code", "claim_id"])
    op.create_table(
        "rescreening_jobs",
        sa.Column("job_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="A kind of change of claims/rescreening/changes.py."),
        sa.Column(
            "subject", sa.Text(), nullable=False, server_default="", comment="What changed, such as `leie 2026-11`."
        ),
        sa.Column(
            "transaction_id",
            sa.BigInteger(),
            nullable=True,
            comment="That changed the entries of a registry: one job for all of a kind; null: an import.",
        ),
        sa.Column("import_id", sa.BigInteger(), nullable=True, comment="The release imported or rolled back."),
        sa.Column(
            "compared_with", sa.BigInteger(), nullable=True, comment="The import in force without it; null: none."
        ),
        _instant("recorded_at", nullable=False),
        _instant("not_before", nullable=False, comment="Claims decided without the change are committed by then."),
        _instant("found_at", comment="When the claims that it touches were found."),
        _instant("finished_at"),
        _count("touched", "Claims found."),
        _count("screened", "Claims compared."),
        _count("failed", "Claims that could not be compared; the worker's log names them."),
        _count("opened", "Findings opened."),
        _count("withdrawn", "Findings of earlier jobs that no longer differ, closed."),
        sa.ForeignKeyConstraint(
            ["import_id"], ["code_table_imports.import_id"], name="rescreening_jobs_import_id_fkey"
        ),
        sa.ForeignKeyConstraint(
            ["compared_with"], ["code_table_imports.import_id"], name="rescreening_jobs_compared_with_fkey"
        ),
        sa.PrimaryKeyConstraint("job_id", name="rescreening_jobs_pkey"),
    )
    op.create_index(
        "rescreening_jobs_transaction_key",
        "rescreening_jobs",
        ["kind", "transaction_id"],
        unique=True,
        postgresql_where="found_at IS NULL",
    )
    op.create_index(
        "rescreening_jobs_open_idx",
        "rescreening_jobs",
        ["not_before", "job_id"],
        postgresql_where="finished_at IS NULL",
    )
    for name, item, comment in (
        ("rescreening_subjects", "subject", "Id of a changed entry."),
        ("rescreening_claims", "claim_id", "A claim that is still to be compared."),
    ):
        op.create_table(
            name,
            sa.Column("job_id", sa.BigInteger(), nullable=False),
            sa.Column(item, sa.Text(), nullable=False, comment=comment),
            sa.ForeignKeyConstraint(
                ["job_id"], ["rescreening_jobs.job_id"], name=f"{name}_job_id_fkey", ondelete="CASCADE"
            ),
            sa.PrimaryKeyConstraint("job_id", item, name=f"{name}_pkey"),
        )
    op.create_table(
        "rescreening_findings",
        sa.Column("finding_id", sa.Text(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("claim_id", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=True, comment="Of the claim."),
        sa.Column("status", sa.Text(), nullable=False, comment="Of the claim when it was compared."),
        sa.Column("difference", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False, comment="Of the finding that differs; `amount`: the payment."),
        sa.Column("line", sa.Integer(), nullable=False, comment="0: the claim as a whole."),
        sa.Column("entry", sa.Text(), nullable=False, comment="What it rests on, without a release."),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("cites", sa.Text(), nullable=False),
        sa.Column("before_cents", sa.BigInteger(), nullable=True),
        sa.Column("now_cents", sa.BigInteger(), nullable=True),
        _instant("found_at", nullable=False),
        _instant("closed_at"),
        sa.Column("closed_reason", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True, comment="The key's name; null: a later job withdrew it."),
        sa.CheckConstraint("(closed_at IS NULL) = (closed_reason IS NULL)", name="rescreening_findings_closed_check"),
        sa.CheckConstraint(
            "difference IN ('new_finding', 'finding_no_longer_holds', 'amount_differs')",
            name="rescreening_findings_difference_check",
        ),
        sa.ForeignKeyConstraint(["job_id"], ["rescreening_jobs.job_id"], name="rescreening_findings_job_id_fkey"),
        sa.ForeignKeyConstraint(["claim_id"], ["claims.claim_id"], name="rescreening_findings_claim_id_fkey"),
        sa.PrimaryKeyConstraint("finding_id", name="rescreening_findings_pkey"),
    )
    table = "rescreening_findings"
    op.create_index(
        f"{table}_open_key",
        table,
        ["claim_id", "difference", "code", "line", "entry"],
        unique=True,
        postgresql_where="closed_at IS NULL",
    )
    op.create_index(
        f"{table}_job_key", table, ["job_id", "claim_id", "difference", "code", "line", "entry"], unique=True
    )
    op.create_index(f"{table}_found_at_finding_id_idx", table, ["found_at", "finding_id"])
    op.create_index(f"{table}_claim_id_idx", table, ["claim_id"])
    op.create_index(f"{table}_provider_id_found_at_finding_id_idx", table, ["provider_id", "found_at", "finding_id"])
    op.create_index(f"{table}_open_idx", table, ["found_at", "finding_id"], postgresql_where="closed_at IS NULL")
    _record_changes()


def _record_changes() -> None:
    """Triggers that record changed entries, one job for each kind and transaction."""
    op.execute(
        """
        CREATE FUNCTION add_rescreening(changed_kind text, changed text[]) RETURNS void LANGUAGE plpgsql AS $$
        DECLARE
            own_transaction bigint := pg_current_xact_id()::text::bigint;
        BEGIN
            IF changed IS NULL OR cardinality(changed) = 0 THEN RETURN; END IF;
            INSERT INTO rescreening_jobs (kind, transaction_id, recorded_at, not_before)
            VALUES (changed_kind, own_transaction, clock_timestamp(), clock_timestamp() + interval '10 seconds')
            ON CONFLICT (kind, transaction_id) WHERE found_at IS NULL DO NOTHING;
            INSERT INTO rescreening_subjects (job_id, subject)
            SELECT DISTINCT job_id, one
            FROM rescreening_jobs, unnest(changed) AS one
            WHERE kind = changed_kind AND transaction_id = own_transaction AND found_at IS NULL
            ON CONFLICT DO NOTHING;
        END $$
        """
    )
    op.execute(
        """
        CREATE FUNCTION record_rescreening() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM add_rescreening(TG_ARGV[0], (
                SELECT array_agg(DISTINCT earlier.state ->> TG_ARGV[1])
                FROM (SELECT to_jsonb(old_rows) AS state FROM old_rows) AS earlier
                LEFT JOIN (SELECT to_jsonb(new_rows) AS state FROM new_rows) AS later
                    ON later.state ->> TG_ARGV[1] = earlier.state ->> TG_ARGV[1]
                    AND later.state ->> 'first_day' IS NOT DISTINCT FROM earlier.state ->> 'first_day'
                WHERE earlier.state - string_to_array(TG_ARGV[2], ', ')
                    IS DISTINCT FROM later.state - string_to_array(TG_ARGV[2], ', ')));
            RETURN NULL;
        END $$
        """
    )
    # Terms of a plan that has no members yet are no change.
    op.execute(
        """
        CREATE FUNCTION record_added_terms() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM add_rescreening('plan', (
                SELECT array_agg(DISTINCT plan_id) FROM new_rows
                WHERE EXISTS (SELECT FROM members WHERE members.plan_id = new_rows.plan_id)));
            RETURN NULL;
        END $$
        """
    )
    # An import sets `known_from` when its entries are stored, a rollback `known_until`. Claims received before that
    # moment may be committed after it.
    op.execute(
        """
        CREATE FUNCTION record_table_change() RETURNS trigger LANGUAGE plpgsql AS $$
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
                   counts_from - interval '10 seconds',
                   counts_from + interval '10 seconds';
            RETURN NULL;
        END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER code_table_imports_rescreening AFTER UPDATE OF known_from, known_until ON code_table_imports
        FOR EACH ROW EXECUTE FUNCTION record_table_change()
        """
    )
    for table, (kind, key, ignored) in _REGISTRIES.items():
        op.execute(
            f"""
            CREATE TRIGGER {table}_rescreening AFTER UPDATE ON {table}
            REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
            FOR EACH STATEMENT EXECUTE FUNCTION record_rescreening('{kind}', '{key}', '{ignored}')
            """
        )
    op.execute(
        """
        CREATE TRIGGER plan_cost_sharing_added AFTER INSERT ON plan_cost_sharing
        REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION record_added_terms()
        """
    )


def downgrade() -> None:
    """Drops every finding of re-screening."""
    op.execute("DROP TRIGGER plan_cost_sharing_added ON plan_cost_sharing")
    op.execute("DROP TRIGGER code_table_imports_rescreening ON code_table_imports")
    for table in _REGISTRIES:
        op.execute(f"DROP TRIGGER {table}_rescreening ON {table}")
    for function in (
        "record_table_change()",
        "record_added_terms()",
        "record_rescreening()",
        "add_rescreening(text, text[])",
    ):
        op.execute(f"DROP FUNCTION {function}")
    for table in ("rescreening_findings", "rescreening_claims", "rescreening_subjects", "rescreening_jobs"):
        op.drop_table(table)
    op.drop_index("claim_lines_procedure_code_claim_id_idx", "claim_lines")
