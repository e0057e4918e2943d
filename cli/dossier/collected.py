"""Everything that an examiner's file is made from, read once; the sections only arrange it."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.dossier.files import RecordFiles
from core.settings import Settings

if TYPE_CHECKING:
    from pydantic import JsonValue

    from api.audit import AuditReport, StoredAnchors
    from api.dossier import StoredRecord
    from api.reviews import AiUseReport
    from models.registry import MlflowStore, RunFacts
    from pipelines.dossier import LabelSourceCount, ModelHistory, VersionRecord


@dataclass(frozen=True, slots=True)
class DriftRun:
    """A drift run that ended before the instant, with its report as MLflow has it."""

    run: "RunFacts"
    report: "dict[str, JsonValue] | None"


@dataclass(frozen=True, slots=True)
class HomeRecord:
    """What the home and MLflow have."""

    history: "ModelHistory | None"
    history_problem: str | None
    versions: "Sequence[VersionRecord]"
    """Of the champions of the period, and of the challenger at the instant."""
    labels: "dict[str, list[LabelSourceCount] | str]"
    """Version → labels by source, or why they are unknown."""
    drift: Sequence[DriftRun]
    """Those that began in the period."""
    mlflow_problem: str | None
    """Why MLflow was not read."""


@dataclass(frozen=True, slots=True)
class Collected:
    """The input of every section."""

    settings: Settings
    first: datetime
    until: datetime
    written_at: datetime
    stored: "StoredRecord"
    ai_use: "AiUseReport"
    audit: "AuditReport"
    anchors: "StoredAnchors"
    home: HomeRecord
    files: RecordFiles = field(default_factory=RecordFiles)

    def local(self, at: datetime) -> str:
        """An instant in the insurer's time zone, to the minute."""
        return f"{at.astimezone(self.settings.zone):%Y-%m-%d %H:%M %Z}"


def collect(settings: Settings, database_url: str, first: datetime, until: datetime, now: datetime) -> Collected:
    """Read the database, the home and MLflow. Raises what they raise, and `click.UsageError` for unreadable anchors."""
    from api.audit import stored_anchors
    from core.signing import trusted_keys

    try:
        anchors = stored_anchors(settings, trusted_keys(settings))
    except OSError as error:
        raise click.UsageError(
            f"The anchors cannot be read: {error.filename}: {error.strerror}. Mount GINJA_AUDIT_ANCHOR_FOLDER, or run "
            "the command as the user of the worker."
        ) from None
    stored, ai_use, audit = asyncio.run(_read_database(settings, database_url, first, until, anchors))
    home = read_home(settings, first, until)
    return Collected(settings, first, until, now, stored, ai_use, audit, anchors, home)


async def _read_database(
    settings: Settings, url: str, first: datetime, until: datetime, anchors: "StoredAnchors"
) -> "tuple[StoredRecord, AiUseReport, AuditReport]":
    from api.audit import verify
    from api.database import Database
    from api.dossier import stored_record
    from api.reviews import ai_use_report

    database: Database = Database(url, pool_size=1)
    try:
        stored = await stored_record(database, first, until, settings.time_zone)
        return stored, await ai_use_report(database, first, until), await verify(database, anchors)
    finally:
        await database.close()


def read_home(settings: Settings, first: datetime, until: datetime) -> HomeRecord:
    """Read the trail, the versions that it names, and MLflow, as far as they are there."""
    from models.errors import ModelError
    from models.registry import existing_store, runs_ended_before
    from pipelines.audit_trail import AuditTrailError
    from pipelines.dossier import model_history, version_record

    home = settings.home.resolve()
    history, history_problem = None, None
    try:
        history = model_history(home, until)
    except AuditTrailError as error:
        history_problem = str(error)
    runs: Sequence[RunFacts] = []
    mlflow_problem = None
    store = existing_store(home, settings.mlflow_url)
    if store is None:
        mlflow_problem = "this home has no MLflow store"
    else:
        try:
            runs = runs_ended_before(store, until)
        except ModelError as error:
            store, mlflow_problem = None, str(error)
    names = [] if history is None else _shown_versions(history, first)
    versions = [version_record(home, name, store, runs, until) for name in names]
    drift = [
        DriftRun(run, _report(store, run.run_id))
        for run in runs
        if store is not None and run.kind == "drift" and run.started_at >= first
    ]
    labels = {one.version: _labels(home, one) for one in versions}
    return HomeRecord(history, history_problem, versions, labels, drift, mlflow_problem)


def _shown_versions(history: "ModelHistory", first: datetime) -> list[str]:
    champions = [one.version for one in history.periods if one.until is None or one.until >= first]
    challenger = history.challenger
    return list(dict.fromkeys([*champions, *([] if challenger is None else [challenger])]))


def _labels(home: Path, record: "VersionRecord") -> "list[LabelSourceCount] | str":
    from pipelines.datasets import SnapshotError
    from pipelines.dossier import label_sources

    if record.document is None:
        return record.problem or "its document is unknown"
    try:
        found = label_sources(home, record.document)
    except SnapshotError as error:
        return str(error)
    return "the home has no snapshot of its labels" if found is None else found


def _report(store: "MlflowStore", run_id: str) -> "dict[str, JsonValue] | None":
    from models.registry import run_text

    text = run_text(store, run_id, "drift.json")
    found = None if text is None else json.loads(text)
    return found if isinstance(found, dict) else None
