"""The task of a claim that was sent to `POST /v1/fhir/Claim` with `Prefer: respond-async`.

The task holds the elements of the `Claim` that are read, without names, and is answered with the `ClaimResponse` that
the request would have got.
"""

import json
from typing import Self

from pydantic import BaseModel, ConfigDict, JsonValue

from api.database import is_temporary
from api.errors import ApiError, InternalError
from api.fhir.service import refusal, take_read_claim
from api.identity import holder_of_key
from api.replies import location_of
from api.task_services import TaskServices
from api.tasks import REPLY_KEY_PREFIX, TakenTask, TaskRefused
from formats.fhir import FhirClaim, read_resource


class QueuedFhirClaim(BaseModel):
    """A claim that is decided later."""

    model_config = ConfigDict(frozen=True, cache_strings="keys")

    resource: FhirClaim
    keyed: bool
    """The request had an Idempotency-Key: the claim's own identifier does not say whether it was taken before."""

    def stored(self) -> bytes:
        """As the task holds it."""
        return self.model_dump_json(exclude_none=True).encode()

    @classmethod
    def of(cls, stored: bytes) -> Self:
        """What `stored` gave."""
        return cls.model_validate_json(stored, strict=False)  # amounts are texts, so that they stay as they were


async def decide_fhir_claim(services: TaskServices, task: TakenTask) -> dict[str, JsonValue]:
    """Decide and store a claim; the result is the response that `POST /v1/fhir/Claim` would have given.

    A claim with an identifier is taken once by it, and another one once by its task, however often this is attempted.
    Raises what means that the claim cannot be decided now, or not by this process.
    """
    async with services.database.reading() as connection:
        sender = await holder_of_key(connection, task.actor_id or "")
    if sender is None:
        raise TaskRefused("the API key of the request is not in the database; its claim was not decided")
    queued = QueuedFhirClaim.of(task.payload)
    found = read_resource(queued.resource)
    is_identified = not queued.keyed and found.claim is not None and bool(found.claim.claim_number)
    key = None if is_identified else f"{REPLY_KEY_PREFIX}{task.task_id}"
    try:
        reply = await take_read_claim(services.intake, sender, found, key, accepted_at=task.created_at)
    except ApiError as error:
        if is_temporary(error) or error.status >= InternalError.status:
            raise
        reply = refusal(error, found)
    location = None if reply.claim_id is None else location_of(reply.claim_id)["location"]
    return {"status": reply.status, "location": location, "body": json.loads(reply.body)}
