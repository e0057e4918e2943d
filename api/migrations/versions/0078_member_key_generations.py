"""Generations of members' keys, so that a member's own key can be replaced."""

import sqlalchemy as sa
from alembic import op

revision = "0078"
down_revision = "0077"


def upgrade() -> None:
    # Constants as defaults: no row is written.
    op.add_column(
        "member_keys",
        sa.Column(
            "generation",
            sa.Integer(),
            nullable=False,
            server_default=sa.text("1"),
            comment="Of the newest key that is wrapped.",
        ),
    )
    op.add_column(
        "member_keys",
        sa.Column("renewed_at", sa.DateTime(timezone=True), nullable=True, comment="When it was last replaced."),
    )
    op.add_column(
        "member_keys",
        sa.Column(
            "moving",
            sa.Boolean(),
            nullable=False,
            server_default=sa.text("false"),
            comment="Whether values of keys before it are still to be moved.",
        ),
    )
    op.create_index("member_keys_moving_idx", "member_keys", ["member_id"], postgresql_where=sa.text("moving"))
    op.add_column(
        "key_rotations",
        sa.Column(
            "of_members",
            sa.Boolean(),
            nullable=False,
            server_default=sa.text("false"),
            comment="Whether it replaces members' keys, and no other ones.",
        ),
    )


def downgrade() -> None:
    """Refused where a member has a later key: an earlier release cannot read it."""
    op.execute(
        "DO $$ BEGIN IF EXISTS (SELECT FROM member_keys WHERE generation > 1 AND wrapped_key IS NOT NULL) THEN "
        "RAISE EXCEPTION 'members have later keys, which earlier releases cannot read'; END IF; END $$"
    )
    op.drop_column("key_rotations", "of_members")
    op.drop_index("member_keys_moving_idx", "member_keys")
    for column in ("moving", "renewed_at", "generation"):
        op.drop_column("member_keys", column)
