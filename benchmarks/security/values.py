"""Ids that nothing has, and a valid body for every operation."""

import json
from typing import Final

from benchmarks.security.scene import AttackedOperation

_BODIES: Final[dict[str, object]] = {
    "/v1/claims/{claim_id}/void": {"reason": "billed in error"},
    "/v1/claims/{claim_id}/dispositions": {"disposition": "confirmed"},
    "/v1/claims/{claim_id}/decisions": {"action": "release", "reason": "supported", "expected_version": 1},
    "/v1/claims/{claim_id}/appeals": {"appellant": "provider", "reason": "The records show two services."},
    "/v1/bulk/claims/{job_id}/cancel": {"reason": "the wrong month"},
    "/v1/members/{member_id}": {"first_day": "2026-01-01"},
    "/v1/members/{member_id}/end": {"last_day": "2026-12-31", "reason": "left the plan"},
    "/v1/members/{member_id}/periods": {"first_day": "2027-01-01", "plan_id": "PL1"},
    "/v1/providers/{provider_id}": {"first_day": "2026-01-01"},
    "/v1/providers/{provider_id}/end": {"last_day": "2026-12-31", "reason": "closed"},
    "/v1/providers/{provider_id}/periods": {"first_day": "2027-01-01"},
    "/v1/policies/{version}/activate": {"reason": "agreed"},
}


def unknown_id(name: str, like: str) -> str:
    """An id of the form of another that nothing has."""
    if name == "version":
        return "9999"
    prefix, separator, rest = like.partition("_")
    return f"{prefix}_{'0' * len(rest)}" if separator else "X" * len(like)


def body_for(operation: AttackedOperation) -> tuple[str | None, bytes]:
    """Media type and content of a body for an operation; the type is `None` where it has none."""
    if operation.media_type is None:
        return None, b""
    if operation.media_type != "application/json":
        return operation.media_type, b"x"
    return operation.media_type, json.dumps(_BODIES.get(operation.path, {})).encode()
