"""One SMTP session for each message, within a deadline."""

import asyncio
import ssl
from contextlib import suppress
from typing import Final

import aiosmtplib

from api.mail.errors import MailNotSent, MailRefused
from api.mail.messages import OutgoingMail
from core.errors import SettingsError
from core.settings import Settings

_QUIT_S: Final = 1.0
"""How long the server may take to say goodbye; the message is taken then."""
_PERMANENT: Final = range(500, 600)
_ANSWER: Final = 300
"""Characters of an answer that are kept."""


class MailServer:
    """The SMTP server of the settings."""

    def __init__(self, settings: Settings) -> None:
        """Raises `SettingsError` where the settings name no server or no sender, or a file that cannot be read."""
        if settings.smtp_host is None or settings.mail_from is None:
            raise SettingsError("Set GINJA_SMTP_HOST and GINJA_MAIL_FROM to send e-mail.")
        self._host = settings.smtp_host
        self._port = settings.smtp_port_or_default
        self._tls = settings.smtp_tls
        self._user = settings.smtp_user
        self._password = None if settings.smtp_password is None else settings.smtp_password.get_secret_value()
        self._deadline_s = settings.smtp_deadline_s
        self._context = None
        if settings.smtp_tls != "none":
            self._context = ssl.create_default_context()
            if settings.smtp_ca_file is not None:
                try:
                    self._context.load_verify_locations(settings.smtp_ca_file)
                except OSError as error:
                    raise SettingsError(
                        f"GINJA_SMTP_CA_FILE: {settings.smtp_ca_file} cannot be read: {error}."
                    ) from None
        self.sender = settings.mail_from

    async def send(self, mail: OutgoingMail) -> str:
        """Send a message; returns the server's answer. Raises `MailNotSent`, and `MailRefused` where it is final."""
        client = aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            use_tls=self._tls == "implicit",
            start_tls=self._tls == "starttls",
            tls_context=self._context,
            username=self._user,
            password=self._password,
            timeout=self._deadline_s,
            local_hostname=self.sender.rpartition("@")[2],
        )
        try:
            async with asyncio.timeout(self._deadline_s):
                await client.connect()
                _, answer = await client.sendmail(self.sender, [mail.recipient], mail.content(self.sender))
            with suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
                async with asyncio.timeout(_QUIT_S):
                    await client.quit()
            return _one_line(f"250 {answer}")
        except aiosmtplib.SMTPRecipientsRefused as error:
            refused = error.recipients[0]
            kind = MailRefused if refused.code in _PERMANENT else MailNotSent
            raise kind(_one_line(f"{refused.code} {refused.message}")) from None
        except aiosmtplib.SMTPDataError as error:
            kind = MailRefused if error.code in _PERMANENT else MailNotSent
            raise kind(_one_line(f"{error.code} {error.message}")) from None
        except aiosmtplib.SMTPResponseException as error:
            raise MailNotSent(_one_line(f"{error.code} {error.message}")) from None
        except (TimeoutError, aiosmtplib.SMTPTimeoutError):
            raise MailNotSent(f"{self._where} did not take the message within {self._deadline_s:g} s") from None
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise MailNotSent(_one_line(f"{self._where}: {error or type(error).__name__}")) from None
        finally:
            client.close()

    @property
    def _where(self) -> str:
        return f"{self._host}:{self._port}"


def _one_line(text: str) -> str:
    """An answer that can be stored and shown: what is no printable character, or no UTF-8, is escaped.

    aiosmtplib decodes bytes that are no UTF-8 to lone surrogates. Postgres stores neither those nor NUL.
    """
    shown = (one if one.isprintable() else one.encode("unicode_escape").decode() for one in " ".join(text.split()))
    return "".join(shown)[:_ANSWER]
