"""Windows over the earlier claims of an entity (`claims.windows`): their values for a claim, read from the database."""

from api.windows.indexes import create_indexes, index_name, index_sql
from api.windows.reader import REFRESH_S, EntityWindows
from api.windows.statements import WindowQuery, windows_at

__all__ = ["REFRESH_S", "EntityWindows", "WindowQuery", "create_indexes", "index_name", "index_sql", "windows_at"]
