"""API keys may have the role `operator`, which reads the state and the metrics of the platform and no claims."""

from alembic import op

revision = "0008"
down_revision = "0007"

_ROLES = "role IN ('provider', 'claims_system', 'investigator', 'lead_investigator', {}'admin')"


def upgrade() -> None:
    _replace_check(_ROLES.format("'operator', "))


def downgrade() -> None:
    """Refused by the older check while a key of the role exists."""
    _replace_check(_ROLES.format(""))


def _replace_check(condition: str) -> None:
    op.drop_constraint("api_keys_role_check", "api_keys", type_="check")
    op.create_check_constraint("api_keys_role_check", "api_keys", condition)
