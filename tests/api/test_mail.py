"""Messages reach an SMTP server encrypted, within a deadline, and what it refuses for good is notified apart."""

import asyncio
import os
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from api.mail import MailAttachment, MailNotSent, MailRefused, MailServer, OutgoingMail
from core.errors import SettingsError
from core.mail_address import MAX_ADDRESS, parse_address
from core.settings import Settings
from tests.api.certificates import certificate
from tests.api.mail import ANN, SENDER, raw_smtp_server, smtp_server, text_of

AT = datetime(2026, 3, 2, 10, 15, tzinfo=UTC)


def mail(mail_id: str = "dig_1", text: str = "A claim – went to review.\n", **changes) -> OutgoingMail:
    return OutgoingMail(mail_id, ANN, "Ginja: test", text, AT, **changes)


async def test_a_message_has_its_headers_and_a_message_id_that_stays_the_same():
    async with smtp_server() as box:
        server = MailServer(box.settings())
        assert await server.send(mail()) == "250 queued as 4711"
        await server.send(mail())
        ((recipient, got), _) = box.received
        assert (recipient, got["From"], got["To"], got["Subject"]) == (ANN, SENDER, ANN, "Ginja: test")
        assert (got["Date"], got["Auto-Submitted"]) == ("Mon, 02 Mar 2026 10:15:00 +0000", "auto-generated")
        assert text_of(got).strip() == "A claim – went to review."
        assert box.ids() == ["<dig_1@insurer.example>"] * 2


async def test_files_are_attached_under_their_name():
    async with smtp_server() as box:
        files = [
            MailAttachment("day.pdf", "application/pdf", b"%PDF-\x00\xff"),
            MailAttachment("day.csv", "text/csv", b"a,b\n"),
        ]
        await MailServer(box.settings()).send(mail(attachments=files))
        found = [(one.get_filename(), one.get_content_type()) for one in box.received[0][1].iter_attachments()]
        assert found == [("day.pdf", "application/pdf"), ("day.csv", "text/csv")]
        assert next(box.received[0][1].iter_attachments()).get_payload(decode=True) == b"%PDF-\x00\xff"


async def test_starttls_is_used_with_a_certificate_of_the_file_of_authorities(tmp_path):
    authority, context = certificate(tmp_path, "localhost")
    async with smtp_server(start_tls=context) as box:
        good = box.settings(smtp_host="localhost", smtp_tls="starttls", smtp_ca_file=authority)
        await MailServer(good).send(mail())
        assert len(box.received) == 1
        with pytest.raises(MailNotSent, match="certificate verify failed"):
            await MailServer(box.settings(smtp_host="localhost", smtp_tls="starttls")).send(mail())
        assert len(box.received) == 1


async def test_a_server_without_starttls_gets_nothing():
    async with smtp_server() as box:
        with pytest.raises(MailNotSent, match="STARTTLS"):
            await MailServer(box.settings(smtp_tls="starttls")).send(mail())
        assert box.received == []


async def test_implicit_tls_encrypts_from_the_first_byte(tmp_path):
    authority, context = certificate(tmp_path, "localhost")
    async with smtp_server(implicit=context) as box:
        settings = box.settings(smtp_host="localhost", smtp_tls="implicit", smtp_ca_file=authority)
        assert await MailServer(settings).send(mail()) == "250 queued as 4711"


async def test_a_wrong_password_is_tried_again_later_and_not_repeated_in_the_answer():
    async with smtp_server(password="correct horse") as box:
        login = {"smtp_user": "ginja"}
        await MailServer(box.settings(**login, smtp_password="correct horse")).send(mail())
        assert box.logins == [(b"ginja", b"correct horse")]
        with pytest.raises(MailNotSent, match="535") as failed:
            await MailServer(box.settings(**login, smtp_password="battery staple")).send(mail())
        assert not isinstance(failed.value, MailRefused)
        assert "battery" not in str(failed.value)
        assert len(box.received) == 1


@pytest.mark.parametrize(
    ("to_recipient", "to_data", "refused"),
    [
        ("550 no such user", "250 OK", True),
        ("451 try again later", "250 OK", False),
        ("250 OK", "552 message too large", True),
        ("250 OK", "452 disk full", False),
    ],
)
async def test_what_the_server_refuses_for_good_is_distinguished_from_what_it_does_not_take_now(
    to_recipient, to_data, refused
):
    async with smtp_server() as box:
        box.to_recipient, box.to_data = to_recipient, to_data
        with pytest.raises(MailNotSent, match=(to_data if to_recipient.startswith("250") else to_recipient)) as failed:
            await MailServer(box.settings()).send(mail())
        assert isinstance(failed.value, MailRefused) is refused


@pytest.mark.parametrize(
    ("answer", "stored"),
    [
        ("250 reçu".encode("latin-1"), r"250 re\udce7u"),
        (b"250 queued\x00 as\x1b 4711", r"250 queued\x00 as\x1b 4711"),
        ("250 reçu".encode(), "250 reçu"),
    ],
)
async def test_what_an_answer_has_besides_printable_text_is_escaped(answer, stored):
    async with raw_smtp_server(answer) as box:
        assert await MailServer(box.settings()).send(mail()) == stored


async def test_a_server_that_is_silent_is_given_up_at_the_deadline():
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    listening = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    settings = Settings(smtp_host="127.0.0.1", smtp_port=port, smtp_tls="none", mail_from=SENDER, smtp_deadline_s=0.2)
    with pytest.raises(MailNotSent, match=f"127.0.0.1:{port} did not take the message within 0.2 s"):
        await MailServer(settings).send(mail())
    listening.close()
    with pytest.raises(MailNotSent, match=f"127.0.0.1:{port}"):
        await MailServer(settings).send(mail())


async def test_a_text_of_any_length_and_a_dot_on_its_own_line_arrive_whole():
    text = "x" * 5_000 + "\n.\n" + "é" * 3_000 + "\n"
    async with smtp_server() as box:
        await MailServer(box.settings()).send(mail(text=text))
        assert box.texts()[0].replace("\r\n", "\n") == text


@pytest.mark.parametrize("address", [ANN, "a.b+c@x.example", "a@localhost", f"{'a' * 64}@{'b' * 63}.example"])
def test_an_address_is_taken(address):
    assert parse_address(address) == address


def test_the_host_of_an_address_is_written_in_small_letters():
    assert parse_address("Ann.Lee@Insurer.EXAMPLE") == "Ann.Lee@insurer.example"


LONG = f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * (MAX_ADDRESS - 65 - 64 - 64)}"


@pytest.mark.parametrize(
    "address",
    [
        *("", "ann", "ann@", "@x.example", "a b@x.example", "ann@x.example, ben@x.example", "Ann <ann@x.example>"),
        *("ann@x.example\r\nBcc: ben@x.example", "ann@x.example\n", "ann@-x.example", "änn@x.example", ".a@x.example"),
        *(f"{'a' * 65}@x.example", f"{LONG}d", "ann@x..example", "ann@[127.0.0.1]", '"a b"@x.example'),
    ],
)
def test_what_is_no_single_address_is_refused(address):
    with pytest.raises(ValueError, match="must be one e-mail address"):
        parse_address(address)


def test_the_longest_address_is_taken():
    assert len(LONG) == MAX_ADDRESS
    assert parse_address(LONG) == LONG


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "::1"])
def test_a_server_on_this_machine_needs_no_encryption(host):
    assert Settings(smtp_host=host, smtp_tls="none").smtp_tls == "none"


@pytest.mark.parametrize("host", ["smtp.insurer.example", "10.0.0.1", "localhost.example", None])
def test_another_server_needs_encryption(host):
    with pytest.raises(ValidationError, match="starttls or implicit"):
        Settings(smtp_host=host, smtp_tls="none")


@pytest.mark.parametrize(("tls", "port"), [("starttls", 587), ("implicit", 465), ("none", 25)])
def test_the_port_follows_from_the_encryption(tls, port):
    assert Settings(smtp_host="localhost", smtp_tls=tls).smtp_port_or_default == port
    assert Settings(smtp_host="localhost", smtp_tls=tls, smtp_port=2525).smtp_port_or_default == 2525


def test_settings_that_are_not_complete_are_refused(tmp_path):
    for settings in (Settings(), Settings(smtp_host="localhost"), Settings(mail_from=SENDER)):
        with pytest.raises(SettingsError, match="GINJA_SMTP_HOST and GINJA_MAIL_FROM"):
            MailServer(settings)
    with pytest.raises(SettingsError, match="GINJA_SMTP_CA_FILE"):
        MailServer(Settings(smtp_host="localhost", mail_from=SENDER, smtp_ca_file=tmp_path / "none.pem"))
    with pytest.raises(ValidationError, match="must be one e-mail address"):
        Settings(mail_from="Ginja <ginja@insurer.example>")
    assert "GINJA_SMTP_PASSWORD" not in os.environ
