"""Units and days of prior authorizations as claims need them, not as was left, and indexes of their lists."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0038"
down_revision = "0037"

_UNITS = "Units of the lines that need it: used while the claim is paid or in review."
_EARLIER_UNITS = "Units or visits of it that the claim uses while it is paid or in review."


def upgrade() -> None:
    """Revision 0042 computes them of the claims that there are: it does not hold the lock on `claims` of this one."""
    op.create_index(
        "authorizations_provider_id_authorization_number_idx", "authorizations", ["provider_id", "authorization_number"]
    )
    # Almost all are approved: a list of these is in the order of the key.
    op.create_index(
        "authorizations_state_authorization_number_idx",
        "authorizations",
        ["state", "authorization_number"],
        postgresql_where="state <> 'approved'",
    )
    op.alter_column("claims", "authorized_units", comment=_UNITS, existing_comment=_EARLIER_UNITS)
    op.add_column(
        "claims",
        sa.Column(
            "authorized_days",
            postgresql.ARRAY(sa.Date()),
            server_default="{}",
            nullable=False,
            comment="Days of service of these lines: what visits are counted by.",
        ),
    )


def downgrade() -> None:
    """Drops the days; the units stay as claims need them, of which visits are no more than units."""
    op.drop_column("claims", "authorized_days")
    op.alter_column("claims", "authorized_units", comment=_EARLIER_UNITS, existing_comment=_UNITS)
    op.drop_index("authorizations_state_authorization_number_idx", "authorizations")
    op.drop_index("authorizations_provider_id_authorization_number_idx", "authorizations")
