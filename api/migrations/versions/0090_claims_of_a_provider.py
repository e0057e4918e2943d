"""Two indexes for the pages about providers: claims with the member that row security compares, and labels of fraud.

Row security reads `member_id` of every claim that a query counts, so an index without it reads the claims themselves.
"""

from alembic import op

from api.migrate import create_index_beside_writes

revision = "0090"
down_revision = "0089"

_CLAIMS = "claims_of_provider_idx"
_EARLIER = "claims_provider_id_received_at_claim_id_idx"
_COLUMNS = ["provider_id", "received_at", "claim_id"]
_FRAUD = "labels_fraud_idx"


def upgrade() -> None:
    with op.get_context().autocommit_block():  # claims are written meanwhile
        create_index_beside_writes(_CLAIMS, "claims", _COLUMNS, include=["member_id"])
        create_index_beside_writes(_FRAUD, "labels", ["claim_id"], where="is_fraud")
        op.drop_index(_EARLIER, "claims", postgresql_concurrently=True, if_exists=True)


def downgrade() -> None:
    op.create_index(_EARLIER, "claims", _COLUMNS)
    op.drop_index(_FRAUD, "labels")
    op.drop_index(_CLAIMS, "claims")
