"""Public keys of signers, and the nonces of the signatures that were accepted."""

from datetime import datetime

from sqlalchemy import CheckConstraint, DateTime, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from api.request_signing.components import ALGORITHMS
from api.tables import Base, Instant


class RequestSigningKeyRow(Base):
    """A public key with which an actor signs requests. Rows are never deleted: a revoked key does not come back."""

    __tablename__ = "request_signing_keys"

    signing_key_id: Mapped[str] = mapped_column(primary_key=True)
    actor_id: Mapped[str] = mapped_column(comment="An API key or a user.")
    key_id: Mapped[str] = mapped_column(comment="SHA-256 of the public key in URL-safe base64.")
    name: Mapped[str]
    algorithm: Mapped[str]
    public_key: Mapped[bytes] = mapped_column(LargeBinary, comment="SubjectPublicKeyInfo in DER.")
    created_at: Mapped[Instant]
    expires_at: Mapped[Instant]
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        UniqueConstraint("actor_id", "key_id"),
        CheckConstraint(f"algorithm IN {tuple(ALGORITHMS)}", name="request_signing_keys_algorithm_check"),
        Index("request_signing_keys_key_id_idx", "key_id"),
        Index("request_signing_keys_created_at_idx", "created_at", "signing_key_id"),
    )


class RequestNonceRow(Base):
    """A nonce that was used. The primary key is what accepts a signature once, in whichever process it arrives."""

    __tablename__ = "request_nonces"

    key_id: Mapped[str] = mapped_column(primary_key=True)
    nonce: Mapped[str] = mapped_column(primary_key=True)
    used_at: Mapped[Instant]

    __table_args__ = (Index("request_nonces_used_at_idx", "used_at"),)
