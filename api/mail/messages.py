"""Messages in the form in which they are sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime


@dataclass(frozen=True, slots=True)
class MailAttachment:
    """A file that is sent with a message."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class OutgoingMail:
    """A message to one recipient."""

    mail_id: str
    recipient: str
    subject: str
    text: str
    created_at: datetime
    attachments: Sequence[MailAttachment] = ()

    def content(self, sender: str) -> bytes:
        """The message with its headers. Its Message-ID follows from `mail_id`, so that every attempt has the same."""
        message = EmailMessage(policy=SMTP)
        message["From"] = sender
        message["To"] = self.recipient
        message["Subject"] = self.subject
        message["Date"] = format_datetime(self.created_at)
        message["Message-ID"] = f"<{self.mail_id}@{sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"  # no out-of-office answers (RFC 3834)
        message.set_content(self.text, cte="quoted-printable")
        for one in self.attachments:
            kind, _, subtype = one.media_type.partition("/")
            message.add_attachment(one.content, maintype=kind, subtype=subtype, filename=one.name)
        return message.as_bytes()
