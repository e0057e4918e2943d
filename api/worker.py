"""The worker: what follows from a claim after its response.

Loops, each safe to run in several processes: online features, rescoring of claims that the rule decided, claims of
uploaded files, files of cases that wait for the antivirus scanner, windows and their indexes, which model serves,
daily work after midnight, metrics of the outbox and of keys, the alarm before a prompt-pay due date, the weekly list
and leads, claims compared again after changes, webhooks, notifications by e-mail, and tasks, which other processes
carry out. Events are processed at least once, and a killed worker loses nothing: an event is marked done only together
with its effect, or after it.
"""

import asyncio
import signal
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import psycopg
import redis
from sqlalchemy.exc import SQLAlchemyError

from api import metrics, outbox
from api.antivirus import scanner_of
from api.audit import AuditAnchorer, AuditSealer, CommandRecords, record_submissions
from api.bulk import BulkProcessor
from api.case_files import CaseFileScans
from api.database import ALL_ROWS, NO_LIMITS, Database, batch_limits, connect, request_limits
from api.field_keys import FieldKeys, StoredSecrets
from api.housekeeping import every_day
from api.identity import expiring_keys
from api.intake import Intake, adjudication_policies, queue_of_members
from api.leads import LeadTools, LeadWork
from api.migrate import plain_url
from api.notifications import NotificationWork
from api.policies import PolicyStore
from api.prompt_pay import prompt_pay_clock
from api.reports import attachments_of
from api.rescreening import Rescreening
from api.retention import RetentionTable
from api.reviews import PromptPayAlarm
from api.scorer import ScorerClient, ScorerFailure, States
from api.scoring import Rescorer
from api.serving_models import ModelWatch
from api.tasks import TaskBeat, TaskBroker, TaskPublisher, celery_app
from api.unconfirmed import UnconfirmedChanges
from api.webhooks import AddressGuard, WebhookClient, WebhookDelivery, WebhookFanOut
from api.windows import REFRESH_S, EntityWindows
from claims.scoring import ClaimFacts
from claims.service_days import receipt_day
from core import clock
from core.background import Background
from core.logging import get_logger
from core.postgres import with_option
from core.settings import Settings, secret_text
from core.valkey_client import valkey_client
from features.errors import FeatureError
from features.update import FeatureUpdater

log = get_logger("worker")

IDLE_S = 0.05
"""Pause of a loop without work: the longest time before a new claim updates features."""
RESCORE_IDLE_S = 0.5
BULK_IDLE_S = 1.0
"""The longest time before a file that was uploaded is submitted."""
CASE_FILES_S = 5.0
"""How often it is looked for a file of a case that waits for the antivirus scanner."""
RELEASE_S = 60.0
"""How often it is checked whether another model serves than the one that claims are parked because of."""
MODEL_S = 5.0
"""How often it is checked which model serves."""
DAY_S = 10.0
KEYS_S = 60.0
"""How often the API keys that expire soon are counted."""
OUTBOX_METRICS_S = 10.0
PROMPT_PAY_S = 60.0
LEADS_S = 60.0
"""How long a lead is behind its claims at most."""
RESCREENING_S = 1.0
"""The longest time before a change that is due to be re-screened is."""
WEBHOOKS_S = 0.5
"""Pause of the loops of webhooks: the longest time from an event to its first attempt is two of them."""
WEBHOOK_CLEAN_UP_S = 5.0
TASKS_S = 0.25
"""Pause of the loop that publishes tasks: the longest time before a new task is handed to a process."""
AUDIT_SEALS_S = 5.0
"""Pause of the loop that seals the audit log: about the longest time that a row is unsealed."""
BEAT_S = 10.0
"""The longest time before a task of the schedule is added."""
RESCORE_DEADLINE_MS = 2_000
"""No response waits for a rescored claim."""

CONSUMERS = ("features", "rescoring")
"""Consumers of the outbox."""

_EXPECTED = (FeatureError, OSError, ScorerFailure, psycopg.Error, redis.RedisError, SQLAlchemyError)
"""Failures of an unavailable server. Anything else is a defect, and is logged as one."""


class Worker:
    """The loops of one process over one database and one online store."""

    def __init__(
        self,
        settings: Settings,
        database_url: str,
        redis_url: str,
        *,
        owner_url: str | None = None,
        network: Path | None = None,
        leads: LeadTools | None = None,
    ) -> None:
        """`owner_url`: of the role that may create indexes; default: `database_url` is it. `leads`: None makes none."""
        owner_url = owner_url or database_url
        database_url = with_option(database_url, ALL_ROWS)
        self._url = plain_url(database_url)
        self._owner_url = plain_url(owner_url)
        self._database = Database(database_url, pool_size=6, limits=request_limits(settings))
        self._batch_limits = batch_limits(settings)
        self._zone = settings.zone
        self._retention = RetentionTable.of(settings.retention_file)
        self._scorer = ScorerClient(
            settings.scorer_base_url,
            deadline_ms=RESCORE_DEADLINE_MS,
            least_gain_present=settings.score_least_gain_present,
            token=secret_text(settings.scorer_token),
            ca_file=settings.scorer_ca_file,
        )
        # An updater is bound to one thread; the one for past states has another, so that features never wait for it.
        self._features = ThreadPoolExecutor(1, thread_name_prefix="features")
        self._past = ThreadPoolExecutor(1, thread_name_prefix="past")
        self._updater, self._looker = (
            FeatureUpdater(lambda: connect(self._url, self._batch_limits), valkey_client(redis_url), network=network)
            for _ in range(2)
        )
        self._windows = EntityWindows(self._database, self._scorer)
        self._rescorer = Rescorer(
            self._database,
            self._scorer,
            self._states_at,
            self._windows,
            policies=PolicyStore(settings),
            live_deadline_ms=settings.scorer_deadline_ms,
        )
        # Finding the claims of a change takes as long as there are claims.
        self._batches = Database(database_url, pool_size=1, limits=self._batch_limits)
        keys = FieldKeys(settings, database_url)
        self._rescreening = Rescreening(self._batches, keys, days=settings.rescreening_days, time_zone=settings.zone)
        self._leads = (
            None if leads is None else LeadWork(self._batches, leads, self._zone, capacity=settings.review_capacity)
        )
        self._notifications = NotificationWork(self._database, keys, settings, attachments_of)
        notify = self._notifications.take_due_claims
        self._prompt_pay = PromptPayAlarm(self._database, prompt_pay_clock(settings), settings.zone, notify=notify)
        self._fan_out = WebhookFanOut(self._database, keys, also=(self._notifications.take_events, record_submissions))
        self._sealer = AuditSealer(self._database)
        self._commands = CommandRecords(self._database, settings)
        self._anchorer = AuditAnchorer(self._database, settings)
        client = WebhookClient(AddressGuard(settings.webhook_networks), ca_file=settings.webhook_ca_file)
        self._webhooks = WebhookDelivery(self._database, client, StoredSecrets(settings, keys))
        self._models = ModelWatch(self._database, self._scorer)
        self._unconfirmed = UnconfirmedChanges(self._database)
        intake = Intake(
            self._database,
            self._scorer,
            adjudication_policies(settings),
            self._unconfirmed,
            queue_of_members(settings),
            self._windows,
            keys,
        )
        self._case_files = CaseFileScans(self._database, keys, scanner_of(settings))
        self._bulk = BulkProcessor(
            self._database, intake, keys, longest_line=settings.max_body_bytes, scanner=scanner_of(settings)
        )
        self._tasks = TaskPublisher(self._database, TaskBroker(celery_app(redis_url)))
        self._beat = TaskBeat(self._database, keys, zone=settings.zone)
        self._day: date | None = None
        self._background = Background("worker", expected=_EXPECTED)

    def stop(self) -> None:
        """End each loop after its current work."""
        self._background.stop()

    async def run(self) -> None:
        """Run until `stop`."""
        try:
            self._background.repeat("features", self._drain_features, every_s=IDLE_S)
            self._background.repeat("rescoring", self._rescorer.drain, every_s=RESCORE_IDLE_S)
            self._background.repeat("bulk", self._bulk.work, every_s=BULK_IDLE_S)
            self._background.repeat("case files", self._case_files.step, every_s=CASE_FILES_S)
            self._background.repeat("parked claims", self._rescorer.release, every_s=RELEASE_S)
            self._background.repeat("windows", self._keep_windows, every_s=REFRESH_S)
            self._background.repeat("serving model", self._models.check, every_s=MODEL_S)
            self._background.repeat("day", self._day_work, every_s=DAY_S)
            self._background.repeat("outbox metrics", self._measure_outbox, every_s=OUTBOX_METRICS_S)
            self._background.repeat("keys", self._measure_keys, every_s=KEYS_S)
            self._background.repeat("prompt pay", self._prompt_pay.check, every_s=PROMPT_PAY_S)
            if self._leads is not None:
                self._background.repeat("leads", self._leads.step, every_s=LEADS_S)
            self._background.repeat("rescreening after changes", self._rescreening.step, every_s=RESCREENING_S)
            self._background.repeat("rescreening metrics", self._rescreening.measure, every_s=OUTBOX_METRICS_S)
            self._background.repeat("webhook events", self._fan_out.step, every_s=WEBHOOKS_S)
            self._background.repeat("webhook deliveries", self._webhooks.step, every_s=WEBHOOKS_S)
            self._background.repeat("webhook clean-up", self._webhooks.sweep, every_s=WEBHOOK_CLEAN_UP_S)
            self._background.repeat("webhook metrics", self._webhooks.measure, every_s=OUTBOX_METRICS_S)
            self._background.repeat("tasks", self._tasks.step, every_s=TASKS_S)
            self._background.repeat("task metrics", self._tasks.measure, every_s=OUTBOX_METRICS_S)
            self._background.repeat("task schedule", self._beat.step, every_s=BEAT_S)
            self._background.repeat("audit of commands", self._commands.step, every_s=AUDIT_SEALS_S)
            self._background.repeat("audit seals", self._sealer.step, every_s=AUDIT_SEALS_S)
            self._background.repeat("audit anchors", self._anchorer.step, every_s=AUDIT_SEALS_S)
            self._notifications.start(self._background)
            await self._background.stopped()
        finally:
            await self._background.close()
            await self._webhooks.close()
            await self._unconfirmed.close()
            self._scorer.close()
            await self._database.close()
            await self._batches.close()
            for executor, updater in ((self._features, self._updater), (self._past, self._looker)):
                executor.submit(updater.close)
                executor.shutdown()

    async def _drain_features(self) -> int:
        drained = await asyncio.get_running_loop().run_in_executor(self._features, self._updater.poll)
        return int(drained.more)

    async def _states_at(self, claims: Sequence[ClaimFacts]) -> list[States]:
        readings = await asyncio.get_running_loop().run_in_executor(self._past, self._looker.states_at, claims)
        return [reading.to_wire() for reading in readings]

    async def _keep_windows(self) -> int:
        """Follow the models that serve, and create the indexes that their windows need."""
        await self._windows.refresh()
        return int(await self._windows.create_indexes(self._connect_for_indexes))

    def _connect_for_indexes(self) -> "psycopg.Connection[tuple[object, ...]]":
        connection = connect(self._owner_url, NO_LIMITS)
        connection.autocommit = True
        return connection

    async def _measure_outbox(self) -> int:
        async with self._database.looking() as connection:
            open_events, dead = await connection.fetch(outbox.open_events(), outbox.open_dead_letters())
        for topic in {*outbox.TOPICS, *open_events}:
            metrics.OUTBOX_OPEN.labels(topic).set(open_events.get(topic, 0))
        for consumer in {*CONSUMERS, *dead}:
            metrics.DEAD_LETTERS.labels(consumer).set(dead.get(consumer, 0))
        return 0

    async def _measure_keys(self) -> int:
        async with self._database.looking() as connection:
            (expiring,) = await connection.fetch(expiring_keys(clock.now()))
        metrics.KEYS_EXPIRING.set(expiring)
        return 0

    async def _day_work(self) -> int:
        now = clock.now()
        today, hold_day = now.date(), receipt_day(now, self._zone)
        if self._day != today:
            done = await asyncio.to_thread(
                every_day, self._url, today, self._batch_limits, self._retention, hold_day=hold_day
            )
            self._day = today if done else None  # the next turn goes on
        return 0


async def run_worker(
    settings: Settings,
    database_url: str,
    redis_url: str,
    *,
    owner_url: str,
    network: Path | None = None,
    leads: LeadTools | None = None,
) -> None:
    """Run a worker until SIGTERM or SIGINT; `owner_url` is that of the role that may create indexes."""
    worker = Worker(settings, database_url, redis_url, owner_url=owner_url, network=network, leads=leads)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.stop)
    log.info("worker started")
    await worker.run()
    log.info("worker stopped")
