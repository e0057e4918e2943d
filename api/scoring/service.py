"""Batch scoring: many claims in one call, nothing stored."""

import time
from collections.abc import Sequence
from datetime import tzinfo

from api import outbox
from api.database import Database
from api.errors import FieldError, Invalid, Unavailable
from api.field_keys import FieldKeys
from api.intake import find_references, read_references
from api.scorer import ScorerClient, ScorerFailure, ScorerRefused
from api.scoring.schemas import HistoricalClaim
from api.windows import EntityWindows
from claims.scoring import ClaimFacts, Score
from core import clock
from core.live_claims import LiveClaims

DEADLINE_S = 25.0
"""Of the calls to the scorer for one batch."""
PIECE = 20
"""Claims of one call: the event loop reads and checks no more scores in one go."""


async def score_batch(
    database: Database,
    scorer: ScorerClient,
    sent: Sequence[HistoricalClaim],
    time_zone: tzinfo,
    live: LiveClaims,
    windows: EntityWindows,
    keys: FieldKeys,
) -> list[Score]:
    """The scores of claims, in their order, from the current features.

    All or nothing: an unknown member or code fails the batch and is named by its place (`claims[3].member_id`). Gives
    way to live claims. Raises `Invalid`, `Unavailable`.
    """
    facts: list[ClaimFacts] = []
    errors: list[FieldError] = []
    now = clock.now()
    async with database.looking() as connection:
        (store,) = await connection.fetch(outbox.store_position())
        for at, claim in enumerate(sent):
            await live.give_way()
            try:
                references = await read_references(keys, claim, *await connection.fetch(*find_references(claim)))
                whole = claim.validated(claim.claim_id, claim.received_at or now, time_zone)
                references = references.on(whole.service_from)
                facts.append(whole.facts(references.member, references.provider))
            except Invalid as error:
                errors += [FieldError(f"claims[{at}].{one.field}", one.message) for one in error.errors]
    if errors:
        raise Invalid.fields(errors)
    scores: list[Score] = []
    until = time.monotonic() + DEADLINE_S
    try:
        for at in range(0, len(facts), PIECE):
            await live.give_way()
            piece = await windows.complete_all(facts[at : at + PIECE])
            left_s = max(0.0, until - time.monotonic())
            scores += await scorer.score_batch(piece, deadline_s=left_s, store=store)
        return scores
    except ScorerRefused:
        raise Invalid.field(
            "claims",
            f"one of the claims {at} to {min(at + PIECE, len(facts)) - 1} was refused by the scorer: each of its "
            "attributes must have the type that the model was trained with",
        ) from None
    except ScorerFailure as failure:
        raise Unavailable(f"the scorer is unavailable ({failure.code}); retry the batch later") from None
