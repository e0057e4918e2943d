"""Rotations of keys, so that one that was ended goes on where it stopped."""

import sqlalchemy as sa
from alembic import op

revision = "0069"
down_revision = "0068"

_COMMENTS = ("Encrypted by core/encryption.py.", "Encrypted with a data key.")


def upgrade() -> None:
    op.create_table(
        "key_rotations",
        sa.Column("rotation_id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("after_key_id", sa.Integer(), nullable=False, comment="Data keys up to this one are replaced."),
        sa.Column("master_rotated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("rotation_id", name="key_rotations_pkey"),
    )
    _comment(*_COMMENTS)


def downgrade() -> None:
    _comment(*reversed(_COMMENTS))
    op.drop_table("key_rotations")


def _comment(before: str, after: str) -> None:
    op.alter_column(
        "webhook_secrets", "ciphertext", existing_type=sa.LargeBinary(), comment=after, existing_comment=before
    )
