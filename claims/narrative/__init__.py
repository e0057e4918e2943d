"""A narrative that cannot lie: sentences that cite facts of an evidence pack, recomputed before they are shown.

facts.py      facts: id, measure, typed value
measures.py   how each measure is stated: the concepts of its clause
lexicon.py    the words a narrative may use
tokens.py     a sentence as tokens, none left out
clauses.py    one clause against its fact
verifier.py   a sentence as clauses
pack.py       the facts of an evidence pack
templates.py  sentences of the facts of a pack
"""

from claims.narrative.facts import NarrativeFact, NarrativeFactError, StatedKind, facts_by_id
from claims.narrative.measures import MEASURES, StatedMeasure
from claims.narrative.pack import narrative_facts
from claims.narrative.templates import template_sentences
from claims.narrative.verifier import RefusedSentence, VerifiedSentence, split_sentences, verify

__all__ = [
    "MEASURES",
    "NarrativeFact",
    "NarrativeFactError",
    "RefusedSentence",
    "StatedKind",
    "StatedMeasure",
    "VerifiedSentence",
    "facts_by_id",
    "narrative_facts",
    "split_sentences",
    "template_sentences",
    "verify",
]
