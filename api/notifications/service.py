"""What `ginja notifications` and its routes do: subscriptions, a test, and what became of messages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from api import audit
from api.database import Database, fetch
from api.entity_tags import entity_tag, matches
from api.errors import Conflict, Invalid, NotFound, PreconditionFailed
from api.identity import Caller
from api.mail import MailServer, OutgoingMail
from api.notifications import outgoing
from api.notifications import subscriptions as stored
from api.notifications.events import NotificationEvent
from api.notifications.records import MailRecord, MailStatus, NotificationSubscription
from api.notifications.responses import NotificationSubscriptionOut
from api.paging import ListPage, PageCursor
from api.responses import encode
from claims.money import MAX_CENTS
from core import clock
from core.ids import new_id
from core.mail_address import parse_address
from core.version import __version__

MAX_SUBSCRIPTIONS: Final = 500
_NO_SUBSCRIPTION: Final = "subscription not found; the list of subscriptions shows all, `ginja notifications list` too"


@dataclass(frozen=True, slots=True)
class NewSubscription:
    """Who is to be notified of what."""

    event: NotificationEvent
    recipient: str
    minimum_cents: int | None = None


class Notifications:
    """Who is notified of what."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, caller: Caller, new: NewSubscription) -> NotificationSubscription:
        """Store a subscription. Raises `Invalid`, and `Conflict` where the recipient has one or there are too many."""
        recipient = address(new.recipient)
        if new.minimum_cents is not None and new.event is not NotificationEvent.CLAIM_IN_REVIEW:
            raise Invalid.field("minimum", f"is for {NotificationEvent.CLAIM_IN_REVIEW} only; leave it out")
        if new.minimum_cents is not None and not 0 < new.minimum_cents <= MAX_CENTS:
            raise Invalid.field("minimum", f"must be above 0 and at most {MAX_CENTS // 100}.00")
        now = clock.now()
        added = NotificationSubscription(new_id("sub"), new.event.value, recipient, new.minimum_cents, now, caller.name)
        async with self._database.transaction() as connection:
            if await stored.count_subscriptions(connection) >= MAX_SUBSCRIPTIONS:
                raise Conflict(f"there are {MAX_SUBSCRIPTIONS} subscriptions already; remove some")
            if not await stored.add_subscription(connection, added):
                raise Conflict(f"{recipient} is notified of {new.event} already; remove that subscription to change it")
            await _record(connection, caller, "add", added, now)
        return added

    async def all(self) -> Sequence[NotificationSubscription]:
        """Every subscription, by event and recipient."""
        async with self._database.reading() as connection:
            return await stored.subscriptions(connection)

    async def get(self, subscription_id: str) -> NotificationSubscription:
        """A subscription; raises `NotFound`."""
        async with self._database.reading() as connection:
            found = await stored.subscription(connection, subscription_id)
        if found is None:
            raise NotFound(_NO_SUBSCRIPTION)
        return found

    async def remove(
        self, caller: Caller, subscription_id: str, if_match: str | None = None
    ) -> NotificationSubscription:
        """Delete a subscription; what was collected for it is still sent. Raises `NotFound`, `PreconditionFailed`."""
        async with self._database.transaction() as connection:
            removed = await stored.remove_subscription(connection, subscription_id)
            if removed is None:
                raise NotFound(_NO_SUBSCRIPTION)
            if if_match is not None:
                tag = entity_tag(encode(NotificationSubscriptionOut.of(removed)))
                if not matches(if_match, tag):
                    raise PreconditionFailed(PreconditionFailed.example)
            await _record(connection, caller, "remove", removed, clock.now())
        return removed

    async def mails(
        self, *, status: MailStatus | None, limit: int, after: PageCursor | None = None
    ) -> Sequence[MailRecord]:
        """Messages, the newest first."""
        async with self._database.reading() as connection:
            return await outgoing.mails(
                connection, status=None if status is None else status.value, after=after, limit=limit
            )

    async def page(self, *, status: MailStatus | None, after: PageCursor | None, limit: int) -> ListPage[MailRecord]:
        """A page of messages, the newest first."""
        found = await self.mails(status=status, limit=limit + 1, after=after)
        shown = list(found[:limit])
        if len(found) <= limit:
            return ListPage(shown, None)
        return ListPage(shown, PageCursor(shown[-1].created_at, shown[-1].mail_id))

    async def retry(self, caller: Caller, mail_id: str) -> MailRecord:
        """Send a failed message again, which is recorded; raises `NotFound`, `Conflict`."""
        now = clock.now()
        async with self._database.transaction() as connection:
            found = await outgoing.mail(connection, mail_id)
            if found is None:
                raise NotFound("message not found; check its id, and that it was made in the last 90 days")
            retried = await outgoing.retry_mail(connection, mail_id, now)
            if retried is None:
                raise Conflict(f"the message is {found.status}; only a failed one can be sent again")
            details = {"mail_id": mail_id, "recipient": found.recipient, "answer": found.answer}
            await fetch(connection, audit.record(caller, "mail.retry", None, details, now))
        return retried


async def _record(
    connection: AsyncConnection, caller: Caller, act: str, subscription: NotificationSubscription, at: datetime
) -> None:
    """Write to the audit log who was added or removed."""
    details = {
        "subscription_id": subscription.subscription_id,
        "event": subscription.event,
        "recipient": subscription.recipient,
        "minimum_cents": subscription.minimum_cents,
    }
    await fetch(connection, audit.record(caller, f"notification_subscription.{act}", None, details, at))


async def send_test(server: MailServer, recipient: str) -> str:
    """Send a message to try the settings; returns the server's answer. Raises `Invalid` and `MailNotSent`."""
    body = f"This message was sent by `ginja notifications test` of Ginja {__version__}. The settings of e-mail work.\n"
    mail = OutgoingMail(new_id("tst"), address(recipient), "Ginja: test message", body, clock.now())
    return await server.send(mail)


def address(recipient: str) -> str:
    """An address; raises `Invalid`."""
    try:
        return parse_address(recipient)
    except ValueError as error:
        raise Invalid.field("recipient", str(error)) from None
