"""Encrypted columns outside of who members are: what seals each, and how its values are sealed and opened.

Each has a column beside it in clear, of releases that did not encrypt it; it is read until `ginja crypto encrypt` has
emptied it. What is kept for days is sealed by a data key of its purpose, what people write about a claim by the key of
its member (`texts.py`).
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from api.field_keys.service import FieldKeys
from core.field_encryption import SealingKey, key_id_of, place

REPLIES: Final = "replies"
TASKS: Final = "tasks"
UPLOADS: Final = "uploads"
NOTES: Final = "notes"
"""Texts about claims without a member whose key there is."""


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column of encrypted values."""

    table: str
    column: str
    clear: str
    """The column beside it in clear."""
    row: tuple[str, ...]
    """Columns of the primary key, which a value is bound to."""
    purpose: str
    """Of the data keys that seal it."""
    claim: str | None = None
    """SQL of the id of the claim that a text is about: the key of its member seals it, or else a key of `purpose`."""
    is_append_only: bool = False
    """Whether a trigger refuses changes of the table."""
    part: str | None = None
    """The member of `clear`, an object of JSON, that is sealed; `None`: its value as a whole."""

    def at(self, *row: object) -> bytes:
        """The place of a value in the row with these values of `row`."""
        assert len(row) == len(self.row)
        return place(self.table, self.column, "\0".join(map(_name, row)))  # no text of PostgreSQL has a zero

    def seal(self, key: SealingKey, value: bytes, *row: object) -> bytes:
        """A value as it is stored."""
        return key.seal(value, self.at(*row))

    async def opened(self, keys: FieldKeys, sealed: bytes, *row: object) -> bytes:
        """A value that a data key sealed. Raises `DecryptionError` where it was changed."""
        return (await keys.key(key_id_of(sealed))).open(sealed, self.at(*row))


def _name(value: object) -> str:
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

SEALED_COLUMNS: Final = (
    STORED_REPLY,
    TASK_PAYLOAD,
    TASK_ANSWER,
    UPLOADED_PART,
    DECISION_NOTE,
    APPEAL_REASON,
    APPEAL_NOTE,
    DISPOSITION_NOTE,
    FINDING_NOTE,
)
"""Every one. A new one is an entry here and its use; backfill and rotation find it here."""
