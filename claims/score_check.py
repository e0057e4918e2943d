"""Validate a score before it is used. A score that fails counts as no answer of the scorer."""

import hashlib
import math
from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict, ValidationError

from claims.scoring import Score

MIN_GAIN_PRESENT = 0.5
"""Smallest available share of the model's gain at which a score is used; below it the claim counts as not scored."""

SUM_TOLERANCE = 1e-4
"""Largest difference between the margin and the sum of the contributions, which are float32 sums of many leaves."""


class InvalidScore(Exception):
    """The answer is not a valid score of this claim. `code` is stable, for metrics and the assessment."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class _Batch(BaseModel):
    model_config = ConfigDict(cache_strings="keys")

    scores: list[Score]


def parse_score(body: bytes, claim_id: str) -> Score:
    """Parse and check the scorer's answer for one claim. Raises `InvalidScore`, whose message repeats no value."""
    if b"\\u0000" in body:
        raise InvalidScore("malformed", "the answer contains a NUL character")
    try:
        score = Score.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"])) or "body"
        raise InvalidScore("malformed", f"not a score of contract 1: {field}: {first['type']}") from None
    check_score(score, claim_id)
    return score


def _all_finite(score: Score) -> bool:
    """Whether all numbers are finite that the types do not already restrict.

    Checks whole dictionaries at a time: they hold several hundred numbers, and every claim is checked.
    """
    few = [
        *(group.push for group in score.groups),
        *(number for reason in score.reasons for number in (reason.push, reason.odds, reason.carrier_share)),
        *(number for outside in score.out_of_range for number in (outside.value, outside.low, outside.high)),
        *(() if score.counterfactual is None else (score.counterfactual.probability,)),
        *(() if score.shadow is None else (score.shadow.margin, score.shadow.probability)),
    ]
    many: list[Mapping[str, float | None]] = [score.contributions, score.vector]
    many += [group.features for group in score.groups]
    many += [reason.features for reason in score.reasons]
    return all(map(math.isfinite, few)) and all(
        all(map(math.isfinite, [value for value in numbers.values() if value is not None])) for numbers in many
    )


def check_score(score: Score, claim_id: str) -> None:
    """Check the parts of the contract that types cannot express. Raises `InvalidScore`."""
    if score.claim_id != claim_id:
        raise InvalidScore("other_claim", "the score belongs to another claim")
    if not _all_finite(score):
        raise InvalidScore("not_finite", "the answer contains NaN or infinity")
    if abs(math.fsum((score.base_margin, *score.contributions.values())) - score.margin) > SUM_TOLERANCE:
        raise InvalidScore("sum", "the contributions do not sum to the margin")
    if abs(math.fsum((score.typical_margin, *(group.push for group in score.groups))) - score.margin) > SUM_TOLERANCE:
        raise InvalidScore("sum", "the group pushes do not sum to the margin")
    if list(score.contributions) != list(score.vector):
        raise InvalidScore("schema", "contributions and vector name different features")
    if hashlib.sha256("\n".join(score.vector).encode()).hexdigest() != score.schema_hash:
        raise InvalidScore("schema", "schema_hash does not match the feature names")
    if score.flagged != (score.probability >= score.threshold):
        raise InvalidScore("flag", "flagged contradicts probability and threshold")


def parse_scores(body: bytes, claim_ids: Sequence[str]) -> list[Score]:
    """Parse and check the scorer's answer for several claims, in order. Raises `InvalidScore` if any is invalid."""
    if b"\\u0000" in body:
        raise InvalidScore("malformed", "the answer contains a NUL character")
    try:
        scores = _Batch.model_validate_json(body).scores
    except ValidationError:
        raise InvalidScore("malformed", "not a batch of scores of contract 1") from None
    if len(scores) != len(claim_ids):
        raise InvalidScore("malformed", f"{len(scores)} scores for {len(claim_ids)} claims")
    for score, claim_id in zip(scores, claim_ids, strict=True):
        check_score(score, claim_id)
    return scores
