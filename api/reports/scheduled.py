"""Reports that are made by the schedule, stored, and sent to those who subscribed.

A report is made once, whatever is repeated: its key says what it is about. A message has an id that follows from its
subject and its recipient, and is stored once its reports are. Without an SMTP server there are reports and no messages.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.database import Database
from api.field_keys import FieldKeys
from api.mail import MailAttachment
from api.notifications import MAIL_FOOTER, NewMail, NotificationEvent, add_mails, recipients_of
from api.reports.daily import daily_decisions
from api.reports.daily_layout import daily_document
from api.reports.documents import ReportDocument
from api.reports.kinds import ReportFormat, ReportKind
from api.reports.scorecard import provider_scorecard
from api.reports.scorecard_layout import scorecard_document
from api.reports.stored import StoredReport, add_report, report_files, report_of_key, scorecards_of
from api.reports.writing import csv_report
from core import clock
from core.ids import new_id
from core.logging import get_logger
from core.settings import Settings

log = get_logger("reports")

MOST_SCORECARDS: Final = 20
"""Providers of a week that get a scorecard."""
SCORECARD_WEEKS: Final = 12
"""Weeks that a scorecard has, up to the last one."""


@dataclass(frozen=True, slots=True)
class _Made:
    """A report before it is stored."""

    report: StoredReport
    report_key: str
    pdf: bytes
    csv: bytes


@dataclass(frozen=True, slots=True)
class _Message:
    """A message about reports, before it is known to whom it goes."""

    key: str
    """What it is about; it is sent once."""
    subject: str
    body: str
    report_ids: tuple[str, ...]


async def make_daily_decisions(database: Database, keys: FieldKeys, settings: Settings, day: date) -> list[str]:
    """Make, store and send the report on a day, unless that was done; returns its id."""
    key = f"{ReportKind.DAILY_DECISIONS.value} {day}"
    async with database.reading() as connection:
        stored = await report_of_key(connection, key)
    if stored is not None:
        return [stored.report_id]
    report = await daily_decisions(database, settings, day)
    made = await _made(ReportKind.DAILY_DECISIONS, key, daily_document(report), None, day, day)
    body = f"The decisions of {day:%A}, {day} are attached as PDF and CSV.\n\n{MAIL_FOOTER}"
    async with database.transaction() as connection:
        report_id = await _store(connection, made)
        message = _Message(key, f"Ginja: decisions of {day}", body, (report_id,))
        await _send(connection, keys, settings, NotificationEvent.DAILY_DECISIONS, message)
    return [report_id]


async def make_scorecards(database: Database, keys: FieldKeys, settings: Settings, last_day: date) -> list[str]:
    """Make, store and send the scorecards of the week that ends on `last_day`; returns their ids.

    They are of the providers with the most flagged claims of the week, at most `MOST_SCORECARDS`, over
    `SCORECARD_WEEKS` weeks. Each is stored when it is made, so that an attempt which is repeated goes on with the next.
    """
    first_day = last_day - timedelta(weeks=SCORECARD_WEEKS) + timedelta(days=1)
    async with database.reading() as connection:
        stored = await scorecards_of(connection, last_day)
        most_flagged = await _most_flagged(connection, settings, last_day)
    missing = [one for one in most_flagged if one not in stored]
    for provider_id in missing[: max(0, MOST_SCORECARDS - len(stored))]:
        key = f"{ReportKind.PROVIDER_SCORECARD.value} {provider_id} {last_day}"
        document = scorecard_document(await provider_scorecard(database, settings, provider_id, first_day, last_day))
        made = await _made(ReportKind.PROVIDER_SCORECARD, key, document, provider_id, first_day, last_day)
        async with database.transaction() as connection:
            stored[provider_id] = await _store(connection, made)
    if stored:
        async with database.transaction() as connection:
            message = _scorecards_message(stored, last_day)
            await _send(connection, keys, settings, NotificationEvent.PROVIDER_SCORECARDS, message)
    return list(stored.values())


async def attachments_of(connection: AsyncConnection, report_ids: Sequence[str]) -> list[MailAttachment]:
    """The files of reports for a message: PDF and CSV of a single one, PDFs of several."""
    forms = (ReportFormat.PDF, ReportFormat.CSV) if len(report_ids) == 1 else (ReportFormat.PDF,)
    files = await report_files(connection, report_ids, forms)
    return [MailAttachment(one.name, one.form.media_type, one.content) for one in files]


async def _made(
    kind: ReportKind, key: str, document: ReportDocument, provider_id: str | None, first_day: date, last_day: date
) -> _Made:
    from api.reports.pdf import pdf_report

    report = StoredReport(new_id("rep"), kind.value, document.title, provider_id, first_day, last_day, clock.now())
    return _Made(report, key, await asyncio.to_thread(pdf_report, document), csv_report(document))


async def _store(connection: AsyncConnection, made: _Made) -> str:
    """Store a report; returns its id, or that of the one that another process stored meanwhile."""
    if await add_report(connection, made.report, made.report_key, pdf=made.pdf, csv=made.csv):
        return made.report.report_id
    stored = await report_of_key(connection, made.report_key)
    if stored is None:
        raise LookupError(f"the report {made.report_key} was removed while it was made")
    return stored.report_id


def _scorecards_message(stored: Mapping[str, str], last_day: date) -> _Message:
    """On scorecards by provider."""
    listed = "\n".join(f"- {provider_id}" for provider_id in stored)
    body = (
        f"Scorecards of the providers with the most flagged claims of the week to {last_day} are attached:\n\n"
        f"{listed}\n\nA flag is a reason to look, not a finding against a provider.\n\n{MAIL_FOOTER}"
    )
    key = f"{ReportKind.PROVIDER_SCORECARD.value} {last_day}"
    subject = f"Ginja: {len(stored)} provider scorecards, week to {last_day}"
    return _Message(key, subject, body, tuple(stored.values()))


async def _send(
    connection: AsyncConnection, keys: FieldKeys, settings: Settings, event: NotificationEvent, message: _Message
) -> None:
    """Store a message to each who subscribed, unless that was done; none where no server would take it."""
    recipients = await recipients_of(connection, event.value)
    if settings.smtp_host is None:
        if recipients:
            log.warning("report is not mailed, GINJA_SMTP_HOST is not set", report=message.key, missed=len(recipients))
        return
    mails = [
        NewMail(_mail_id(message.key, recipient), recipient, message.subject, message.body, message.report_ids)
        for recipient in recipients
    ]
    await add_mails(connection, keys, mails, clock.now())


def _mail_id(key: str, recipient: str) -> str:
    return f"rpt_{hashlib.sha256(f'{key} {recipient.lower()}'.encode()).hexdigest()[:26]}"


async def _most_flagged(connection: AsyncConnection, settings: Settings, last_day: date) -> list[str]:
    first = datetime.combine(last_day - timedelta(days=6), time(), settings.zone)
    until = datetime.combine(last_day + timedelta(days=1), time(), settings.zone)
    rows = await connection.execute(_MOST_FLAGGED, {"first": first, "until": until, "most": MOST_SCORECARDS})
    return [row[0] for row in rows]


_MOST_FLAGGED = text("""
    SELECT claims.provider_id
    FROM claims JOIN assessments USING (claim_id) JOIN providers USING (provider_id)
    WHERE claims.source = 'api' AND claims.status <> 'voided' AND claims.received_at >= :first
      AND claims.received_at < :until AND assessments.supersedes IS NULL AND assessments.flagged
    GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT :most
""")
