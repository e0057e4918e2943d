"""True and false sentences about random cases, before the verifier of narratives: what it shows.

    python -m benchmarks.narrative [--sentences 1000] [--lies 1000] [--seed 0] [--json]

Cases with random facts are drawn. Of each, true sentences are written in several wordings, without the grammar of the
verifier, and false ones of five kinds: a wrong number, what is true of another claim, the opposite direction, a fact
that does not exist, and a negation or bound. `lies_shown` has to be 0 and `sentences_shown` at least 95 % of
`sentences`.
"""

import argparse
import json
import random
from dataclasses import asdict, dataclass
from typing import Final

from benchmarks.narrative_lies import KINDS, lies
from benchmarks.narrative_truths import CaseOfFacts, truths
from claims.narrative import VerifiedSentence, narrative_facts, verify

LEAST_SHOWN: Final = 0.95


@dataclass(frozen=True, slots=True)
class NarrativeResult:
    """What the verifier showed."""

    sentences: int
    """True ones."""
    sentences_shown: int
    lies_planted: int
    """As many of each kind."""
    lies_shown: int

    @property
    def holds(self) -> bool:
        """Whether no false sentence is shown, and nearly every true one is."""
        return self.lies_shown == 0 and self.sentences_shown >= LEAST_SHOWN * self.sentences


def measure(sentences: int, lies_planted: int, seed: int) -> NarrativeResult:
    """Verify sentences about random cases."""
    chosen = random.Random(seed)
    per_kind = -(-lies_planted // len(KINDS))
    left = dict.fromkeys(KINDS, per_kind)
    stated = shown = planted = lies_shown = 0
    while stated < sentences or any(left.values()):
        case = CaseOfFacts(chosen)
        facts = narrative_facts(case.facts)
        for truth in truths(case, chosen)[: sentences - stated]:
            stated += 1
            shown += isinstance(verify(truth.text, facts), VerifiedSentence)
        for kind, text in lies(case, chosen):
            if left[kind]:
                left[kind] -= 1
                planted += 1
                lies_shown += isinstance(verify(text, facts), VerifiedSentence)
    return NarrativeResult(stated, shown, planted, lies_shown)


def main() -> int:
    """Print what was shown; 1 where a false sentence was, or too few true ones."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sentences", type=int, default=1_000)
    parser.add_argument("--lies", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    result = measure(given.sentences, given.lies, given.seed)
    if given.json:
        print(json.dumps(asdict(result)))
    else:
        print(f"true sentences shown: {result.sentences_shown} of {result.sentences}")
        print(f"false sentences shown: {result.lies_shown} of {result.lies_planted}")
    return 0 if result.holds else 1


if __name__ == "__main__":
    raise SystemExit(main())
