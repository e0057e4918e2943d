"""Rings of providers, and leads of them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0094"
down_revision = "0093"

_SEES = "coalesce(current_setting('ginja.sees', true), ginja_no_caller())"
_ALL = f"(SELECT nullif({_SEES} = 'all', false)) IS NOT NULL"
_CHECK = "leads_subject_kind_check"


def upgrade() -> None:
    op.create_table(
        "rings",
        sa.Column("ring_id", sa.Text(), nullable=False, comment="Stays while providers join and leave."),
        sa.Column("provider_ids", ARRAY(sa.Text()), nullable=False),
        sa.Column("week", sa.Date(), nullable=False, comment="The Monday that it was computed for."),
        sa.PrimaryKeyConstraint("ring_id", name="rings_pkey"),
    )
    op.execute("ALTER TABLE rings ENABLE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY seen ON rings USING ({_ALL})")
    op.drop_constraint(_CHECK, "leads")
    # A table of leads is small beside claims: the check reads it at once.
    op.create_check_constraint(_CHECK, "leads", "subject_kind IN ('ring', 'provider', 'member', 'claim')")


def downgrade() -> None:
    of_rings = "SELECT lead_id FROM leads WHERE subject_kind = 'ring'"
    op.execute(f"DELETE FROM lead_claims WHERE lead_id IN ({of_rings})")
    op.execute("DELETE FROM leads WHERE subject_kind = 'ring'")
    op.drop_constraint(_CHECK, "leads")
    op.create_check_constraint(_CHECK, "leads", "subject_kind IN ('provider', 'member', 'claim')")
    op.drop_table("rings")
