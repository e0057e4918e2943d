"""Indexes by which open events and flagged assessments are found however many others there are."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_index("outbox_open_position_idx", "outbox", ["position"], postgresql_where="done_at IS NULL")
    op.create_index("assessments_flagged_idx", "assessments", [sa.text("made_at DESC")], postgresql_where="flagged")


def downgrade() -> None:
    op.drop_index("assessments_flagged_idx", "assessments")
    op.drop_index("outbox_open_position_idx", "outbox")
