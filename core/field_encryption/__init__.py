"""Encryption of stored fields: sealed values, the keys that seal them, and the providers of master keys."""

from core.field_encryption.file_provider import KEY_FILE, FileKeyProvider, named_keys
from core.field_encryption.key_ring import (
    ASK_AGAIN_AFTER,
    CURRENT_FOR,
    KeyRing,
    KeySource,
    StoredKey,
    WrapNew,
    key_context,
)
from core.field_encryption.providers import BoundKey, KeyProvider, KeyProviders, WrappedKey
from core.field_encryption.sealing import KEY_BYTES, SealingKey, key_id_of, place

__all__ = [
    "ASK_AGAIN_AFTER",
    "CURRENT_FOR",
    "KEY_BYTES",
    "KEY_FILE",
    "BoundKey",
    "FileKeyProvider",
    "KeyProvider",
    "KeyProviders",
    "KeyRing",
    "KeySource",
    "SealingKey",
    "StoredKey",
    "WrapNew",
    "WrappedKey",
    "key_context",
    "key_id_of",
    "named_keys",
    "place",
]
