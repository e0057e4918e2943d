"""`ginja data ingest fhir`: FHIR claims of files into the database, decided as the API decides them."""

import asyncio
import getpass
import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from cli.command import command
from cli.data.submission import FILES, files_of, with_services
from cli.database import existing_database_url
from cli.exit_codes import ExitCode
from cli.options import BY, OUTPUT_FILE
from cli.output import print_json
from cli.progress import task
from cli.residency import check_region

if TYPE_CHECKING:
    from api.dependencies import Dependencies
    from api.fhir import FhirReply
    from api.identity import Caller

_SHOWN: Final = 20


@command(
    "fhir",
    examples=["ginja data ingest fhir claims.ndjson", "ginja data ingest fhir bundle.json --answer answers.ndjson"],
)
@click.argument("path", type=FILES)
@click.option(
    "--answer", type=OUTPUT_FILE, help="Write each ClaimResponse or OperationOutcome to this file, as a line."
)
@BY
def fhir(path: Path, answer: Path | None, by: str | None, as_json: bool) -> int:
    """Submit the FHIR R4 claims of a file (Claim, Bundle, or NDJSON), or of every file of a folder, as the API does.

    A claim that cannot be taken is reported with its FHIRPath and reason; the others are taken. The command ends with 3
    if a claim was refused. A file can be ingested again: claims with an identifier that were taken are repeated.
    """
    check_region(answer)
    files = files_of(path)
    url = existing_database_url()
    with task(f"Ingesting {path}"):
        replies = asyncio.run(with_services(url, by or getpass.getuser(), lambda own, who: _submit(files, own, who)))
    if answer is not None:
        answer.write_bytes(b"".join(reply.body + b"\n" for _, reply in replies))
    refused = [(where, reply) for where, reply in replies if reply.claim_id is None]
    repeated = sum(reply.repeated for _, reply in replies)
    counts = {"accepted": len(replies) - len(refused) - repeated, "repeated": repeated, "refused": len(refused)}
    if as_json:
        print_json(counts | {"answers": [{"where": where, **json.loads(reply.body)} for where, reply in replies]})
    else:
        click.echo(", ".join(f"{count:,} {outcome}" for outcome, count in counts.items()))
        for where, reply in refused[:_SHOWN]:
            for issue in json.loads(reply.body)["issue"]:
                click.echo(f"  {where}: {' '.join(issue.get('expression', []))} {issue['diagnostics']}")
        if len(refused) > _SHOWN:
            click.echo(f"  {len(refused) - _SHOWN:,} more with --json")
    return ExitCode.DATA_REFUSED if refused else ExitCode.OK


async def _submit(files: list[Path], own: "Dependencies", caller: "Caller") -> "list[tuple[str, FhirReply]]":
    from api.errors import Invalid
    from api.fhir import read_file, refusal, take_document

    replies = []
    for file in files:
        for one in read_file(file):
            if one.document is None:
                reply = refusal(one.error or Invalid.field("resource", "cannot be read"))
            else:
                reply = await take_document(own.intake, caller, one.document, None)
                if reply.status in (429, 503):
                    raise click.ClickException("the database is busy; ingest the file again, claims taken are repeated")
            replies.append((f"{file.name} {one.where}".strip(), reply))
    return replies
