"""Scoring a back-book: many claims in one call, nothing stored."""

from collections.abc import Sequence

from api.database import Database
from api.errors import FieldError, Invalid, Unavailable
from api.intake.service import all_known, named_by, to_claim
from api.scoring.client import ScorerClient
from api.scoring.errors import ScorerFailure
from api.scoring.schemas import BackBookClaim
from claims.scoring import ClaimFacts, Score
from core import clock

DEADLINE_S = 30.0


async def score_batch(database: Database, scorer: ScorerClient, sent: Sequence[BackBookClaim]) -> list[Score]:
    """The scores of claims, in their order, from what is known of their entities now.

    All or nothing: a claim that names an unknown member or code fails the batch, by its place (`claims[3].member_id`).
    """
    facts: list[ClaimFacts] = []
    errors: list[FieldError] = []
    now = clock.now()
    async with database.looking() as connection:
        for at, claim in enumerate(sent):
            try:
                known = all_known(claim, *await connection.ask(*named_by(claim)))
                whole = to_claim(claim, claim.claim_id, claim.received_at or now)
                facts.append(whole.facts(known.member, known.provider))
            except Invalid as error:
                errors += [FieldError(f"claims[{at}].{one.field}", one.message) for one in error.errors]
    if errors:
        raise Invalid.fields(errors)
    try:
        return await scorer.score_batch(facts, deadline_s=DEADLINE_S)
    except ScorerFailure as failure:
        raise Unavailable(f"the scorer gave no scores ({failure.code}); send the batch again later") from None
