"""`ginja model sign` and `public-key`: whose models this home accepts."""

import click

from cli.command import command
from cli.options import by_option, reason_option
from cli.output import print_json
from cli.recording import note


@command(
    examples=[
        'ginja model sign --all --by ann --reason "upgrade from an earlier version"',
        'ginja model sign --model 20260301-0a1b2c3d4e --by ann --reason "of the research home, CAB-14"',
    ]
)
@click.option("--model", "version", metavar="VERSION", help="Version to sign; fetched from MLflow where it is absent.")
@click.option("--all", "every", is_flag=True, help="Sign every model of this home that is not accepted.")
@by_option("Who answers for the models.")
@reason_option(text="Why they may be used here.")
def sign(version: str | None, every: bool, by: str | None, reason: str | None, as_json: bool) -> None:
    """Sign models whose signature this home does not accept, if their files match their hashes.

    It is recorded in the audit trail of promotions. Exits 1 where a model of `--all` cannot be signed.
    """
    from core.settings import settings
    from pipelines.promote import sign_model, sign_models

    if every == (version is not None):
        raise click.UsageError("state either --model VERSION or --all.")
    home = settings().home.resolve()
    if version is None:
        done = sign_models(home, by=by or "", reason=reason or "")
    else:
        done = sign_model(home, version, by=by or "", reason=reason or "")
    note(signed=list(done.signed))
    if as_json:
        print_json(done.as_json())
    else:
        click.echo(f"signed: {', '.join(done.signed) or 'none; every model that is intact was accepted already'}")
        for one, problem in done.problems.items():
            click.echo(f"not signed: {one}: {problem}", err=True)
    if done.problems:
        raise SystemExit(1)


@command(name="public-key", examples=["ginja model public-key"])
def public_key(as_json: bool) -> None:
    """Show the public key of this home's signing key; other homes accept its models with it.

    They take it in GINJA_SIGNING_PUBLIC_KEYS. The key is made when the first model is signed.
    """
    from core.settings import settings
    from core.signing import own_public_key

    found = own_public_key(settings())
    if found is None:
        raise click.UsageError(
            "this home has no signing key; `ginja model train` makes one, or set GINJA_SIGNING_KEY_FILE."
        )
    if as_json:
        print_json({"public_key": found})
    else:
        click.echo(found)
