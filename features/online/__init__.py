"""The online store: packed rows by key, the watermark that says how fresh they are, readers and writers."""

from features.online.eviction import evicted_keys, refuse_eviction
from features.online.packing import PACKERS, PROJECT, encode_key, key_prefix
from features.online.reader import AsyncOnlineReader, OnlineReader, connect, connect_async
from features.online.watermark import Watermark, watermark_key
from features.online.writer import CHUNK, WriteSession, chunks, pack_rows, write_session, write_unread

__all__ = [
    "CHUNK",
    "PACKERS",
    "PROJECT",
    "AsyncOnlineReader",
    "OnlineReader",
    "Watermark",
    "WriteSession",
    "chunks",
    "connect",
    "connect_async",
    "encode_key",
    "evicted_keys",
    "key_prefix",
    "pack_rows",
    "refuse_eviction",
    "watermark_key",
    "write_session",
    "write_unread",
]
