"""Stored decisions, evaluated again: by the version that made them, or by another policy."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from api.database import Database
from api.policies import policy_documents
from api.replays.repository import RecordedDecision, recorded_decisions
from claims.outcome import Outcome
from claims.policy import (
    OF_SETTINGS,
    PolicyDocument,
    PolicyInForce,
    PolicySettings,
    policy_of_settings,
    reevaluate,
    settings_of_trace,
)

MAX_DIFFERENT = 100
"""Different decisions that are named."""


@dataclass(frozen=True, slots=True)
class DifferentDecision:
    """A decision that comes to another outcome when it is evaluated again."""

    claim_id: str
    policy_version: int
    stored: str
    evaluated: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What the evaluation came to."""

    decisions: int
    different: int
    examples: tuple[DifferentDecision, ...]


async def verify_decisions(database: Database, settings: PolicySettings, *, most: int) -> Verification:
    """Evaluate the newest decisions at receipt again, each by the version that made it; at most `most`."""
    documents = await policy_documents(database)
    of_settings = policy_of_settings(settings)
    versions: dict[int, PolicyInForce] = {}
    decisions, different = 0, 0
    examples: list[DifferentDecision] = []
    async with database.transaction() as connection:  # a stream of rows needs one
        async for one in recorded_decisions(connection, most=most):
            decisions += 1
            evaluated = reevaluate(one.stored, _policy(one, documents, of_settings, versions)).outcome
            if evaluated is not one.stored.outcome:
                different += 1
                if len(examples) < MAX_DIFFERENT:
                    examples.append(
                        DifferentDecision(one.claim_id, one.policy_version, one.stored.outcome.value, evaluated.value)
                    )
    return Verification(decisions, different, tuple(examples))


def _policy(
    one: RecordedDecision,
    documents: Mapping[int, PolicyDocument],
    of_settings: PolicyInForce,
    versions: dict[int, PolicyInForce],
) -> PolicyInForce:
    """The version that made a decision; the settings as they were then."""
    if one.policy_version == OF_SETTINGS:
        document = of_settings.document.model_copy(update={"parameters": settings_of_trace(one.policy_trace)})
        return replace(of_settings, document=document)
    if one.policy_version not in versions:
        document = documents[one.policy_version]
        versions[one.policy_version] = PolicyInForce(one.policy_version, document, of_settings.max_replacements)
    return versions[one.policy_version]


@dataclass(frozen=True, slots=True)
class ChangedGroup:
    """Stored decisions of one specialty or region that another policy would change."""

    group: str
    value: str
    decisions: int
    changed: int


@dataclass(frozen=True, slots=True)
class StoredReplay:
    """What another policy would have changed of stored decisions."""

    decisions: int
    to_review: int
    to_review_cents: int
    """Amounts of the claims."""
    to_approval: int
    to_approval_cents: int
    groups: tuple[ChangedGroup, ...]
    """Those with a changed decision."""


async def replay_decisions(
    database: Database, document: PolicyDocument, settings: PolicySettings, *, most: int
) -> StoredReplay:
    """Evaluate the newest decisions at receipt by another policy; at most `most`.

    Caps and rules are evaluated with the stored score; the findings of edits and prices are taken as stored.
    """
    policy = PolicyInForce(OF_SETTINGS, document, settings.max_replacements)
    decisions, review, approval = 0, [0, 0], [0, 0]
    groups: dict[tuple[str, str], list[int]] = {}
    async with database.transaction() as connection:
        async for one in recorded_decisions(connection, most=most):
            decisions += 1
            facts, evaluated = one.stored.facts, reevaluate(one.stored, policy).outcome
            changed = evaluated is not one.stored.outcome
            if changed:
                moved = review if evaluated is Outcome.IN_REVIEW else approval
                moved[0] += 1
                moved[1] += facts.amount_cents
            for name, value in (("specialty", facts.specialty), ("region", facts.region)):
                counts = groups.setdefault((name, value or "unknown"), [0, 0])
                counts[0] += 1
                counts[1] += changed
    shown = [ChangedGroup(*key, *counts) for key, counts in sorted(groups.items()) if counts[1]]
    return StoredReplay(decisions, review[0], review[1], approval[0], approval[1], tuple(shown))
