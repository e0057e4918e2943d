"""Errors of sending e-mail.

MailNotSent        the server did not take the message; another attempt may succeed
└── MailRefused    the server refused the recipient or the message for good
"""


class MailNotSent(Exception):
    """The message was not taken; the text is what the server answered, or what failed before it could."""


class MailRefused(MailNotSent):
    """The server refused the recipient or the message: another attempt would be refused, too."""
