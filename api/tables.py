"""Common to every table: metadata, names of constraints, and the types of amounts and instants."""

from datetime import datetime
from typing import Annotated, Any, ClassVar

from sqlalchemy import BigInteger, DateTime, MetaData, Text
from sqlalchemy.orm import DeclarativeBase, mapped_column

Cents = Annotated[int, mapped_column(BigInteger)]
"""An amount in integer cents."""

Instant = Annotated[datetime, mapped_column(DateTime(timezone=True))]
"""An aware instant with microseconds."""


class Base(DeclarativeBase):
    """Tables are declared as classes and used in statements; no identity map, no lazy loading."""

    metadata = MetaData(
        naming_convention={
            "ix": "%(table_name)s_%(column_0_N_name)s_idx",
            "uq": "%(table_name)s_%(column_0_N_name)s_key",
            "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
            "pk": "%(table_name)s_pkey",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {str: Text}
