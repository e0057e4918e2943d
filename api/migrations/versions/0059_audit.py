"""The audit log: purpose, subject, outcome and request of each act, and seals over its rows.

Neither table can be changed: not by the application's role, which has no such right, and by a trigger not by its owner.
"""

import sqlalchemy as sa
from alembic import op

revision = "0059"
down_revision = "0058"

_LOG, _SEALS = "audit_log", "audit_seals"
_CLAIM_ID = "Of a change of a claim; an access names it as its subject."
_TEXTS = {
    "purpose": "A code of HL7 v3 PurposeOfUse; null: before it was recorded.",
    "subject_kind": "What subject_id is the id of, such as member.",
    "subject_id": None,
    "request_id": "Null: not by a request.",
    "address": "Network address of the sender.",
    "agent": "The sender's program, as it names itself.",
}
_INDEXES = {"subject_id": "subject_id", "api_key_id": "actor_id", "name": "name", "act": "act", "at": "at"}


def upgrade() -> None:
    for name, comment in _TEXTS.items():
        op.add_column(_LOG, sa.Column(name, sa.Text(), nullable=True, comment=comment))
    op.add_column(_LOG, sa.Column("outcome", sa.Text(), server_default="success", nullable=False))
    op.add_column(
        _LOG,
        sa.Column("change", sa.LargeBinary(), nullable=True, comment="Before and after with personal data, encrypted."),
    )
    op.alter_column(
        _LOG, "claim_id", existing_type=sa.Text(), comment=_CLAIM_ID, existing_comment="Null: not about a claim."
    )
    op.create_check_constraint("audit_log_outcome_check", _LOG, "outcome IN ('success', 'denied', 'not_found')")
    op.create_check_constraint("audit_log_subject_check", _LOG, "(subject_kind IS NULL) = (subject_id IS NULL)")
    for column, name in _INDEXES.items():
        op.create_index(f"{_LOG}_{name}_audit_id_idx", _LOG, [column, "audit_id"])
    op.create_table(
        _SEALS,
        sa.Column("seal", sa.BigInteger(), autoincrement=False, nullable=False, comment="From 1, without gap."),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "last_audit_id",
            sa.BigInteger(),
            nullable=False,
            comment="Rows up to here are in this seal or one before.",
        ),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column(
            "entries", sa.LargeBinary(), nullable=False, comment="For each row: its id, 8 bytes, and SHA-256 of it."
        ),
        sa.Column(
            "previous", sa.LargeBinary(), nullable=False, comment="Hash of the seal before; zeros for the first."
        ),
        sa.Column(
            "hash",
            sa.LargeBinary(),
            nullable=False,
            comment="SHA-256 of number, time, last id, entries and previous.",
        ),
        sa.PrimaryKeyConstraint("seal", name="audit_seals_pkey"),
    )
    op.execute(
        f"""
        CREATE TRIGGER {_SEALS}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {_SEALS}
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
        """
    )
    for table in (_LOG, _SEALS):
        op.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM PUBLIC, CURRENT_USER")
    # The check of a foreign key locks rows, which needs the right to change a column; the trigger refuses any change.
    op.execute(f"GRANT UPDATE (audit_id) ON {_LOG} TO CURRENT_USER")


def downgrade() -> None:
    op.execute(f"GRANT UPDATE, DELETE, TRUNCATE ON {_LOG} TO CURRENT_USER")
    op.drop_table(_SEALS)
    for name in _INDEXES.values():
        op.drop_index(f"{_LOG}_{name}_audit_id_idx", table_name=_LOG)
    op.alter_column(
        _LOG, "claim_id", existing_type=sa.Text(), comment="Null: not about a claim.", existing_comment=_CLAIM_ID
    )
    op.drop_constraint("audit_log_subject_check", _LOG)
    op.drop_constraint("audit_log_outcome_check", _LOG)
    for name in ("change", "outcome", *_TEXTS):
        op.drop_column(_LOG, name)
