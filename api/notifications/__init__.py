"""Notifications by e-mail: who is notified of what, and what became of each message.

events.py         what people can subscribe to, and the line that each event is
subscriptions.py  who is notified of which event
recipients.py     their addresses, encrypted, and the ids that other tables name them by
moving.py         addresses of an earlier release become ids
collecting.py     events of the outbox and conditions of the platform, as lines for recipients
digest.py         the lines of a recipient become one message
outgoing.py       messages: a queue whose entries workers lease
delivery.py       sends them
service.py        what `ginja notifications` does
retention.py      what is removed after a while
work.py           the loops of the worker
"""

from api.notifications.collecting import NotificationWatch, add_due_claims, add_outbox_events
from api.notifications.delivery import MailDelivery
from api.notifications.digest import MailDigest
from api.notifications.events import NotificationEvent
from api.notifications.moving import clear_recipients, encrypt_recipients
from api.notifications.outgoing import MAIL_FOOTER, NewMail, add_mails
from api.notifications.records import MailRecord, MailStatus, NotificationSubscription
from api.notifications.service import NewSubscription, Notifications, send_test
from api.notifications.subscriptions import recipients_of
from api.notifications.work import NotificationWork

__all__ = [
    "MAIL_FOOTER",
    "MailDelivery",
    "MailDigest",
    "MailRecord",
    "MailStatus",
    "NewMail",
    "NewSubscription",
    "NotificationEvent",
    "NotificationSubscription",
    "NotificationWatch",
    "NotificationWork",
    "Notifications",
    "add_due_claims",
    "add_mails",
    "add_outbox_events",
    "clear_recipients",
    "encrypt_recipients",
    "recipients_of",
    "send_test",
]
