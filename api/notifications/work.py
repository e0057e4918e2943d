"""The worker's part: events become lines, lines become messages, and messages are sent."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from api.database import Database
from api.field_keys import FieldKeys
from api.mail import MailServer
from api.notifications.collecting import NotificationWatch, add_due_claims, add_outbox_events
from api.notifications.delivery import Attachments, MailDelivery
from api.notifications.digest import MailDigest
from api.reviews import DueClaim
from api.webhooks import OutboxEvent
from core import clock
from core.background import Background
from core.settings import Settings

MAIL_S: Final = 5.0
"""Pause of the loops: the longest time from a line to the first attempt of its message is two of them."""
WATCH_S: Final = 60.0
"""Pause of the looks at conditions, which come before."""
METRICS_S: Final = 10.0


class NotificationWork:
    """The loops of notifications in one worker. Without an SMTP server there are none, and nothing is collected."""

    def __init__(self, database: Database, keys: FieldKeys, settings: Settings, attachments: Attachments) -> None:
        """Raises `SettingsError` where the settings name an SMTP server and are not complete."""
        self._database = database
        self._watch = NotificationWatch(database)
        self._digest = MailDigest(database, keys, settings)
        self._delivery = None
        if settings.smtp_host is not None:
            deadline_s = settings.smtp_deadline_s
            self._delivery = MailDelivery(database, keys, MailServer(settings), attachments, deadline_s=deadline_s)

    async def take_events(self, connection: AsyncConnection, events: Sequence[OutboxEvent]) -> None:
        """Collect the events of the outbox that subscriptions name, in the transaction that takes them."""
        if self._delivery is not None:
            await add_outbox_events(connection, events)

    async def take_due_claims(self, due: Sequence[DueClaim]) -> None:
        """Collect claims whose prompt-pay due date has passed or is near."""
        if self._delivery is None or not due:
            return
        async with self._database.transaction() as connection:
            await add_due_claims(connection, due, clock.now())

    def start(self, background: Background) -> None:
        """Begin the loops."""
        if self._delivery is None:
            return
        background.repeat("notification watch", self._watch.check, every_s=WATCH_S)
        background.repeat("notification digest", self._digest.step, every_s=MAIL_S)
        background.repeat("mail", self._delivery.step, every_s=MAIL_S)
        background.repeat("mail metrics", self._delivery.measure, every_s=METRICS_S)
