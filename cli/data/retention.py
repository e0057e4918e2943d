"""`ginja data retention`: how long each kind of data is kept, and what is due."""

from dataclasses import dataclass

from cli.command import command
from cli.database import existing_database_url
from cli.output import print_json, terminal


@dataclass(frozen=True, slots=True)
class ShownKind:
    """A row of the table."""

    kind: str
    tables: tuple[str, ...]
    days: int | None
    action: str
    start: str | None
    basis: str
    due: int | None
    """Rows whose period is over, without those under a legal hold; none: the kind has no period of the daily work."""
    last_day: str | None
    removed: int | None
    complete: bool | None


@command(examples=["ginja data retention", "ginja data retention --json"])
def retention(as_json: bool) -> None:
    """Show for each kind of data how long it is kept and why, how many rows are due, and the last run."""
    from api.database import NO_LIMITS, connect
    from api.housekeeping import CONDITIONS
    from api.migrate import plain_url
    from api.retention import ALWAYS, RetentionTable, rows_due, runs
    from claims.service_days import receipt_day
    from core import clock
    from core.settings import settings

    table = RetentionTable.of(settings().retention_file)
    now = clock.now()
    today, hold_day = now.date(), receipt_day(now, settings().zone)
    rows = []
    with connect(plain_url(existing_database_url()), NO_LIMITS) as connection:
        last = runs(connection)
        for kind in table.values():
            run = last.get(kind.name)
            rows.append(
                ShownKind(
                    kind=kind.name,
                    tables=kind.tables,
                    days=kind.days,
                    action=kind.action.value,
                    start=kind.start,
                    basis=kind.basis,
                    due=rows_due(connection, kind, CONDITIONS.get(kind.name, ALWAYS), today, hold_day=hold_day)
                    if kind.is_daily
                    else None,
                    last_day=None if run is None else run.day.isoformat(),
                    removed=None if run is None else run.removed,
                    complete=None if run is None else run.complete,
                )
            )
    if as_json:
        from dataclasses import asdict

        print_json({"kinds": [asdict(one) for one in rows]})
        return
    from rich.table import Table

    shown = Table("kind", "days", "action", "due", "last run", "removed", "basis")
    for one in rows:
        numbers = ["–" if value is None else f"{value:,}" for value in (one.due, one.removed)]
        ran = "–" if one.last_day is None else one.last_day + ("" if one.complete else " (not complete)")
        shown.add_row(
            one.kind, "–" if one.days is None else str(one.days), one.action, numbers[0], ran, numbers[1], one.basis
        )
    terminal().print(shown)
