"""Common to every table: metadata, names of constraints, and the types of amounts and instants."""

from datetime import datetime
from typing import Annotated, Any, ClassVar

from sqlalchemy import BigInteger, DateTime, MetaData, Text
from sqlalchemy.orm import DeclarativeBase, mapped_column

Cents = Annotated[int, mapped_column(BigInteger)]
"""An amount in integer cents."""

Instant = Annotated[datetime, mapped_column(DateTime(timezone=True))]
"""An aware instant with microseconds."""


def earlier_before(table: str, first: str) -> str:
    """SQL of the `earlier_periods` of a row of `table` whose latest period begins on `first`, an SQL expression.

    What begins on that day or later is dropped, and what reaches into the latest period ends on the day before it.
    """
    return f"""(
        SELECT jsonb_agg(
            CASE WHEN coalesce((one.period ->> 'last_day')::date, 'infinity') >= {first}
                 THEN one.period || jsonb_build_object('last_day', {first} - 1) ELSE one.period END
            ORDER BY one.place)
        FROM jsonb_array_elements({table}.earlier_periods) WITH ORDINALITY AS one(period, place)
        WHERE coalesce((one.period ->> 'first_day')::date, '-infinity') < {first})"""


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
