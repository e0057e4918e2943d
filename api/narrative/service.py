"""The summary of a case: by templates, or a verified draft."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import structlog

from api.narrative.endpoint import DraftingEndpoint, DraftUnavailableError
from api.narrative.placeholders import blind
from claims.narrative import NarrativeFact, VerifiedSentence, split_sentences, template_sentences, verify

MOST_SENTENCES: Final = 60
"""Of a draft; further ones are dropped unread."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CaseNarrative:
    """Verified sentences, and what was dropped."""

    sentences: tuple[VerifiedSentence, ...]
    written_by: Literal["templates", "draft"]
    drafted: int = 0
    """Sentences of the draft."""
    dropped: int = 0
    """Of these, sentences that the facts do not entail, or that occur twice."""
    unavailable: str | None = None
    """Why there is no draft although an endpoint is set."""


def narrative_of_templates(facts: Mapping[str, NarrativeFact]) -> CaseNarrative:
    """The summary by templates."""
    return CaseNarrative(template_sentences(facts), "templates")


async def drafted_narrative(facts: Mapping[str, NarrativeFact], endpoint: DraftingEndpoint) -> CaseNarrative:
    """What of an endpoint's draft the facts entail; by templates where that is nothing, or where there is no draft."""
    blinded = blind(facts)
    by_templates = template_sentences(facts)
    try:
        draft = await endpoint.draft(blinded.lines)
    except DraftUnavailableError as error:
        _log.warning("narrative_draft_unavailable", reason=str(error))
        return CaseNarrative(by_templates, "templates", unavailable=str(error))
    sentences = split_sentences(draft)
    shown: dict[str, VerifiedSentence] = {}
    for sentence in sentences[:MOST_SENTENCES]:
        checked = verify(blinded.restored(sentence), facts)
        if isinstance(checked, VerifiedSentence):
            shown.setdefault(checked.text, checked)
    dropped = len(sentences) - len(shown)
    if not shown:
        return CaseNarrative(by_templates, "templates", len(sentences), dropped)
    return CaseNarrative(tuple(shown.values()), "draft", len(sentences), dropped)
