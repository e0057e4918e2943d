"""E-mail by SMTP: messages, and the server that takes them.

messages.py   a message as it is sent, with a Message-ID that stays the same at each attempt
server.py     one SMTP session for each message, within a deadline
"""

from api.mail.errors import MailNotSent, MailRefused
from api.mail.messages import MailAttachment, OutgoingMail
from api.mail.server import MailServer

__all__ = [
    "MailAttachment",
    "MailNotSent",
    "MailRefused",
    "MailServer",
    "OutgoingMail",
]
