"""API keys may have the roles `monitoring` and `operator`, which see the platform and no claims."""

from alembic import op

revision = "0010"
down_revision = "0009"

_ROLES = "role IN ('provider', 'claims_system', 'investigator', 'lead_investigator', {}'admin')"


def upgrade() -> None:
    _replace_check(_ROLES.format("'monitoring', 'operator', "))


def downgrade() -> None:
    """Refused by the older check while a key of these roles exists."""
    _replace_check(_ROLES.format(""))


def _replace_check(condition: str) -> None:
    op.drop_constraint("api_keys_role_check", "api_keys", type_="check")
    op.create_check_constraint("api_keys_role_check", "api_keys", condition)
