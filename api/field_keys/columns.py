"""Encrypted columns outside of who members are: what seals each, and how its values are sealed and opened.

Those of `BACKFILLED` have a column beside them in clear, of releases that did not encrypt them; it is read until
`ginja crypto encrypt` has emptied it. What is kept for days is sealed by a data key of its purpose, what people write
about a claim by the key of its member (`texts.py`).
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.field_keys.service import FieldKeys
from api.field_keys.tables import DataKeyRow
from core.blind_index import BlindIndex
from core.errors import DecryptionError, KeyMissingError
from core.field_encryption import SealingKey, key_id_of, place

REPLIES: Final = "replies"
TASKS: Final = "tasks"
UPLOADS: Final = "uploads"
NOTES: Final = "notes"
"""Texts about claims without a member whose key there is."""
SECRETS: Final = "secrets"
WEBHOOKS: Final = "webhooks"
HOLDS: Final = "holds"
USERS: Final = "users"
MAILS: Final = "mails"
RECIPIENTS: Final = "recipients"
LOST: Final = "lost: "
"""Begins what is shown in place of a text whose key is lost."""
CASES: Final = "cases"


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column of encrypted values."""

    table: str
    column: str
    clear: str
    """The column beside it in clear; empty: there is none."""
    row: tuple[str, ...]
    """Columns that a value is bound to, of the primary key or another index."""
    purpose: str
    """Of the data keys that seal it."""
    claim: str | None = None
    """SQL of the id of the claim that a text is about: the key of its member seals it, or else a key of `purpose`."""
    is_append_only: bool = False
    """Whether a trigger refuses changes of the table."""
    index: str | None = None
    """The column of its blind index, by the key that seals the value; `None`: it is not searched for."""
    part: str | None = None
    """The member of `clear`, an object of JSON, that is sealed; `None`: its value as a whole."""
    is_list: bool = False
    """Whether the value is a list, sealed as JSON; an empty one is stored in clear."""

    @property
    def name(self) -> str:
        """Table and column."""
        return f"{self.table}.{self.column}"

    def at(self, *row: object) -> bytes:
        """The place of a value in the row with these values of `row`."""
        assert len(row) == len(self.row)
        return place(self.table, self.column, "\0".join(map(_name, row)))  # no text of PostgreSQL has a zero

    def entry(self, key: SealingKey, value: bytes) -> bytes:
        """The entry of a value in the blind index."""
        return BlindIndex(key, f"{self.table}.{self.clear or self.column}").entry(value.decode())

    async def entries(self, connection: AsyncConnection, keys: FieldKeys, value: str) -> list[bytes]:
        """What a value may have in the blind index: under each key of `purpose`. Raises what `FieldKeys` raises.

        Keys are looked up by `connection`: one that another process has just made is among them.
        """
        ids = await connection.scalars(select(DataKeyRow.key_id).where(DataKeyRow.purpose == self.purpose))
        return [self.entry(await keys.key(one), value.encode()) for one in ids]

    def seal(self, key: SealingKey, value: bytes, *row: object) -> bytes:
        """A value as it is stored."""
        return key.seal(value, self.at(*row))

    async def sealed(self, keys: FieldKeys, value: str, *row: object) -> bytes:
        """A text as it is stored, by the newest data key of `purpose`. Raises what `FieldKeys` raises."""
        return self.seal(await keys.current(self.purpose), value.encode(), *row)

    async def opened(self, keys: FieldKeys, sealed: bytes, *row: object) -> bytes:
        """A value that a data key sealed.

        Raises `DecryptionError` where it was changed, `KeyMissingError` where its key is lost; both name the value.
        """
        try:
            return (await keys.key(key_id_of(sealed))).open(sealed, self.at(*row))
        except DecryptionError as error:
            raise self.unreadable(error, *row) from None

    async def text(self, keys: FieldKeys, sealed: bytes | None, clear: str | None, *row: object) -> str | None:
        """A text of a row; `clear` is what an earlier release stored. Raises as `opened` does."""
        return clear if sealed is None else (await self.opened(keys, sealed, *row)).decode()

    async def shown(self, keys: FieldKeys, sealed: bytes | None, clear: str | None, *row: object) -> str | None:
        """As `text`, for a list: in place of a text whose key is lost it says that, so that the rest is readable."""
        try:
            return await self.text(keys, sealed, clear, *row)
        except KeyMissingError as error:
            return lost_text(error)

    def unreadable(self, error: DecryptionError, *row: object) -> DecryptionError:
        """The same error, with the name of the value; ids that clients choose are left out of it."""
        of = f" of {row[0]}" if len(row) == 1 and isinstance(row[0], str) else ""
        return type(error)(f"{self.table}.{self.clear or self.column}{of}: {error}")


def lost_text(error: KeyMissingError) -> str:
    """What a list shows in place of a text whose key is lost."""
    return f"{LOST}{error}"


def is_clear(column: SealedColumn) -> str:
    """SQL of whether a row has a value in clear, of an earlier release."""
    if column.part:
        return f"({column.clear} -> '{column.part}') IS NOT NULL"
    of_list = f" AND to_jsonb({column.clear}) <> '[]'" if column.is_list else ""
    return f"{column.clear} IS NOT NULL{of_list}"


def _name(value: object) -> str:
    if isinstance(value, bytes):
        return value.hex()
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)


STORED_REPLY: Final = SealedColumn("idempotency_keys", "body_sealed", "body", ("api_key_id", "key"), REPLIES)
TASK_PAYLOAD: Final = SealedColumn("tasks", "payload_sealed", "payload", ("task_id",), TASKS)
TASK_ANSWER: Final = SealedColumn("tasks", "body_sealed", "result", ("task_id",), TASKS, part="body")
UPLOADED_PART: Final = SealedColumn("bulk_chunks", "content_sealed", "content", ("job_id", "begins"), UPLOADS)
DECISION_NOTE: Final = SealedColumn(
    "decisions", "note_sealed", "note", ("decision_id",), NOTES, claim="claim_id", is_append_only=True
)
APPEAL_REASON: Final = SealedColumn(
    "appeals", "reason_sealed", "reason", ("appeal_id",), NOTES, claim="claim_id", is_append_only=True
)
DECISION_DOCUMENTS: Final = SealedColumn(
    *("decisions", "documents_sealed", "documents", ("decision_id",), NOTES),
    claim="claim_id",
    is_append_only=True,
    is_list=True,
)
APPEAL_DOCUMENTS: Final = SealedColumn(
    *("appeals", "documents_sealed", "documents", ("appeal_id",), NOTES),
    claim="claim_id",
    is_append_only=True,
    is_list=True,
)
APPEAL_NOTE: Final = SealedColumn(
    "appeal_decisions",
    "note_sealed",
    "note",
    ("appeal_id",),
    NOTES,
    claim="(SELECT appeals.claim_id FROM appeals WHERE appeals.appeal_id = appeal_decisions.appeal_id)",
    is_append_only=True,
)
DISPOSITION_NOTE: Final = SealedColumn(
    "dispositions", "note_sealed", "note", ("claim_id", "known_at"), NOTES, claim="claim_id", is_append_only=True
)
FINDING_NOTE: Final = SealedColumn(
    "rescreening_findings", "note_sealed", "note", ("finding_id",), NOTES, claim="claim_id"
)
VOID_REASON: Final = SealedColumn("claims", "void_reason_sealed", "void_reason", ("claim_id",), NOTES, claim="claim_id")
WEBHOOK_BODY: Final = SealedColumn("webhook_deliveries", "body_sealed", "body", ("delivery_id",), WEBHOOKS)
HOLD_CASE: Final = SealedColumn("legal_holds", "case_number_sealed", "case_number", ("hold_id",), HOLDS)
HOLD_REASON: Final = SealedColumn("legal_holds", "reason_sealed", "reason", ("hold_id",), HOLDS)
HOLD_CONTACT: Final = SealedColumn("legal_holds", "contact_sealed", "contact", ("hold_id",), HOLDS)
HOLD_RELEASE: Final = SealedColumn("legal_holds", "release_reason_sealed", "release_reason", ("hold_id",), HOLDS)
USER_LOGIN: Final = SealedColumn("users", "login_sealed", "login", ("user_id",), USERS, index="login_index")
MAIL_SUBJECT: Final = SealedColumn("mails", "subject_sealed", "subject", ("mail_id",), MAILS)
MAIL_BODY: Final = SealedColumn("mails", "body_sealed", "body", ("mail_id",), MAILS)

BACKFILLED: Final = (
    STORED_REPLY,
    TASK_PAYLOAD,
    TASK_ANSWER,
    UPLOADED_PART,
    DECISION_NOTE,
    DECISION_DOCUMENTS,
    APPEAL_REASON,
    APPEAL_DOCUMENTS,
    APPEAL_NOTE,
    DISPOSITION_NOTE,
    FINDING_NOTE,
    VOID_REASON,
    WEBHOOK_BODY,
    HOLD_CASE,
    HOLD_REASON,
    HOLD_CONTACT,
    HOLD_RELEASE,
    USER_LOGIN,
    MAIL_SUBJECT,
    MAIL_BODY,
)
"""Those that earlier releases stored in clear."""

TOTP_SECRET: Final = SealedColumn("users", "totp_secret", "", ("user_id",), SECRETS)
PENDING_TOTP_SECRET: Final = SealedColumn("users", "pending_totp_secret", "", ("user_id",), SECRETS)
TOKEN_KEY: Final = SealedColumn("token_keys", "private_key", "", ("kid",), SECRETS)
TOKEN_SUCCESSOR: Final = SealedColumn("refresh_tokens", "successor", "", ("token_hash",), SECRETS)
WEBHOOK_SECRET: Final = SealedColumn("webhook_secrets", "ciphertext", "", ("endpoint_id",), SECRETS)

SECRET_COLUMNS: Final = (TOTP_SECRET, PENDING_TOTP_SECRET, TOKEN_KEY, TOKEN_SUCCESSOR, WEBHOOK_SECRET)
"""Secrets that are needed again in clear (`StoredSecrets`)."""

RECIPIENT_ADDRESS: Final = SealedColumn(
    "recipients", "address_sealed", "", ("recipient_id",), RECIPIENTS, index="address_index"
)
"""Earlier releases stored it in place of the id (`api/notifications/moving.py`)."""

CASE_TEXT: Final = SealedColumn("case_events", "text_sealed", "", ("case_id", "event_no"), CASES, is_append_only=True)
"""What people write in a case, which is about claims of many members."""

CASE_TITLE: Final = SealedColumn("case_tasks", "title_sealed", "", ("task_id",), CASES)
CASE_DRAFT: Final = SealedColumn("case_drafts", "fields_sealed", "", ("actor_id", "case_id"), CASES)
CASE_LETTER: Final = SealedColumn("case_tasks", "letter_sealed", "", ("task_id",), CASES)
PACK_FILE: Final = SealedColumn("evidence_packs", "file_sealed", "", ("pack_id",), CASES, is_append_only=True)
PACK_PDF: Final = SealedColumn("evidence_packs", "pdf_sealed", "", ("pack_id",), CASES, is_append_only=True)
CASE_FILE_NAME: Final = SealedColumn("case_files", "name_sealed", "", ("file_id",), CASES, is_append_only=True)
CASE_FILE_SOURCE: Final = SealedColumn(
    "case_files", "obtained_from_sealed", "", ("file_id",), CASES, is_append_only=True
)
CASE_FILE_PART: Final = SealedColumn(
    "case_file_parts", "content_sealed", "", ("file_id", "begins"), CASES, is_append_only=True
)
CASE_FILE_REASON: Final = SealedColumn(
    "case_file_withdrawals", "reason_sealed", "", ("file_id",), CASES, is_append_only=True
)

SEALED_COLUMNS: Final = (
    *(*BACKFILLED, *SECRET_COLUMNS, RECIPIENT_ADDRESS),
    *(CASE_TEXT, CASE_TITLE, CASE_DRAFT, CASE_LETTER, PACK_FILE, PACK_PDF),
    *(CASE_FILE_NAME, CASE_FILE_SOURCE, CASE_FILE_PART, CASE_FILE_REASON),
)
"""Every one. A new one is an entry here and its use; rotation finds it here."""

ROTATED_COLUMNS: Final = tuple(one for one in SEALED_COLUMNS if one.claim is None and not one.is_append_only)
"""Those that a rotation seals again. Texts about claims are sealed by members' keys, or stay under their data key, as
texts of cases do: most of their tables refuse changes."""
