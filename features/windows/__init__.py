"""Windows over the claims of an entity (`claims.windows`): their values for a data set, and in the database.

window_values(values, claims, attributes, labels) -> Arrow table       every claim of a data set at once
WindowQuery(values)                                                    the statements for one claim, in Postgres
"""

from features.windows.past import window_values
from features.windows.query import WindowQuery, index_name, index_sql, windows_at, with_windows

__all__ = ["WindowQuery", "index_name", "index_sql", "window_values", "windows_at", "with_windows"]
