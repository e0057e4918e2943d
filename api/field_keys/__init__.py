"""The keys that encrypt stored fields: data keys of the platform, and a key for each member."""

from api.field_keys.member_keys import MEMBERS, MemberKey, fresh_key, keys_of_members, member_key, unwrapped
from api.field_keys.repository import DataKey, data_keys
from api.field_keys.service import FieldKeys
from api.field_keys.tables import DataKeyRow, MemberKeyRow

__all__ = [
    "MEMBERS",
    "DataKey",
    "DataKeyRow",
    "FieldKeys",
    "MemberKey",
    "MemberKeyRow",
    "data_keys",
    "fresh_key",
    "keys_of_members",
    "member_key",
    "unwrapped",
]
