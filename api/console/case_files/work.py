"""What a signed-in person sees of the files of a case and does with them."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final

from api import cases
from api.case_files import (
    ENDINGS,
    CaseFile,
    CaseFiles,
    FileForm,
    ReadCaseFile,
    new_file,
    request_letter,
    request_letter_pdf,
    scan_state,
)
from api.console.access import SignedIn
from api.console.reading import FORM_TOKEN
from api.database import Database
from api.errors import Forbidden, NotFound
from api.field_keys import FieldKeys
from api.identity import Scope
from core.format import utc_minute
from core.settings import Settings

TAKEN: Final = ",".join(f".{one}" for one in ENDINGS)
"""What the form offers to choose."""
_STATES: Final = {"clean": "nothing found", "infected": "infected", "not_scanned": "not scanned"}
_BYTES: Final = 1_024


@dataclass(frozen=True, slots=True)
class CustodyLine:
    """An act in the custody of a file."""

    at: str
    what: str
    by: str


@dataclass(frozen=True, slots=True)
class CaseFileLine:
    """A file in the list."""

    file_id: str
    name: str
    media_type: str
    size: str
    sha256: str
    obtained_from: str
    obtained_on: str
    task_id: str | None
    same_as: int
    """How many other files of the case have the same content."""
    scan: str
    is_sent: bool
    """Whether its content may be sent."""
    withdrawn: str | None
    """Why it was withdrawn."""
    custody: Sequence[CustodyLine]


class CaseFileDesk:
    """Files of cases. Each method raises `Forbidden` for people who may not see cases."""

    def __init__(self, database: Database, keys: FieldKeys, settings: Settings) -> None:
        self._database = database
        self._keys = keys
        self._files = CaseFiles(database, keys, settings)
        self._scans = settings.clamd_url is not None
        self._payer_name = settings.payer_name

    @property
    def most(self) -> int:
        """Bytes of the largest file."""
        return self._files.most

    async def files_of(self, signed_in: SignedIn, case_id: str) -> list[CaseFile]:
        """The files of a case, the oldest first. Raises `NotFound`."""
        _require(signed_in, Scope.CASES_READ)
        return await self._files.files_of(case_id)

    def lines(self, files: Sequence[CaseFile]) -> list[CaseFileLine]:
        """Files as the page lists them."""
        same = [one.sha256 for one in files]
        return [self._line(one, same.count(one.sha256) - 1) for one in files]

    def receiving(self, signed_in: SignedIn) -> AbstractContextManager[None]:
        """A place to receive a file and to add it. Raises `BatchQueueFull`."""
        _require(signed_in, Scope.CASES_WORK)
        return self._files.receiving()

    async def add(self, signed_in: SignedIn, case_id: str, form: FileForm) -> None:
        """Add the file of a form. Raises what `CaseFiles.add` raises."""
        await self._files.add(signed_in.caller, case_id, new_file(form, also=frozenset({FORM_TOKEN})))

    async def open(self, signed_in: SignedIn, case_id: str, file_id: str) -> ReadCaseFile:
        """A file to be saved, whose access is recorded. Raises what `CaseFiles.open` raises."""
        _require(signed_in, Scope.CASES_READ)
        return await self._files.open(signed_in.caller, case_id, file_id)

    async def withdraw(self, signed_in: SignedIn, case_id: str, file_id: str, form: Mapping[str, str]) -> None:
        """Withdraw a file. Raises what `CaseFiles.withdraw` raises."""
        _require(signed_in, Scope.CASES_WORK)
        reason = form.get("reason", "").replace("\r\n", "\n")
        await self._files.withdraw(signed_in.caller, case_id, file_id, reason)

    async def letter(self, signed_in: SignedIn, case_id: str, task_id: str) -> str:
        """The letter of a records request. Raises `NotFound`."""
        return request_letter(await self._request(signed_in, case_id, task_id), self._payer_name)

    async def letter_pdf(self, signed_in: SignedIn, case_id: str, task_id: str) -> bytes:
        """The letter of a records request as PDF. Raises `NotFound`."""
        return request_letter_pdf(await self._request(signed_in, case_id, task_id), self._payer_name)

    async def _request(self, signed_in: SignedIn, case_id: str, task_id: str) -> cases.CaseTask:
        _require(signed_in, Scope.CASES_READ)
        tasks = await cases.tasks_of(self._database, self._keys, case_id)
        found = next((one for one in tasks if one.task_id == task_id and one.letter is not None), None)
        if found is None:
            raise NotFound("records request not found; the page of the case has those that there are")
        return found

    def _line(self, file: CaseFile, same_as: int) -> CaseFileLine:
        state = scan_state(file)
        return CaseFileLine(
            file_id=file.file_id,
            name=file.name,
            media_type=file.media_type,
            size=_size(file.size),
            sha256=file.sha256,
            obtained_from=file.obtained_from,
            obtained_on=file.obtained_on.isoformat(),
            task_id=file.task_id,
            same_as=same_as,
            scan=_STATES[state],
            is_sent=state == "clean" or (state == "not_scanned" and not self._scans),
            withdrawn=None if file.withdrawal is None else file.withdrawal.reason,
            custody=_custody(file),
        )


def _custody(file: CaseFile) -> list[CustodyLine]:
    acts = [(file.added_at, "added", file.added_name)]
    acts += [(one.at, "read", f"{one.name}, {one.role}") for one in file.accesses]
    if file.withdrawal is not None:
        acts.append((file.withdrawal.at, "withdrawn", file.withdrawal.name))
    return [CustodyLine(utc_minute(at), what, by) for at, what, by in sorted(acts)]


def _size(size: int) -> str:
    if size < _BYTES:
        return f"{size} B"
    return f"{size / _BYTES:,.0f} KiB" if size < _BYTES * _BYTES else f"{size / _BYTES / _BYTES:,.1f} MiB"


def _require(signed_in: SignedIn, scope: Scope) -> None:
    if not signed_in.may(scope):
        raise Forbidden(f"role {signed_in.role} has no scope {scope.value}; sign in with one that has it")
