"""What `ginja notifications` and its routes do: subscriptions, a test, and what became of messages."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from api import audit
from api.database import Database, fetch
from api.entity_tags import entity_tag, matches
from api.errors import Conflict, Invalid, NotFound, PreconditionFailed
from api.field_keys import FieldKeys
from api.identity import Caller
from api.mail import MailServer, OutgoingMail
from api.notifications import outgoing
from api.notifications import subscriptions as stored
from api.notifications.events import NotificationEvent
from api.notifications.recipients import is_address, recipient_id, subscribes_in_clear
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
    """Who is notified of what. What reads or adds an address raises what `FieldKeys` raises."""

    def __init__(self, database: Database, keys: FieldKeys) -> None:
        self._database = database
        self._keys = keys

    async def add(self, caller: Caller, new: NewSubscription) -> NotificationSubscription:
        """Store a subscription. Raises `Invalid`, and `Conflict` where the recipient has one or there are too many."""
        recipient = address(new.recipient)
        if new.minimum_cents is not None and new.event is not NotificationEvent.CLAIM_IN_REVIEW:
            raise Invalid.field("minimum", f"is for {NotificationEvent.CLAIM_IN_REVIEW} only; leave it out")
        if new.minimum_cents is not None and not 0 < new.minimum_cents <= MAX_CENTS:
            raise Invalid.field("minimum", f"must be above 0 and at most {MAX_CENTS // 100}.00")
        now = clock.now()
        async with self._database.transaction() as connection:
            if await stored.count_subscriptions(connection) >= MAX_SUBSCRIPTIONS:
                raise Conflict(f"there are {MAX_SUBSCRIPTIONS} subscriptions already; remove some")
            named = await recipient_id(connection, self._keys, recipient)
            is_known = await subscribes_in_clear(connection, new.event.value, recipient)
            added = NotificationSubscription(new_id("sub"), new.event.value, named, new.minimum_cents, now, caller.name)
            if is_known or not await stored.add_subscription(connection, added):
                raise Conflict(f"{recipient} is notified of {new.event} already; remove that subscription to change it")
            await _record(connection, caller, "add", added, now)
            (found,) = await stored.shown(connection, self._keys, [added])
        return found

    async def all(self) -> Sequence[NotificationSubscription]:
        """Every subscription, by event and recipient."""
        async with self._database.reading() as connection:
            return await stored.shown(connection, self._keys, await stored.subscriptions(connection))

    async def get(self, subscription_id: str) -> NotificationSubscription:
        """A subscription; raises `NotFound`."""
        async with self._database.reading() as connection:
            found = await stored.subscription(connection, subscription_id)
            if found is None:
                raise NotFound(_NO_SUBSCRIPTION)
            (shown,) = await stored.shown(connection, self._keys, [found])
        return shown

    async def remove(
        self, caller: Caller, subscription_id: str, if_match: str | None = None
    ) -> NotificationSubscription:
        """Delete a subscription; what was collected for it is still sent. Raises `NotFound`, `PreconditionFailed`."""
        async with self._database.transaction() as connection:
            removed = await stored.remove_subscription(connection, subscription_id)
            if removed is None:
                raise NotFound(_NO_SUBSCRIPTION)
            (shown,) = await stored.shown(connection, self._keys, [removed])
            if if_match is not None:
                tag = entity_tag(encode(NotificationSubscriptionOut.of(shown)))
                if not matches(if_match, tag):
                    raise PreconditionFailed(PreconditionFailed.example)
            await _record(connection, caller, "remove", removed, clock.now())
        return shown

    async def mails(
        self, *, status: MailStatus | None, limit: int, after: PageCursor | None = None
    ) -> Sequence[MailRecord]:
        """Messages, the newest first."""
        async with self._database.reading() as connection:
            return await outgoing.mails(
                connection, self._keys, status=None if status is None else status.value, after=after, limit=limit
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
            found = await outgoing.mail(connection, self._keys, mail_id)
            if found is None:
                raise NotFound("message not found; check its id, and that it was made in the last 90 days")
            if not await outgoing.retry_mail(connection, mail_id, now):
                raise Conflict(f"the message is {found.status}; only a failed one can be sent again")
            details = {"mail_id": mail_id, "answer": found.answer}
            await fetch(connection, audit.record(caller, "mail.retry", None, details, now))
        return replace(found, status=MailStatus.PENDING.value, due_at=now, attempts=0, finished_at=None)


async def _record(
    connection: AsyncConnection, caller: Caller, act: str, subscription: NotificationSubscription, at: datetime
) -> None:
    """Write to the audit log what was added or removed; the recipient as its id, never as its address."""
    details = {
        "subscription_id": subscription.subscription_id,
        "event": subscription.event,
        "recipient_id": None if is_address(subscription.recipient) else subscription.recipient,
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
