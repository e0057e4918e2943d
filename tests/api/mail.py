"""An SMTP server at the wire, and the mail of a worker."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from sqlalchemy.ext.asyncio import AsyncConnection

from api.identity import Caller
from api.mail import MailAttachment, MailServer
from api.notifications import (
    MailDelivery,
    MailDigest,
    MailRecord,
    MailStatus,
    NewSubscription,
    NotificationEvent,
    Notifications,
)
from api.notifications.collecting import add_outbox_events
from api.notifications.delivery import Attachments
from api.webhooks import WebhookFanOut
from core.settings import Settings
from tests.api.makers import Api

SENDER = "ginja@insurer.example"
ANN, BEN = "ann@insurer.example", "ben@insurer.example"


@dataclass
class Mailbox:
    """What an SMTP server took, and how it answers."""

    port: int = 0
    received: list[tuple[str, EmailMessage]] = field(default_factory=list)
    """Each recipient with the message."""
    to_recipient: str = "250 OK"
    to_data: str = "250 queued as 4711"
    logins: list[tuple[bytes, bytes]] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.to_recipient.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.to_recipient

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content
        assert isinstance(content, bytes)
        message = message_from_bytes(content, policy=default)
        assert isinstance(message, EmailMessage)
        self.received.append((envelope.rcpt_tos[0], message))
        return self.to_data

    def settings(self, **changes: Any) -> Settings:
        """Settings that send to this server."""
        values = {"smtp_host": "127.0.0.1", "smtp_port": self.port, "smtp_tls": "none", "mail_from": SENDER}
        return Settings(**values | {"smtp_deadline_s": 5.0} | changes)

    def ids(self) -> list[str]:
        """The Message-IDs, in the order in which they arrived."""
        return [str(message["Message-ID"]) for _, message in self.received]

    def texts(self) -> list[str]:
        """The text of each message."""
        return [text_of(message) for _, message in self.received]


def text_of(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


@asynccontextmanager
async def smtp_server(
    *, implicit: ssl.SSLContext | None = None, start_tls: ssl.SSLContext | None = None, password: str | None = None
) -> AsyncIterator[Mailbox]:
    mailbox = Mailbox()

    def login(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
        mailbox.logins.append((data.login, data.password))
        return AuthResult(success=data.password == (password or "").encode(), handled=False)

    options: dict[str, Any] = {"tls_context": start_tls, "require_starttls": start_tls is not None}
    if password is not None:
        options |= {"authenticator": login, "auth_require_tls": False}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(mailbox, enable_SMTPUTF8=False, hostname="smtp.test", **options), "127.0.0.1", 0, ssl=implicit
    )
    mailbox.port = server.sockets[0].getsockname()[1]
    try:
        yield mailbox
    finally:
        server.close()


@asynccontextmanager
async def raw_smtp_server(answer: bytes) -> AsyncIterator[Mailbox]:
    """A server that takes any message and answers it with these bytes; `received` has only the recipients."""
    mailbox = Mailbox()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 smtp.test\r\n")
        while line := await reader.readline():
            if line.upper().startswith(b"DATA"):
                writer.write(b"354 go on\r\n")
                await reader.readuntil(b"\r\n.\r\n")
                mailbox.received.append((ANN, EmailMessage()))
                writer.write(answer + b"\r\n")
            else:
                writer.write(b"250 OK\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    mailbox.port = server.sockets[0].getsockname()[1]
    try:
        yield mailbox
    finally:
        server.close()


async def subscribe(api: Api, event: str, recipient: str = ANN, minimum_cents: int | None = None) -> str:
    """The id of a new subscription."""
    new = NewSubscription(NotificationEvent(event), recipient, minimum_cents)
    return (
        await Notifications(api.database, api.dependencies.field_keys).add(
            Caller("test", "operator", None, "test"), new
        )
    ).subscription_id


async def mails(api: Api, status: MailStatus | None = None) -> Sequence[MailRecord]:
    return await Notifications(api.database, api.dependencies.field_keys).mails(status=status, limit=100)


async def take_events(api: Api) -> None:
    """Take every event of the outbox, for webhooks and notifications."""
    taking = WebhookFanOut(api.database, api.dependencies.field_keys, also=(add_outbox_events,))
    while await taking.step():
        pass


async def no_files(_connection: AsyncConnection, _report_ids: Sequence[str]) -> Sequence[MailAttachment]:
    return ()


def delivery(api: Api, mailbox: Mailbox, *, attachments: Attachments = no_files, **changes: Any) -> MailDelivery:
    """The delivery of a worker of its own."""
    return MailDelivery(
        api.database, api.dependencies.field_keys, MailServer(mailbox.settings(**changes)), attachments, deadline_s=5
    )


async def deliver(api: Api, mailbox: Mailbox, **changes: Any) -> int:
    """Take every event, make messages, and send what is due; returns how many messages were tried."""
    await take_events(api)
    digest = MailDigest(api.database, api.dependencies.field_keys, mailbox.settings(**changes))
    while await digest.step():
        pass
    sending, tried = delivery(api, mailbox, **changes), 0
    while attempts := await sending.step():
        tried += attempts
    return tried
