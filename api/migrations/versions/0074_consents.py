"""Consents and objections of members by purpose of use, and their withdrawals; both are append-only."""

import sqlalchemy as sa
from alembic import op

revision = "0074"
down_revision = "0073"

_CONSENTS, _WITHDRAWALS = "consents", "consent_withdrawals"
_SEEN = {
    _CONSENTS: "member_id = (SELECT nullif(current_setting('ginja.member_id', true), '')) "
    f"OR EXISTS (SELECT FROM claims seen WHERE seen.member_id = {_CONSENTS}.member_id)",
    _WITHDRAWALS: f"EXISTS (SELECT FROM {_CONSENTS} seen WHERE seen.consent_id = {_WITHDRAWALS}.consent_id)",
}
"""Which rows a caller sees that does not see everything: of its own member, and of members whose claims it sees."""
_ALL = "(SELECT nullif(current_setting('ginja.sees', true) = 'all', false)) IS NOT NULL"


def upgrade() -> None:
    op.create_table(
        _CONSENTS,
        sa.Column("consent_id", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False, comment="api/purposes.py."),
        sa.Column("kind", sa.Text(), nullable=False, comment="granted or objected."),
        sa.Column("scope", sa.Text(), nullable=False, comment="claims: claims alone; all: also who the member is."),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column(
            "last_day", sa.Date(), nullable=True, comment="In force up to this day; null: until it is withdrawn."
        ),
        sa.Column(
            "document_sha256", sa.Text(), nullable=True, comment="Of the signed document, in hexadecimal digits."
        ),
        sa.Column(
            "document_place", sa.Text(), nullable=True, comment="Where the document is kept: a reference, no name."
        ),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False, comment="Id of the key or user."),
        sa.CheckConstraint("kind IN ('granted', 'objected')", name="consents_kind_check"),
        sa.CheckConstraint("scope IN ('claims', 'all')", name="consents_scope_check"),
        sa.CheckConstraint("last_day >= first_day", name="consents_days_check"),
        sa.CheckConstraint("num_nonnulls(document_sha256, document_place) IN (0, 2)", name="consents_document_check"),
        sa.PrimaryKeyConstraint("consent_id", name="consents_pkey"),
    )
    op.create_index("consents_member_id_purpose_idx", _CONSENTS, ["member_id", "purpose"])
    op.create_index(
        "consents_objections_idx",
        _CONSENTS,
        ["purpose", "member_id"],
        postgresql_where=sa.text("kind = 'objected'"),
    )
    op.create_table(
        _WITHDRAWALS,
        sa.Column("consent_id", sa.Text(), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_by", sa.Text(), nullable=False, comment="Id of the key or user."),
        sa.ForeignKeyConstraint(["consent_id"], ["consents.consent_id"], name="consent_withdrawals_consent_id_fkey"),
        sa.PrimaryKeyConstraint("consent_id", name="consent_withdrawals_pkey"),
    )
    for table in (_CONSENTS, _WITHDRAWALS):
        op.execute(
            f"""
            CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
            """
        )
    for table, seen in _SEEN.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY seen ON {table} USING ({_ALL} OR {seen})")


def downgrade() -> None:
    op.drop_table(_WITHDRAWALS)
    op.drop_table(_CONSENTS)
