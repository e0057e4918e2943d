"""Writing, listing and reading evidence packs."""

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import UTC
from typing import Final

from pydantic import JsonValue

from api import cases
from api.database import Database, apart_from_unit, snapshot
from api.errors import NotFound, Unavailable
from api.evidence import repository
from api.evidence.gathering import MemberMask, last_day_of, numbered_members, pack_of, schedule_of
from api.evidence.obtained import read_records
from api.evidence.reading import peers_of_prices, read_case
from api.evidence.records import PackForm, PackRecord, PackRequest
from api.evidence.signing import signature_check, signed_pack
from api.field_keys import FieldKeys
from api.identity import Caller
from api.samples import section_of_case
from claims.evidence import (
    EvidencePack,
    PackHeader,
    PackVerification,
    main_procedures,
    pack_sha256,
    schedule_patterns,
    section_hashes,
    to_json,
    verify_pack,
)
from core import clock
from core.errors import SigningKeyError
from core.ids import new_id
from core.settings import Settings
from core.signing import SigningKey, signing_key, trusted_keys
from core.version import __version__

WRITE: Final = "case.write_evidence"
MAX_PACKS: Final = 200
"""Packs that a list has: the latest."""


@dataclass(frozen=True, slots=True)
class WrittenPack:
    """A pack that was written, with its files."""

    record: PackRecord
    file: bytes
    pdf: bytes


class EvidencePacks:
    """The service of evidence packs."""

    def __init__(self, database: Database, keys: FieldKeys, settings: Settings) -> None:
        self._database = database
        self._keys = keys
        self._settings = settings

    async def write(self, caller: Caller, case_id: str, asked: PackRequest) -> WrittenPack:
        """Write a pack of a case as it is now; it stays with the case, and its event is in the case's history.

        Raises `NotFound`; `Invalid` where a person names another member than the subject; `Unavailable` without a
        signing key.
        """
        key = self._key()
        pack = await self._gathered(caller, case_id, asked)
        file, pdf, digest = await asyncio.to_thread(_files, pack, key)
        totals = pack.schedule.totals
        record = PackRecord(
            pack_id=pack.header.pack_id,
            case_id=case_id,
            written_at=pack.header.as_of,
            written_by=caller.actor_id,
            written_name=caller.name,
            claims=totals.claims,
            billed_cents=totals.billed_cents,
            paid_cents=totals.paid_cents,
            at_risk_cents=totals.at_risk_cents,
            pack_sha256=digest,
        )
        async with self._database.transaction() as connection:
            await repository.add_pack(connection, self._keys, record, file=file, pdf=pdf)
            details: dict[str, JsonValue] = {"pack_id": record.pack_id, "pack_sha256": digest, "claims": totals.claims}
            await cases.add_event(connection, self._keys, caller, case_id, WRITE, details)
        return WrittenPack(record, file, pdf)

    async def packs_of(self, case_id: str) -> list[PackRecord]:
        """The packs of a case, the latest first. Raises `NotFound`."""
        await cases.case(self._database, case_id)
        async with self._database.reading() as connection:
            return await repository.packs_of_case(connection, case_id, MAX_PACKS)

    async def file(self, case_id: str, pack_id: str, form: PackForm) -> tuple[PackRecord, bytes]:
        """A pack with its file. Raises `NotFound`, and `DecryptionError` where what is stored was changed."""
        async with self._database.reading() as connection:
            found = await repository.pack_file_of(connection, self._keys, case_id, pack_id, form)
        if found is None:
            raise NotFound("evidence pack not found; `GET /v1/cases/{case_id}/evidence` lists those of a case")
        return found

    async def verify(self, case_id: str, pack_id: str) -> PackVerification:
        """Verify a stored pack, but for scores by their model, which the API does not have. Raises as `file` does."""
        _, raw = await self.file(case_id, pack_id, "json")
        _, pdf = await self.file(case_id, pack_id, "pdf")
        check = signature_check(trusted_keys(self._settings))
        return await asyncio.to_thread(verify_pack, raw, check, pdf_sha256=hashlib.sha256(pdf).hexdigest())

    def _key(self) -> SigningKey:
        try:
            return signing_key(self._settings)
        except SigningKeyError as error:
            raise Unavailable(f"the pack cannot be signed: {error}") from None

    async def _gathered(self, caller: Caller, case_id: str, asked: PackRequest) -> EvidencePack:
        with apart_from_unit():
            async with snapshot(self._database) as connection:
                as_of = clock.now().astimezone(UTC)
                read = await read_case(connection, self._keys, case_id)
                if read is None:
                    raise NotFound(cases.NO_CASE)
                members = numbered_members(read.claims)
                kind, subject_id = read.case["subject_kind"], read.case["subject_id"]
                mask = MemberMask(members, subject_id if kind == "member" else None)
                schedule = schedule_of(read, members, mask)
                day, codes = last_day_of(schedule), main_procedures(schedule)
                sample = await section_of_case(connection, case_id)
                records = await read_records(connection, self._keys, case_id, members, mask)
                peers = {} if day is None else await peers_of_prices(connection, read.claims, codes, day)
        header = PackHeader(
            pack_id=new_id("evp"),
            case_id=case_id,
            tenant=self._settings.tenant,
            opened_at=read.case["opened_at"].astimezone(UTC),
            as_of=as_of,
            written_by=f"{caller.name} ({caller.actor_id})",
            release=__version__,
        )
        patterns = schedule_patterns(schedule, peers)
        return pack_of(
            read, asked, header, schedule, patterns, mask, records=records, sample=sample, zone=self._settings.zone
        )


def _files(pack: EvidencePack, key: SigningKey) -> tuple[bytes, bytes, str]:
    """The JSON, the PDF, and the hash of the pack; some seconds for a thousand claims."""
    from api.evidence.pdf import pack_pdf

    pdf = pack_pdf(pack)
    return signed_pack(pack, pdf, key), pdf, pack_sha256(section_hashes(to_json(pack)))
