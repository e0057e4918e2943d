"""API keys may have the roles `member`, `insurer` and `data_scientist`; a key of a member is bound to it."""

import sqlalchemy as sa
from alembic import op

revision = "0054"
down_revision = "0053"

_BEFORE = "'provider', 'claims_system', 'investigator', 'lead_investigator', 'monitoring', 'operator', 'admin'"
_NOW = f"{_BEFORE}, 'member', 'insurer', 'data_scientist'"
_BOUND = "(role = 'member') = (member_id IS NOT NULL)"


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("member_id", sa.Text()))
    _replace_check(_NOW)
    op.create_check_constraint("api_keys_member_check", "api_keys", _BOUND)


def downgrade() -> None:
    """Refused by the older check while a key of these roles exists."""
    op.drop_constraint("api_keys_member_check", "api_keys", type_="check")
    _replace_check(_BEFORE)
    op.drop_column("api_keys", "member_id")


def _replace_check(roles: str) -> None:
    op.drop_constraint("api_keys_role_check", "api_keys", type_="check")
    op.create_check_constraint("api_keys_role_check", "api_keys", f"role IN ({roles})")
