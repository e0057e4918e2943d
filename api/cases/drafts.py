"""What a person had written when their session ended: kept encrypted for an hour, for the same person and case.

Each form of a case carries its author, encrypted: a form without a session is kept for that person alone, and one that
no page of the console made is not kept. The form of an appeal is kept likewise, under the id of its claim; its author
sees no case, so each statement here names the author, and sees drafts whatever else the session may see.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert as upsert

from api.cases.tables import CaseDraftRow
from api.database import Database, RowAccess, seeing
from api.field_keys import CASE_DRAFT, CASES, FieldKeys
from core import clock
from core.errors import DecryptionError
from core.field_encryption import key_id_of, place

KEPT: Final = timedelta(hours=1)
FORM_LIFE: Final = timedelta(hours=12)
"""How long after a page was shown its form is kept."""


async def author_of_form(keys: FieldKeys, actor_id: str, case_id: str) -> str:
    """The field by which a form says whose it is, in hexadecimal digits. Raises what `FieldKeys` raises."""
    value = json.dumps([actor_id, clock.now().isoformat()]).encode()
    return (await keys.current(CASES)).seal(value, _place(case_id)).hex()


async def keep_draft(
    database: Database, keys: FieldKeys, case_id: str, author: str, entered: Mapping[str, str]
) -> bool:
    """Keep what was entered; False: the form is of no page of the console, or too old."""
    actor_id = await _actor(keys, author, case_id)
    if actor_id is None:
        return False
    sealed = await CASE_DRAFT.sealed(keys, json.dumps(dict(entered)), actor_id, case_id)
    values = {CASE_DRAFT.column: sealed, "kept_at": clock.now()}
    statement = upsert(CaseDraftRow).values(actor_id=actor_id, case_id=case_id, **values)
    statement = statement.on_conflict_do_update(index_elements=["actor_id", "case_id"], set_=values)
    with seeing(RowAccess(sees_all=True, actor_id=actor_id)):
        async with database.transaction() as connection:
            await connection.execute(statement)
    return True


async def kept_draft(database: Database, keys: FieldKeys, actor_id: str, case_id: str) -> dict[str, str]:
    """What a person had entered in a form of a case in the last hour; empty: nothing."""
    statement = select(CaseDraftRow.fields_sealed).where(
        CaseDraftRow.actor_id == actor_id,
        CaseDraftRow.case_id == case_id,
        CaseDraftRow.kept_at > clock.now() - KEPT,
    )
    with seeing(RowAccess(sees_all=True, actor_id=actor_id)):
        async with database.reading() as connection:
            sealed = await connection.scalar(statement)
    if sealed is None:
        return {}
    fields: dict[str, str] = json.loads(await CASE_DRAFT.opened(keys, sealed, actor_id, case_id))
    return fields


async def drop_draft(database: Database, actor_id: str, case_id: str) -> None:
    """Forget what was kept."""
    statement = delete(CaseDraftRow).where(CaseDraftRow.actor_id == actor_id, CaseDraftRow.case_id == case_id)
    with seeing(RowAccess(sees_all=True, actor_id=actor_id)):
        async with database.transaction() as connection:
            await connection.execute(statement)


async def _actor(keys: FieldKeys, author: str, case_id: str) -> str | None:
    try:
        sealed = bytes.fromhex(author)
        value = (await keys.key(key_id_of(sealed))).open(sealed, _place(case_id))
    except (ValueError, DecryptionError):
        return None
    actor_id, shown_at = json.loads(value)
    return str(actor_id) if datetime.fromisoformat(shown_at) > clock.now() - FORM_LIFE else None


def _place(case_id: str) -> bytes:
    return place("case forms", "author", case_id)
