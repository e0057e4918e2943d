"""Read what an examiner's file needs of the database, from one state of it."""

from datetime import datetime

from api.database import Database, snapshot
from api.dossier import controls, decisions, groups, scores
from api.dossier.records import RecordedPeriod, StoredRecord


async def stored_record(database: Database, first: datetime, until: datetime, time_zone: str) -> StoredRecord:
    """What was recorded from `first` to before `until`, and of models, policies and access before `until`."""
    period = RecordedPeriod(first, until, time_zone)
    async with snapshot(database) as connection:
        return StoredRecord(
            period=period,
            served=await controls.served(connection, period),
            model_acts=await controls.model_acts(connection, period),
            policy=await controls.policy_changes(connection, period),
            months=await scores.months(connection, period),
            calibration=await scores.calibration(connection, period),
            without_score=await scores.without_score(connection, period),
            groups=await groups.groups(connection, period),
            decisions=await decisions.decisions(connection, period),
            reviewers=await decisions.reviewers(connection, period),
            bases=await decisions.bases(connection, period),
            appeals=await decisions.appeals(connection, period),
            fallbacks=await scores.fallbacks(connection, period),
            dead_letters=await controls.dead_letters(connection, period),
            acts=await controls.act_counts(connection, period),
            access=await controls.access(connection, period),
            legal_holds=await controls.legal_holds(connection, period),
            archived_claims=await controls.archived_claims(connection, period),
        )
