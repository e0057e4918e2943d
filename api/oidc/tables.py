"""Which user a person at an identity provider is."""

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from api.tables import Base, Instant


class UserIdentityRow(Base):
    """A person at an identity provider, known by issuer and subject: both never belong to somebody else."""

    __tablename__ = "user_identities"

    issuer: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.user_id"))
    created_at: Mapped[Instant]

    __table_args__ = (UniqueConstraint("user_id", "issuer", name="user_identities_user_id_issuer_key"),)
