"""Files of cases that wait for the antivirus scanner: scanned in turns until it says what it finds."""

from datetime import datetime, timedelta
from typing import Final

from pydantic import JsonValue

from api import cases
from api.antivirus import Clamd, NotScanned
from api.case_files import repository
from api.case_files.records import CaseFileScan
from api.database import Database
from api.field_keys import FieldKeys
from api.identity import Caller
from core import clock
from core.logging import get_logger

log = get_logger("case files")

RETRY_AFTER: Final = timedelta(seconds=5)
LONGEST_RETRY_AFTER: Final = timedelta(minutes=10)
INFECTED: Final = "case.infected_file"
_LISTED: Final = 100
_WORKER: Final = Caller("worker", "worker", None, "worker")


class CaseFileScans:
    """Scans what was added while the scanner was unavailable, or before there was one."""

    def __init__(self, database: Database, keys: FieldKeys, scanner: Clamd | None) -> None:
        """`scanner`: None: files are not scanned."""
        self._database = database
        self._keys = keys
        self._scanner = scanner
        self._waiting: dict[str, tuple[datetime, timedelta]] = {}
        """When a file is scanned again, and after which pause; another waits twice as long each time."""

    async def step(self) -> int:
        """Scan the file that waits longest; returns how many were scanned."""
        if self._scanner is None:
            return 0
        async with self._database.reading() as connection:
            found = await repository.unscanned_files(connection, _LISTED)
        now = clock.now()
        due = next((one for one in found if self._waiting.get(one.file_id, (now, RETRY_AFTER))[0] <= now), None)
        if due is None:
            return 0
        try:
            signature = await self._scanner.scan(
                repository.content_of(self._database, self._keys, due.file_id, due.size)
            )
        except NotScanned as error:
            pause = (
                min(2 * self._waiting[due.file_id][1], LONGEST_RETRY_AFTER) if due.file_id in self._waiting else None
            )
            self._waiting[due.file_id] = (now + (pause or RETRY_AFTER), pause or RETRY_AFTER)
            log.warning("file of a case waits for the antivirus scanner", file_id=due.file_id, error=str(error))
            return 0
        self._waiting.pop(due.file_id, None)
        async with self._database.transaction() as connection:
            is_new = await repository.add_scan(connection, due.file_id, CaseFileScan(clock.now(), signature))
            if is_new and signature is not None:
                details: dict[str, JsonValue] = {"file_id": due.file_id, "signature": signature}
                await cases.add_event(connection, self._keys, _WORKER, due.case_id, INFECTED, details)
        return 1
