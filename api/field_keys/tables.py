"""Wrapped keys. None of them is of use without the master key of the key provider."""

from datetime import datetime

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Identity, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from api.tables import Base, Instant


class DataKeyRow(Base):
    """A data key of the platform, wrapped by a master key. Rows are added and wrapped again, never deleted."""

    __tablename__ = "data_keys"

    key_id: Mapped[int] = mapped_column(Identity(), primary_key=True, comment="In each value that it encrypted.")
    purpose: Mapped[str] = mapped_column(comment="What it encrypts; the newest of a purpose encrypts.")
    provider: Mapped[str] = mapped_column(comment="Of the master key: file.")
    master_version: Mapped[str] = mapped_column(comment="Of the master key that wrapped it.")
    wrapped_key: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[Instant]

    __table_args__ = (Index(None, "purpose", "key_id"),)


class MemberKeyRow(Base):
    """The key of one member, wrapped by a data key. Erasing the member destroys it, for good."""

    __tablename__ = "member_keys"

    member_id: Mapped[str] = mapped_column(primary_key=True)
    key_id: Mapped[int | None] = mapped_column(ForeignKey("data_keys.key_id"), comment="The data key that wrapped it.")
    wrapped_key: Mapped[bytes | None] = mapped_column(LargeBinary, comment="Null: the member was erased.")
    created_at: Mapped[Instant]
    erased_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    generation: Mapped[int] = mapped_column(server_default=text("1"), comment="Of the newest key that is wrapped.")
    renewed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), comment="When it was last replaced.")
    moving: Mapped[bool] = mapped_column(
        server_default=text("false"), comment="Whether values of keys before it are still to be moved."
    )

    __table_args__ = (
        CheckConstraint(
            "CASE WHEN erased_at IS NULL THEN num_nonnulls(key_id, wrapped_key) = 2 "
            "ELSE num_nonnulls(key_id, wrapped_key) = 0 END",
            name="member_keys_erased_check",
        ),
        Index(None, "key_id", "member_id"),
        Index("member_keys_moving_idx", "member_id", postgresql_where=text("moving")),
    )


class KeyRotationRow(Base):
    """A rotation of the master key and the data keys, or of members' keys; of each, one at a time is unfinished."""

    __tablename__ = "key_rotations"

    rotation_id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    started_at: Mapped[Instant]
    after_key_id: Mapped[int] = mapped_column(comment="Data keys up to this one are replaced.")
    master_rotated_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    of_members: Mapped[bool] = mapped_column(
        server_default=text("false"), comment="Whether it replaces members' keys, and no other ones."
    )
