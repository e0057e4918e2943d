"""What became of X12 files, counted as they are read: the answer about a large file is not kept in memory."""

import json
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Final, Self

import click

if TYPE_CHECKING:
    from api.edi import EdiReplyOut

_SHOWN: Final = 20
_COPIED: Final = 1 << 16
_LISTS: Final = ("claims", "transaction_sets")


class FileAnswers:
    """The counts and the first problems of a file; everything else goes to `spool`, where there is one.

    Used as a context while the file is read.
    """

    def __init__(self, file: Path, spool: Path | None) -> None:
        self.file = file
        self._spool = spool
        self._counts = {"accepted": 0, "repeated": 0, "refused": 0}
        self._lines: list[str] = []
        self._further = 0
        self._is_x12 = True
        self._rejects_a_set = False
        self._problems: list[dict[str, str]] = []
        self._written = dict.fromkeys((*_LISTS, "x12"), 0)
        self._parts: dict[str, IO[str]] = {}

    def __enter__(self) -> Self:
        if self._spool is not None:
            self._parts = {name: self._part(name).open("w", encoding="utf-8") for name in (*_LISTS, "x12")}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for part in self._parts.values():
            part.close()

    @property
    def refuses(self) -> bool:
        """Whether a claim, a transaction set or the file was refused."""
        return not self._is_x12 or self._rejects_a_set or bool(self._counts["refused"] or self._problems)

    def add(self, reply: "EdiReplyOut") -> None:
        """Count what became of one transaction set."""
        for name in self._counts:
            self._counts[name] += getattr(reply, name)
        self._rejects_a_set |= any(one.status == "rejected" for one in reply.transaction_sets)
        for problem in (one for of_set in reply.transaction_sets for one in of_set.problems):
            self._line(f"{problem.where}: {problem.reason}; {problem.remedy}")
        for claim in reply.claims:
            for one in claim.reasons:
                self._line(f"claim {claim.claim_number}: {one.where}: {one.reason}; {one.remedy}")
        if not self._parts:
            return
        for name in _LISTS:
            for entry in getattr(reply, name):
                self._write(name, ", " if self._written[name] else "", json.dumps(entry.model_dump(mode="json")))
        self._write("x12", "", json.dumps(reply.x12)[1:-1])

    def end(self, problems: Sequence[object]) -> None:
        """Take what is wrong outside of the transaction sets into account."""
        from api.edi import problems_out

        for one in problems_out(problems):
            self._problems.append(one.model_dump(mode="json"))
            self._line(f"{one.where}: {one.reason}; {one.remedy}")

    def not_x12(self) -> None:
        """The file does not begin with an interchange."""
        self._is_x12 = False

    def show(self) -> None:
        """Print the counts and the first problems."""
        if not self._is_x12:
            click.echo(f"{self.file.name}: not an X12 interchange; it does not begin with a readable ISA segment")
            return
        click.echo(f"{self.file.name}: " + ", ".join(f"{count:,} {name}" for name, count in self._counts.items()))
        for line in self._lines:
            click.echo(f"  {line}")
        if self._further:
            click.echo(f"  {self._further:,} more with --json")

    def print_document(self) -> None:
        """Print the answer as JSON, piece by piece."""
        if not self._is_x12:
            click.echo("null", nl=False)
            return
        own = json.dumps({**self._counts, "problems": self._problems})
        click.echo(own[:-1], nl=False)
        for name in _LISTS:
            click.echo(f', "{name}": [', nl=False)
            self._copy(name)
            click.echo("]", nl=False)
        click.echo(', "x12": "', nl=False)
        self._copy("x12")
        click.echo('"}', nl=False)

    def _line(self, text: str) -> None:
        if len(self._lines) < _SHOWN:
            self._lines.append(text)
        else:
            self._further += 1

    def _part(self, name: str) -> Path:
        assert self._spool is not None
        return self._spool.with_suffix(f".{name}")

    def _write(self, name: str, *texts: str) -> None:
        for text in texts:
            self._written[name] += self._parts[name].write(text)

    def _copy(self, name: str) -> None:
        with self._part(name).open(encoding="utf-8") as part:
            while piece := part.read(_COPIED):
                click.echo(piece, nl=False)


def print_documents(answers: Sequence[FileAnswers]) -> None:
    """Print one JSON object: the name of each file with its answer, null for one that is not X12."""
    for number, one in enumerate(answers):
        click.echo(("{" if not number else ", ") + json.dumps(str(one.file)) + ": ", nl=False)
        one.print_document()
    click.echo("}")
