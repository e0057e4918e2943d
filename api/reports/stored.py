"""Reports in the database."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Final

from sqlalchemy import literal, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from api.paging import PageCursor
from api.reports.kinds import ReportFormat, ReportKind
from api.reports.tables import StoredReportRow


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A report that was made, without its files."""

    report_id: str
    kind: str
    title: str
    provider_id: str | None
    first_day: date
    last_day: date
    made_at: datetime

    def file_name(self, form: ReportFormat) -> str:
        """The name of its file, of letters that any file system takes."""
        about = self.kind.replace("_", "-")
        if self.provider_id is not None:
            about += "-" + "".join(one if one.isascii() and one.isalnum() else "-" for one in self.provider_id)
        return f"{about}-{self.last_day}.{form.value}"


@dataclass(frozen=True, slots=True)
class ReportFile:
    """The file of a report."""

    report: StoredReport
    form: ReportFormat
    content: bytes

    @property
    def name(self) -> str:
        """Of the file."""
        return self.report.file_name(self.form)


_REPORT: Final = tuple(StoredReportRow.__table__.c[one.name] for one in fields(StoredReport))
_FILES: Final = {ReportFormat.PDF: StoredReportRow.pdf, ReportFormat.CSV: StoredReportRow.csv}


async def add_report(
    connection: AsyncConnection, report: StoredReport, report_key: str, *, pdf: bytes, csv: bytes
) -> bool:
    """Store a report; false: there is one of this key."""
    values = {one.name: getattr(report, one.name) for one in fields(StoredReport)}
    statement = (
        insert(StoredReportRow)
        .values(**values, report_key=report_key, pdf=pdf, csv=csv)
        .on_conflict_do_nothing(index_elements=["report_key"])
        .returning(StoredReportRow.report_id)
    )
    return (await connection.execute(statement)).one_or_none() is not None


async def report_of_key(connection: AsyncConnection, report_key: str) -> StoredReport | None:
    """The report of a key; `None`: it was not made."""
    statement = select(*_REPORT).where(StoredReportRow.report_key == report_key)
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else StoredReport(*row)


async def scorecards_of(connection: AsyncConnection, last_day: date) -> dict[str, str]:
    """Ids of the scorecards of the week that ends on a day, by provider, in the order in which they were made."""
    statement = (
        select(StoredReportRow.provider_id, StoredReportRow.report_id)
        .where(
            StoredReportRow.kind == ReportKind.PROVIDER_SCORECARD.value,
            StoredReportRow.last_day == last_day,
            StoredReportRow.provider_id.is_not(None),
        )
        .order_by(StoredReportRow.made_at, StoredReportRow.report_id)
    )
    return {row.provider_id: row.report_id for row in await connection.execute(statement)}


async def stored_reports(
    connection: AsyncConnection, *, kind: ReportKind | None, limit: int, after: PageCursor | None = None
) -> list[StoredReport]:
    """Reports, the newest first, after a place in their list."""
    statement = select(*_REPORT).order_by(StoredReportRow.made_at.desc(), StoredReportRow.report_id.desc()).limit(limit)
    if kind is not None:
        statement = statement.where(StoredReportRow.kind == kind.value)
    if after is not None:
        place = tuple_(literal(after.received_at), literal(after.item_id))
        statement = statement.where(tuple_(StoredReportRow.made_at, StoredReportRow.report_id) < place)
    return [StoredReport(*row) for row in await connection.execute(statement)]


async def report_files(
    connection: AsyncConnection, report_ids: Collection[str], forms: Sequence[ReportFormat]
) -> list[ReportFile]:
    """The files of reports, in the order of their titles."""
    statement = (
        select(*_REPORT, *(_FILES[form] for form in forms))
        .where(StoredReportRow.report_id.in_(report_ids))
        .order_by(StoredReportRow.title, StoredReportRow.report_id)
    )
    found = []
    for row in await connection.execute(statement):
        report = StoredReport(*row[: len(_REPORT)])
        found += [ReportFile(report, form, content) for form, content in zip(forms, row[len(_REPORT) :], strict=True)]
    return found
