"""A stored reply has the headers of the response, such as the path of a created claim. Null for earlier replies."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"

COMMENT = "Of the response, by name; null: its content type is JSON and there is none other."


def upgrade() -> None:
    column = sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=True, comment=COMMENT)
    op.add_column("idempotency_keys", column)


def downgrade() -> None:
    """Drops the headers of every stored reply."""
    op.drop_column("idempotency_keys", "headers")
