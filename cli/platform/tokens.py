"""`ginja tokens`: the keys that sign the access tokens of users."""

import getpass

import click

from cli.command import command
from cli.database import existing_database_url, field_keys, with_database
from cli.options import BY
from cli.output import print_json


@command("rotate-keys", examples=["ginja tokens rotate-keys --by ann"])
@BY
def rotate_keys(by: str | None, as_json: bool) -> None:
    """Make a new key, which signs from now on.

    Processes of the API follow within half a minute. Tokens of the key before stay valid until they expire.
    """
    from api.field_keys import StoredSecrets
    from api.identity import Caller
    from api.tokens import SigningKeys
    from core.settings import settings

    existing_database_url()
    operator = Caller("command line", "operator", None, by or getpass.getuser())
    secrets = StoredSecrets(settings(), field_keys())
    kid = with_database(lambda database: SigningKeys(database, secrets).rotate(operator))
    if as_json:
        print_json({"kid": kid})
        return
    click.echo(f"{kid} signs access tokens from now on.")
