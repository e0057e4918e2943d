"""The files of a case as an evidence pack states them: hashes and custody, and no identity of a member."""

import re
from collections.abc import Mapping
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from api.case_files import MAX_FILES, CaseFile, ending_of, files_of_case
from api.evidence.gathering import MemberMask
from api.field_keys import FieldKeys
from api.members import names_of_members
from claims.evidence import EvidenceFile, FileAccess, FileWithdrawal

MAX_ACCESSES: Final = 10_000
"""Accesses that a pack has."""


async def read_records(
    connection: AsyncConnection, keys: FieldKeys, case_id: str, members: Mapping[str, str], mask: MemberMask
) -> tuple[EvidenceFile, ...]:
    """The files of a case; `members`: member → its number in the pack.

    Texts that people wrote about files name no member: ids and names are replaced by numbers, but for those of the
    subject. Raises what `FieldKeys` raises, and `DecryptionError` where a text or a name cannot be read.
    """
    files = await files_of_case(connection, keys, case_id, limit=MAX_FILES, accesses=MAX_ACCESSES)
    if not files:
        return ()
    others = {member: number for member, number in members.items() if mask.masked(member) != member}
    names = await names_of_members(connection, keys, others)
    masked = _Masked(mask, {names[member]: number for member, number in others.items() if member in names})
    return tuple(_record(one, masked) for one in files)


class _Masked:
    """Replaces ids and names of members, in either order of their parts."""

    def __init__(self, mask: MemberMask, names: Mapping[str, str]) -> None:
        self._mask = mask
        self._names = [(_pattern(name), number) for name, number in names.items() if name.strip()]

    def __call__(self, text: str) -> str:
        for pattern, number in self._names:
            text = pattern.sub(number, text)
        return self._mask.masked(text)


def _pattern(name: str) -> re.Pattern[str]:
    parts = [re.escape(one) for one in name.replace(",", " ").split()]
    orders = [parts, [parts[-1], *parts[:-1]]]
    between = r"[\s,._-]+"
    return re.compile("|".join(rf"(?<!\w){between.join(one)}(?!\w)" for one in orders), re.IGNORECASE)


def _record(file: CaseFile, masked: _Masked) -> EvidenceFile:
    withdrawn = file.withdrawal
    return EvidenceFile(
        file_id=file.file_id,
        name=f"{file.file_id}.{ending_of(file.media_type)}",
        media_type=file.media_type,
        size=file.size,
        sha256=file.sha256,
        obtained_on=file.obtained_on,
        obtained_at=file.added_at,
        obtained_by=f"{file.added_name} ({file.added_by})",
        obtained_from=masked(file.obtained_from),
        request=file.task_id,
        withdrawn=None
        if withdrawn is None
        else FileWithdrawal(withdrawn.at, f"{withdrawn.name} ({withdrawn.actor_id})", masked(withdrawn.reason)),
        accesses=tuple(FileAccess(one.at, f"{one.name} ({one.actor_id})") for one in file.accesses),
    )
