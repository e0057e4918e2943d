"""`ginja evidence write`: a pack of a case, stored with it and saved as two files."""

import os
from pathlib import Path
from typing import Final

import click

from cli.command import command
from cli.database import existing_database_url, field_keys, with_database
from cli.options import BY, OUTPUT_FOLDER
from cli.output import print_json
from cli.platform.keys import operator, refusals
from cli.recording import note
from cli.residency import check_region

_CATEGORIES = ("fraud", "waste", "abuse", "billing_error", "undetermined")
_EXAMPLE = (
    'ginja evidence write cas_01m86p3ap6yntdyk7shqjq4hs9 --organization "Example Health Plan" --person "A. Miller" '
    '--contact siu@insurer.example --category fraud --provision "18 U.S.C. 1347"'
)

_OPTIONS: Final = {"why": "motive", "provisions": "provision"}
"""Names of options that differ from those of the fields."""


@command(examples=[_EXAMPLE])
@click.argument("case_id", metavar="CASE_ID")
@click.option("--out", type=OUTPUT_FOLDER, default=Path(), help="Folder of the two files; default: this folder.")
@click.option("--organization", required=True, help="Who refers the case.")
@click.option("--unit", default="", help="Unit of the organization.")
@click.option("--person", required=True, help="Whom to ask.")
@click.option("--contact", required=True, help="Telephone, e-mail or address of that person.")
@click.option(
    "--category",
    type=click.Choice(_CATEGORIES),
    default="undetermined",
    show_default=True,
    help="Category of the allegation.",
)
@click.option("--statement", default="", help="What is alleged; names no member but the subject.")
@click.option("--provision", "provisions", multiple=True, help="A provision violated. Repeatable.")
@click.option("--how", default="", help="How it was done.")
@click.option("--motive", "why", default="", help="Why it was done.")
@BY
def write(case_id: str, out: Path, by: str | None, as_json: bool, **stated: str | tuple[str, ...]) -> None:
    """Write an evidence pack of a case as it is now: JSON and PDF, signed.

    The pack stays with the case and is an event of its history; the files are copies, readable by their owner only.
    """
    from pydantic import ValidationError

    from api.evidence import EvidencePackIn, EvidencePacks
    from core.settings import settings

    try:
        asked = EvidencePackIn.model_validate({**stated, "provisions": list(stated["provisions"])}).asked
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        field = str(first["loc"][0])
        raise click.UsageError(f"--{_OPTIONS.get(field, field)}: {first['msg']}.") from None
    existing_database_url()
    check_region(out)
    own = settings()
    with refusals():
        made = with_database(
            lambda database: EvidencePacks(database, field_keys(), own).write(operator(by), case_id, asked)
        )
    out.mkdir(parents=True, exist_ok=True)
    files = [out / made.record.file_name(form) for form in ("json", "pdf")]
    for file, content in zip(files, (made.file, made.pdf), strict=True):
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(content)
    note(pack_id=made.record.pack_id, pack_sha256=made.record.pack_sha256)
    if as_json:
        shown = {"pack_id": made.record.pack_id, "pack_sha256": made.record.pack_sha256}
        print_json({**shown, "claims": made.record.claims, "files": list(map(str, files))})
        return
    click.echo(f"{made.record.pack_id}: {made.record.claims:,} claims, SHA-256 {made.record.pack_sha256}.")
    click.echo(f"Written: {files[0]} and {files[1]}.")
