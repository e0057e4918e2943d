"""Why a task ends without an answer, and why its request does."""

from collections.abc import Mapping
from types import MappingProxyType

from api.errors import OutcomeUnknown


class TaskRefused(Exception):
    """Another attempt at the task would fail in the same way; the message is for an operator."""


class TaskOutcomeUnknown(OutcomeUnknown):
    """As `OutcomeUnknown`, of a task without an `Idempotency-Key`: the same request sent again would be another claim.

    So the response does not say when to send it again.
    """

    headers: Mapping[str, str] = MappingProxyType({})
