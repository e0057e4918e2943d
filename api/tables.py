"""What every table has in common: one metadata, names of constraints, and the types of money and time."""

from datetime import datetime
from typing import Annotated, Any, ClassVar

from sqlalchemy import BigInteger, DateTime, MetaData, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column

Cents = Annotated[int, mapped_column(BigInteger)]
"""Money: integer cents."""

Instant = Annotated[datetime, mapped_column(DateTime(timezone=True))]
"""A moment, aware, to the microsecond."""

Json = Annotated[dict[str, Any], mapped_column(JSONB)]


class Base(DeclarativeBase):
    """Rows are declared as classes and read and written by statements; no identity map, no lazy loading."""

    metadata = MetaData(
        naming_convention={
            "ix": "%(table_name)s_%(column_0_N_name)s_idx",
            "uq": "%(table_name)s_%(column_0_N_name)s_key",
            "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
            "pk": "%(table_name)s_pkey",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {str: Text}
