"""The keys that encrypt stored fields: data keys of the platform, and a key for each member."""

from api.field_keys.backfill import clear_values, encrypt_values
from api.field_keys.columns import (
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

__all__ = [
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
    "clear_values",
    "data_keys",
    "encrypt_values",
    "fresh_key",
    "keys_of_members",
    "member_key",
    "unwrapped",
]
