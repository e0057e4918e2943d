"""The tables in force for many claims at once: two statements for all of them, however many their days and codes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Text, bindparam, cast
from sqlalchemy.dialects.postgresql import ARRAY

from api.code_tables.repository import select_releases
from api.database import Query, Rows, Statement, compiled
from claims.code_tables import TableEntry, TableInForce, TableKind, TablesInForce

_RELEASES = compiled(select_releases(cast(bindparam("kinds"), ARRAY(Text))))
_ENTRIES = Statement(
    """
    SELECT import_id, code, other, first_day, last_day, number, indicator FROM code_table_entries
    WHERE import_id = ANY(%(import_ids)s) AND code = ANY(%(codes)s) AND other = ANY(%(others)s)
    ORDER BY import_id, code, other, place
    """,
    {},
)


@dataclass(frozen=True, slots=True)
class ReleaseInForce:
    """The release of a table that is in force on a day of service."""

    day: date
    kind: TableKind
    release: str
    import_id: int


def releases_in_force(
    days: Iterable[date], kinds: Sequence[TableKind], known_at: datetime
) -> Query[list[ReleaseInForce]]:
    """The releases of some kinds in force on each of the days, of those known at an instant."""

    def read(rows: Rows) -> list[ReleaseInForce]:
        return [ReleaseInForce(day, TableKind(kind), release, import_id) for day, kind, release, import_id in rows]

    params = {"days": sorted(set(days)), "kinds": [kind.value for kind in kinds], "known_at": known_at}
    return Query(_RELEASES, params, read)


def tables_of_releases(
    releases: Sequence[ReleaseInForce], codes: Iterable[str], others: Iterable[str]
) -> Query[TablesInForce]:
    """The tables of releases by day, with their entries for all of the codes."""

    def read(rows: Rows) -> TablesInForce:
        entries: dict[int, dict[str, list[TableEntry]]] = {}
        for import_id, *entry in rows:
            one = TableEntry(*entry)
            entries.setdefault(import_id, {}).setdefault(one.code, []).append(one)
        by_day: dict[date, Mapping[TableKind, TableInForce]] = {}
        for one_release in releases:
            table = TableInForce(one_release.kind, one_release.release, entries.get(one_release.import_id, {}))
            by_day[one_release.day] = {**by_day.get(one_release.day, {}), one_release.kind: table}
        return TablesInForce(by_day)

    import_ids = sorted({one.import_id for one in releases})
    return Query(_ENTRIES, {"import_ids": import_ids, "codes": sorted(set(codes)), "others": sorted(set(others))}, read)
