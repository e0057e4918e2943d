"""`ginja data ingest x12`: the claims of X12 files into the database, decided as the API decides them."""

import asyncio
import getpass
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import click

from cli.command import command
from cli.data.submission import FILES, files_of, with_services
from cli.database import existing_database_url
from cli.exit_codes import ExitCode
from cli.options import BY, OUTPUT_FILE
from cli.output import print_json
from cli.progress import task

if TYPE_CHECKING:
    from api.dependencies import Dependencies
    from api.edi import EdiReplyOut, FileAnswer
    from api.identity import Caller

_CHUNK: Final = 1 << 20
_SHOWN: Final = 20


@command(
    "x12",
    examples=["ginja data ingest x12 claims.837", "ginja data ingest x12 inbox --answer answers.x12 --json"],
)
@click.argument("path", type=FILES)
@click.option("--answer", type=OUTPUT_FILE, help="Write the acknowledgements (999, 277CA) of every file to this file.")
@BY
def x12(path: Path, answer: Path | None, by: str | None, as_json: bool) -> int:
    """Submit the claims of an X12 837 file, or of every file of a folder, as the claims API does.

    A claim that cannot be taken is reported with its segment and reason; the others are taken. The command ends with 3
    if a claim or a file was refused. A file can be ingested again: claims that were taken are repeated.
    """
    files = files_of(path)
    url = existing_database_url()
    with task(f"Ingesting {path}"):
        replies = asyncio.run(with_services(url, by or getpass.getuser(), lambda own, who: _submit(files, own, who)))
    if answer is not None:
        answer.write_text("".join(reply.x12 for reply in replies.values() if reply is not None))
    refused = any(reply is None or _refuses(reply) for reply in replies.values())
    if as_json:
        print_json({str(name): None if one is None else one.model_dump(mode="json") for name, one in replies.items()})
    else:
        for name, reply in replies.items():
            _show(name, reply)
    return ExitCode.DATA_REFUSED if refused else ExitCode.OK


async def _submit(files: list[Path], own: "Dependencies", caller: "Caller") -> "dict[Path, EdiReplyOut | None]":
    """The answer about each file; `None` for one that is not X12."""
    from api.edi import reply_out
    from api.errors import NotX12

    replies: dict[Path, EdiReplyOut | None] = {}
    for file in files:
        try:
            replies[file] = reply_out(await _answer(file, own, caller))
        except NotX12:
            replies[file] = None
    return replies


async def _answer(file: Path, own: "Dependencies", caller: "Caller") -> "FileAnswer":
    from api.edi import take_claims

    with file.open("rb") as text:
        return await take_claims(_chunks(text), own.intake, caller, own.live)


def _chunks(text: BinaryIO) -> Iterator[bytes]:
    while chunk := text.read(_CHUNK):
        yield chunk


def _refuses(reply: "EdiReplyOut") -> bool:
    rejected = any(one.status == "rejected" for one in reply.transaction_sets)
    return rejected or bool(reply.refused or reply.problems)


def _show(file: Path, reply: "EdiReplyOut | None") -> None:
    if reply is None:
        click.echo(f"{file.name}: not an X12 interchange; it does not begin with a readable ISA segment")
        return
    click.echo(f"{file.name}: {reply.accepted:,} accepted, {reply.repeated:,} repeated, {reply.refused:,} refused")
    of_sets = [problem for one in reply.transaction_sets for problem in one.problems]
    lines = [f"{one.where}: {one.reason}; {one.remedy}" for one in (*reply.problems, *of_sets)]
    for claim in reply.claims:
        lines += [f"claim {claim.claim_number}: {one.where}: {one.reason}; {one.remedy}" for one in claim.reasons]
    for line in lines[:_SHOWN]:
        click.echo(f"  {line}")
    if len(lines) > _SHOWN:
        click.echo(f"  {len(lines) - _SHOWN:,} more with --json")
