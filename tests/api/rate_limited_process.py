"""A process that asks for tokens of one limit as fast as it can, and prints how many it was given."""

import asyncio
import sys

from api.rate_limits import RateLimit, RateLimits, RatePolicies, SharedBuckets


async def run(redis_url: str, quota: int, window_s: int, requests: int) -> int:
    """Admitted requests, of `requests`."""
    limits = RateLimits(RatePolicies(""), SharedBuckets(redis_url, deadline_s=30.0))
    await limits.reconnect()
    limit = RateLimit("test", quota, window_s)
    admitted = 0
    for _ in range(requests):
        admitted += (await limits.take(limit, "sender")).admitted
    await limits.close()
    return admitted


if __name__ == "__main__":
    sys.stdout.write(str(asyncio.run(run(sys.argv[1], *map(int, sys.argv[2:])))))
