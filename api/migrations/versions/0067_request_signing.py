"""Public keys with which actors sign requests, and the nonces of the signatures that were accepted."""

import sqlalchemy as sa
from alembic import op

revision = "0067"
down_revision = "0066"

_KEYS, _NONCES = "request_signing_keys", "request_nonces"


def upgrade() -> None:
    op.create_table(
        _KEYS,
        sa.Column("signing_key_id", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Text(), nullable=False, comment="An API key or a user."),
        sa.Column("key_id", sa.Text(), nullable=False, comment="SHA-256 of the public key in URL-safe base64."),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False, comment="SubjectPublicKeyInfo in DER."),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "algorithm IN ('ed25519', 'ecdsa-p256-sha256')", name="request_signing_keys_algorithm_check"
        ),
        sa.PrimaryKeyConstraint("signing_key_id", name="request_signing_keys_pkey"),
        sa.UniqueConstraint("actor_id", "key_id", name="request_signing_keys_actor_id_key_id_key"),
    )
    op.create_index("request_signing_keys_key_id_idx", _KEYS, ["key_id"])
    op.create_index("request_signing_keys_created_at_idx", _KEYS, ["created_at", "signing_key_id"])
    op.create_table(
        _NONCES,
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key_id", "nonce", name="request_nonces_pkey"),
    )
    op.create_index("request_nonces_used_at_idx", _NONCES, ["used_at"])


def downgrade() -> None:
    op.drop_table(_NONCES)
    op.drop_table(_KEYS)
