"""Encryption of stored fields: sealed values, the keys that seal them, and the providers of master keys."""

from core.field_encryption.file_provider import KEY_FILE, FileKeyProvider, named_keys
from core.field_encryption.key_ring import KeyRing, KeySource, StoredKey
from core.field_encryption.providers import KeyProvider, WrappedKey, key_provider
from core.field_encryption.sealing import KEY_BYTES, SealingKey, key_id_of, place

__all__ = [
    "KEY_BYTES",
    "KEY_FILE",
    "FileKeyProvider",
    "KeyProvider",
    "KeyRing",
    "KeySource",
    "SealingKey",
    "StoredKey",
    "WrappedKey",
    "key_id_of",
    "key_provider",
    "named_keys",
    "place",
]
