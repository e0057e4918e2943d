"""`ginja data ingest x12`: the claims of X12 files into the database, decided as the API decides them."""

import asyncio
import getpass
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO, Final

import click

from cli.command import command
from cli.data.file_answers import FileAnswers, print_documents
from cli.data.submission import FILES, files_of, with_services
from cli.database import existing_database_url
from cli.exit_codes import ExitCode
from cli.options import BY, OUTPUT_FILE
from cli.progress import task
from cli.residency import check_region
from core.scratch import scratch_folder

if TYPE_CHECKING:
    from api.dependencies import Dependencies
    from api.identity import Caller

_CHUNK: Final = 1 << 20


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
    if a claim or a file was refused. A file can be ingested again: claims that were taken are repeated. A file of any
    size is read one transaction set at a time.
    """
    check_region(answer)
    files = files_of(path)
    url = existing_database_url()
    who = by or getpass.getuser()
    with scratch_folder("ginja-x12-") as work, ExitStack() as open_files:
        acknowledgements = None if answer is None else open_files.enter_context(answer.open("w"))
        answers = [FileAnswers(file, work / f"{at}.json" if as_json else None) for at, file in enumerate(files)]
        with task(f"Ingesting {path}"):
            asyncio.run(with_services(url, who, lambda own, caller: _submit(answers, own, caller, acknowledgements)))
        if as_json:
            print_documents(answers)
        else:
            for one in answers:
                one.show()
        return ExitCode.DATA_REFUSED if any(one.refuses for one in answers) else ExitCode.OK


async def _submit(
    answers: "list[FileAnswers]", own: "Dependencies", caller: "Caller", acknowledgements: IO[str] | None
) -> None:
    from api.edi import StreamedFile, reply_out
    from api.errors import NotX12

    number = 0
    for one in answers:
        with one.file.open("rb") as text, one:
            file = StreamedFile(_chunks(text))
            try:
                async for answer in file.sets(own.intake, caller, own.live):
                    reply, number = reply_out(answer, number=number), number + 1
                    one.add(reply)
                    if acknowledgements is not None:
                        acknowledgements.write(reply.x12)
            except NotX12:
                one.not_x12()
            else:
                one.end(file.problems)


def _chunks(text: BinaryIO) -> Iterator[bytes]:
    while chunk := text.read(_CHUNK):
        yield chunk
