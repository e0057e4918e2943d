"""Select the claims a challenger decides: deterministic per claim, in every process."""

import hashlib

_WHOLE = float(1 << 64)


def in_canary(claim_id: str, share: float) -> bool:
    """Whether a claim is in the `share` (0 to 1) that the challenger decides; a larger share includes a smaller one."""
    if share <= 0:
        return False
    digest = hashlib.sha256(f"canary:{claim_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / _WHOLE < share
