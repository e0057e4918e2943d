"""Earlier states of members, providers and procedures."""

from pydantic import JsonValue
from sqlalchemy import BigInteger, Identity, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from api.tables import Base, Instant


class RegistryHistoryRow(Base):
    """A state of a row until it was changed, by whatever changed it: a trigger adds it.

    Another refuses changes; only `erase_member` and `ginja crypto encrypt` disable it, within their transactions.
    """

    __tablename__ = "registry_history"

    history_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    kind: Mapped[str] = mapped_column(comment="The table: members, providers or procedures.")
    entry_id: Mapped[str] = mapped_column(comment="The row's primary key.")
    known_until: Mapped[Instant] = mapped_column(comment="When it was replaced by the next state.")
    state: Mapped[dict[str, JsonValue]] = mapped_column(
        JSONB, comment="The row until then; of a member it is personal data."
    )

    __table_args__ = (Index(None, "kind", "entry_id", "known_until"),)
