"""The online store's memory policy, and how many keys it has evicted."""

import redis

from features.errors import EvictingStoreError


def evicted_keys(client: "redis.Redis") -> int:
    """How many keys the store evicted since it started. Raises `EvictingStoreError` where it may evict feature keys."""
    refuse_eviction(client.info("memory"))  # type: ignore[arg-type]
    evicted: int = client.info("stats")["evicted_keys"]  # type: ignore[index]
    return evicted


def refuse_eviction(memory: dict[str, object]) -> None:
    """Raise `EvictingStoreError` where the section `memory` of INFO names a policy that evicts keys without expiry.

    Policies `volatile-*` evict only keys that expire; no feature key does.
    """
    policy = str(memory.get("maxmemory_policy", "noeviction"))
    if policy.startswith("allkeys"):
        raise EvictingStoreError(policy)
