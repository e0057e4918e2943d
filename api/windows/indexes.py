"""The indexes by which windows over attributes are read: created when a model with such windows serves.

An index is created beside running writes, by one worker at a time. One whose creation was interrupted is invalid; it is
dropped and created again. Indexes that no model needs any more are kept: a rollback would need them.
"""

import psycopg

from api.windows.statements import text_of

_LOCK = 7_271_020
"""Advisory lock of the session that creates indexes."""
_STATE = """
    SELECT c.relname, i.indisvalid FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
    WHERE i.indrelid = 'claims'::regclass AND c.relname = ANY(%(names)s)"""
VALID_INDEXES = f"{_STATE} AND i.indisvalid"
"""SQL: which of the indexes `names` can be used."""


def index_name(attribute: str) -> str:
    """The name of the index on an attribute."""
    return f"claims_attribute_{attribute}_idx"


def index_sql(attribute: str) -> str:
    """The statement that creates it, for use outside a transaction."""
    key = text_of(attribute).replace("c.attributes", "attributes")
    return f"CREATE INDEX CONCURRENTLY {index_name(attribute)} ON claims (({key}), received_at DESC)"


def create_indexes(connection: "psycopg.Connection[tuple[object, ...]]", attributes: tuple[str, ...]) -> list[str]:
    """Create those of the indexes on these attributes that cannot be used; returns their names.

    The connection is in autocommit and has no statement timeout. Nothing is done while another session creates some.
    """
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK]).fetchone()
    if row is None or not row[0]:
        return []
    try:
        names = [index_name(attribute) for attribute in attributes]
        state = {row[0]: row[1] for row in connection.execute(_STATE, {"names": names})}
        created = []
        for attribute, name in zip(attributes, names, strict=True):
            if state.get(name):
                continue
            if name in state:
                connection.execute(f"DROP INDEX CONCURRENTLY {name}")
            connection.execute(index_sql(attribute))
            created.append(name)
        return created
    finally:
        if not connection.closed and not connection.broken:
            connection.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])
