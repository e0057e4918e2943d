"""The keys that encrypt stored fields: data keys of the platform, and a key for each member."""

from api.field_keys.backfill import clear_values, encrypt_values
from api.field_keys.columns import (
    APPEAL_NOTE,
    APPEAL_REASON,
    DECISION_NOTE,
    DISPOSITION_NOTE,
    FINDING_NOTE,
    REPLIES,
    SEALED_COLUMNS,
    STORED_REPLY,
    TASK_ANSWER,
    TASK_PAYLOAD,
    TASKS,
    UPLOADED_PART,
    UPLOADS,
    SealedColumn,
)
from api.field_keys.member_keys import MEMBERS, MemberKey, fresh_key, keys_of_members, member_key, unwrapped
from api.field_keys.repository import DataKey, data_keys
from api.field_keys.service import FieldKeys
from api.field_keys.tables import DataKeyRow, MemberKeyRow
from api.field_keys.texts import StoredText, erase_clear_texts, key_of_claim, open_texts, seal_text

__all__ = [
    "APPEAL_NOTE",
    "APPEAL_REASON",
    "DECISION_NOTE",
    "DISPOSITION_NOTE",
    "FINDING_NOTE",
    "MEMBERS",
    "REPLIES",
    "SEALED_COLUMNS",
    "STORED_REPLY",
    "TASKS",
    "TASK_ANSWER",
    "TASK_PAYLOAD",
    "UPLOADED_PART",
    "UPLOADS",
    "DataKey",
    "DataKeyRow",
    "FieldKeys",
    "MemberKey",
    "MemberKeyRow",
    "SealedColumn",
    "StoredText",
    "clear_values",
    "data_keys",
    "encrypt_values",
    "erase_clear_texts",
    "fresh_key",
    "key_of_claim",
    "keys_of_members",
    "member_key",
    "open_texts",
    "seal_text",
    "unwrapped",
]
