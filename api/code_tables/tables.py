"""The trade's tables: releases as imported, and their entries."""

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from api.tables import Base, Instant
from claims.code_tables import TableKind

KINDS = tuple(kind.value for kind in TableKind)


class CodeTableImportRow(Base):
    """One import of one release. It is never changed, except that it may be rolled back."""

    __tablename__ = "code_table_imports"

    import_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    kind: Mapped[str]
    release: Mapped[str] = mapped_column(comment="Such as 2026Q4.")
    valid_from: Mapped[date] = mapped_column(
        comment="First day of service that it is for; 0001-01-01 where entries carry their own days."
    )
    source: Mapped[str] = mapped_column(comment="Where the file is from: its name, or what the person stated.")
    sha256: Mapped[str] = mapped_column(comment="Of the file.")
    entries: Mapped[int]
    known_from: Mapped[Instant] = mapped_column(comment="Claims received from then on are checked by it.")
    imported_by: Mapped[str]
    known_until: Mapped[Instant | None] = mapped_column(comment="Rolled back: claims received from then on are not.")
    rolled_back_by: Mapped[str | None]

    __table_args__ = (
        CheckConstraint(f"kind IN {KINDS}", name="code_table_imports_kind_check"),
        Index(None, "kind", "valid_from"),
    )


class CodeTableEntryRow(Base):
    """One entry (`claims.code_tables.TableEntry`)."""

    __tablename__ = "code_table_entries"

    import_id: Mapped[int] = mapped_column(ForeignKey("code_table_imports.import_id"), primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    other: Mapped[str] = mapped_column(primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True, comment="Among the entries of a code and other code.")
    first_day: Mapped[date | None]
    last_day: Mapped[date | None]
    number: Mapped[int | None]
    indicator: Mapped[str | None]
    text: Mapped[str | None] = mapped_column(comment="Of an adjustment code.")
