"""`ginja keys signing-key` and `ginja keys sign-request`: keys that sign requests (RFC 9421)."""

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.command import command
from cli.database import existing_database_url, with_database
from cli.options import BY, INPUT_FILE, OUTPUT_FILE
from cli.output import print_json, terminal
from cli.platform.keys import EXPIRES, operator, refusals

if TYPE_CHECKING:
    from api.request_signing import RequestSigner, RequestSigningKey

_NAME = click.option("--name", help="Where the private key is kept; default: the name of the file.")


@command(examples=["ginja keys signing-key create key_0123456789 --key-file approver.pem"])
@click.argument("actor_id", metavar="KEY")
@click.option("--key-file", required=True, type=OUTPUT_FILE, help="File of the private key; it must not exist.")
@_NAME
@EXPIRES
@BY
def create(
    actor_id: str, key_file: Path, name: str | None, expires_at: datetime | None, by: str | None, as_json: bool
) -> None:
    """Make an Ed25519 key with which the API key KEY signs its requests.

    The private key is written to a file with mode 0600, to be kept by the client; the public key is registered.
    """
    from api.request_signing import RequestSigner
    from core.private_files import make_private
    from core.signing import new_key

    if key_file.exists():
        raise click.UsageError(f"{key_file} exists; name another file, or register its key with `signing-key add`.")
    existing_database_url()
    pem = new_key()
    key = _registered(actor_id, RequestSigner(pem).public_pem, name or key_file.name, expires_at, by)
    make_private(key_file, lambda: pem)
    _show(key, as_json)


@command(examples=["ginja keys signing-key add key_0123456789 --public-key approver.pub"])
@click.argument("actor_id", metavar="KEY")
@click.option("--public-key", required=True, type=INPUT_FILE, help="File of an Ed25519 or P-256 public key in PEM.")
@_NAME
@EXPIRES
@BY
def add(
    actor_id: str, public_key: Path, name: str | None, expires_at: datetime | None, by: str | None, as_json: bool
) -> None:
    """Register a public key with which the API key or user KEY signs requests."""
    existing_database_url()
    try:
        pem = public_key.read_text(encoding="ascii")
    except UnicodeDecodeError:
        raise click.UsageError(f"{public_key} is no public key in PEM.") from None
    _show(_registered(actor_id, pem, name or public_key.name, expires_at, by), as_json)


@command("list", examples=["ginja keys signing-key list", "ginja keys signing-key list --json"])
def list_(as_json: bool) -> None:
    """List all signing keys."""
    from api.request_signing import RequestSigningKeys
    from core import clock

    existing_database_url()
    keys = with_database(lambda database: RequestSigningKeys(database).all())
    now = clock.now()
    if as_json:
        print_json({"keys": [_fields(key, now) for key in keys]})
        return
    from rich.table import Table

    table = Table("signing key", "API key or user", "name", "algorithm", "keyid", "expires", "state")
    for key in keys:
        expires = f"{key.expires_at:%Y-%m-%d}"
        table.add_row(key.signing_key_id, key.actor_id, key.name, key.algorithm, key.key_id, expires, key.state_at(now))
    terminal().print(table)


@command(examples=["ginja keys signing-key revoke sgk_0123456789"])
@click.argument("signing_key_id", metavar="SIGNING_KEY")
@BY
def revoke(signing_key_id: str, by: str | None, as_json: bool) -> None:
    """Revoke a signing key at once, of every API key that has it."""
    from api.request_signing import RequestSigningKeys

    existing_database_url()
    with refusals():
        key = with_database(lambda database: RequestSigningKeys(database).revoke(operator(by), signing_key_id))
    if as_json:
        print_json({"revoked": key.signing_key_id, "key_id": key.key_id})
        return
    click.echo(f"Revoked {key.signing_key_id}.")


_SIGN = (
    "ginja keys sign-request POST http://127.0.0.1:8000/v1/keys --key-file approver.pem "
    '--header "Content-Type: application/json" --data body.json > signature.txt'
)


@command(examples=[_SIGN])
@click.argument("method")
@click.argument("url")
@click.option("--key-file", required=True, type=INPUT_FILE, help="File of the private key.")
@click.option("--header", "-H", "headers", multiple=True, help='A header that is sent, as "Name: value". Repeatable.')
@click.option("--data", "body_file", type=INPUT_FILE, help="File of the body; default: no body.")
def sign_request(
    method: str, url: str, key_file: Path, headers: tuple[str, ...], body_file: Path | None, as_json: bool
) -> None:
    """Sign a request to URL and print the headers of its signature, for curl and other programs.

    The signature is accepted for a minute, and once. It covers the headers that are named here of those that the API
    acts on: Content-Type, Idempotency-Key, If-Match, X-API-Version and X-Purpose-Of-Use.
    """
    from http_message_signatures import HTTPMessageSignaturesException

    sent = dict(_header(one) for one in headers)
    body = b"" if body_file is None else body_file.read_bytes()
    try:
        signature = _signer(key_file).sign(method.upper(), url, sent, body)
    except HTTPMessageSignaturesException as error:
        raise click.UsageError(f"The request cannot be signed: {error}.") from None
    if as_json:
        print_json({"headers": signature})
        return
    for name, value in signature.items():
        click.echo(f"{name}: {value}")


def _registered(
    actor_id: str, public_key: str, name: str, expires_at: datetime | None, by: str | None
) -> "RequestSigningKey":
    from api.identity import Scope
    from api.request_signing import RequestSigningKeys, SigningKeyRequest

    new = SigningKeyRequest(actor_id, public_key, name, expires_at)
    with refusals(actor_id="KEY", public_key="--public-key", expires_at="--expires"):
        return with_database(
            lambda database: RequestSigningKeys(database).create(operator(by), new, may_give=frozenset(Scope))
        )


def _show(key: "RequestSigningKey", as_json: bool) -> None:
    if as_json:
        print_json(_fields(key, key.created_at))
        return
    click.echo(f"Registered {key.signing_key_id} for {key.actor_id}, until {key.expires_at:%Y-%m-%d}.")


def _fields(key: "RequestSigningKey", at: datetime) -> dict[str, object]:
    values = {name: value for name, value in asdict(key).items() if name != "public_key"}
    return {**values, "state": key.state_at(at)}


def _signer(key_file: Path) -> "RequestSigner":
    from api.request_signing import RequestSigner, WrongPrivateKey
    from core.errors import UnsafeFileError
    from core.private_files import read_private

    try:
        return RequestSigner(read_private(key_file))
    except UnsafeFileError as error:
        raise click.UsageError(f"{error}.") from None
    except WrongPrivateKey as error:
        raise click.UsageError(f"{key_file} {error}.") from None


def _header(text: str) -> tuple[str, str]:
    name, separator, value = text.partition(":")
    if not separator or not name.strip():
        raise click.UsageError(f'--header {text!r} must be "Name: value".')
    return name.strip(), value.strip()
