"""Users, their second factors and recovery codes, counters of failed sign-ins, and the tokens of sessions."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0058"
down_revision = "0057"

_AT = sa.DateTime(timezone=True)
_ROLES = "('admin', 'provider', 'insurer', 'member', 'investigator', 'lead_investigator', 'data_scientist', 'operator')"


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("login", sa.Text(), nullable=False, comment="E-mail address in lower case."),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=True),
        sa.Column("member_id", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column(
            "password_hash", sa.Text(), nullable=True, comment="Argon2id in PHC form; null: signs in by OIDC only."
        ),
        sa.Column(
            "must_change_password",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="Somebody else chose the password.",
        ),
        sa.Column("totp_secret", sa.LargeBinary(), nullable=True, comment="Encrypted; null: no second factor."),
        sa.Column(
            "totp_step",
            sa.BigInteger(),
            nullable=True,
            comment="Time step of the last accepted code; codes of it and of earlier steps are refused.",
        ),
        sa.Column("second_factor_at", _AT, nullable=True, comment="When the second factor was confirmed."),
        sa.Column(
            "pending_totp_secret",
            sa.LargeBinary(),
            nullable=True,
            comment="Encrypted; becomes the secret with its first code.",
        ),
        sa.Column("signed_out_at", _AT, nullable=False, comment="Sign-ins before this instant have ended."),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("updated_at", _AT, nullable=False),
        sa.Column("disabled_at", _AT, nullable=True),
        sa.CheckConstraint(f"role IN {_ROLES}", name="users_role_check"),
        sa.CheckConstraint("state IN ('active', 'disabled')", name="users_state_check"),
        sa.CheckConstraint("login = lower(login) AND login <> ''", name="users_login_check"),
        sa.CheckConstraint("(role = 'provider') = (provider_id IS NOT NULL)", name="users_provider_check"),
        sa.CheckConstraint("(role = 'member') = (member_id IS NOT NULL)", name="users_member_check"),
        sa.CheckConstraint("(state = 'disabled') = (disabled_at IS NOT NULL)", name="users_disabled_check"),
        sa.CheckConstraint("(totp_secret IS NULL) = (second_factor_at IS NULL)", name="users_second_factor_check"),
        sa.PrimaryKeyConstraint("user_id", name="users_pkey"),
        sa.UniqueConstraint("login", name="users_login_key"),
    )
    op.create_index("users_created_at_idx", "users", ["created_at", "user_id"])
    op.create_table(
        "recovery_codes",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("used_at", _AT, nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.user_id"], name="recovery_codes_user_id_fkey"),
        sa.PrimaryKeyConstraint("user_id", "code_hash", name="recovery_codes_pkey"),
    )
    op.create_table(
        "sign_in_counters",
        sa.Column("counter_key", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failed_at", _AT, nullable=False),
        sa.Column("allowed_at", _AT, nullable=False, comment="The next attempt is accepted from then on."),
        sa.PrimaryKeyConstraint("counter_key", name="sign_in_counters_pkey"),
    )
    op.create_index("sign_in_counters_failed_at_idx", "sign_in_counters", ["failed_at"])
    op.create_table(
        "sign_in_places",
        sa.Column("place_key", sa.LargeBinary(), nullable=False),
        sa.Column("seen_at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("place_key", name="sign_in_places_pkey"),
    )
    op.create_index("sign_in_places_seen_at_idx", "sign_in_places", ["seen_at"])
    op.create_table(
        "token_keys",
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("private_key", sa.LargeBinary(), nullable=False, comment="PEM, encrypted."),
        sa.Column("public_key", postgresql.JSONB(), nullable=False, comment="JWK."),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("retired_at", _AT, nullable=True, comment="Null: it signs."),
        sa.PrimaryKeyConstraint("kid", name="token_keys_pkey"),
    )
    op.create_index(
        "token_keys_signing_key",
        "token_keys",
        [sa.text("(true)")],
        unique=True,
        postgresql_where="retired_at IS NULL",
    )
    op.create_table(
        "token_families",
        sa.Column("family_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("methods", postgresql.ARRAY(sa.Text()), nullable=False, comment="Authentication methods (RFC 8176)."),
        sa.Column("created_at", _AT, nullable=False, comment="When the user signed in."),
        sa.Column("expires_at", _AT, nullable=False, comment="However often it is refreshed."),
        sa.Column("ended_at", _AT, nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.user_id"], name="token_families_user_id_fkey"),
        sa.PrimaryKeyConstraint("family_id", name="token_families_pkey"),
    )
    op.create_index("token_families_user_id_idx", "token_families", ["user_id"])
    op.create_index("token_families_expires_at_idx", "token_families", ["expires_at"])
    op.create_table(
        "refresh_tokens",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("family_id", sa.Text(), nullable=False),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("expires_at", _AT, nullable=False, comment="If it is not used before."),
        sa.Column("used_at", _AT, nullable=True),
        sa.Column(
            "successor",
            sa.LargeBinary(),
            nullable=True,
            comment="Encrypted, for a retry after a lost response; null: unused, or its successor was used.",
        ),
        sa.ForeignKeyConstraint(
            ["family_id"], ["token_families.family_id"], name="refresh_tokens_family_id_fkey", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name="refresh_tokens_pkey"),
    )
    op.create_index("refresh_tokens_family_id_idx", "refresh_tokens", ["family_id"])


def downgrade() -> None:
    """Drops every user with its sessions."""
    for table in (
        *("refresh_tokens", "token_families", "token_keys", "sign_in_places", "sign_in_counters"),
        *("recovery_codes", "users"),
    ):
        op.drop_table(table)
