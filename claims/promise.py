"""The promise of a list: "at least X % of this list is fraud, 90 % sure".

Conformal risk control (Angelopoulos, Bates, Fisch, Lei, Schuster, ICLR 2024, arXiv 2208.02814) with the weeks as the
units: if a week's list and the earlier ones are exchangeable, the share of confirmed fraud of the new list is at least
the r-th smallest of n earlier shares with probability 1 − r / (n + 1) or more; r is the largest number for which that
is the promised confidence. It needs no independence of the claims within a week, which rings of providers violate, and
no model of the shares; it needs findings on enough earlier lists, and refuses without.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor

CONFIDENCE = 0.9
COMPLETE = 0.8
"""Least share of findings on the first claims of an earlier list for it to count."""


class PromiseError(ValueError):
    """A size or a confidence is invalid."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class PastList:
    """The findings on an earlier list by score, in its order."""

    confirmed: tuple[bool | None, ...]
    """Whether fraud was confirmed; None: no finding yet. A claim without a finding counts as not confirmed."""


@dataclass(frozen=True, slots=True)
class FraudPromise:
    """What is promised of a list, or why nothing is."""

    at_least: float | None
    """Least share of the list that is fraud; None: refused."""
    confidence: float
    lists: int
    """Earlier lists with enough findings."""
    lists_required: int

    @property
    def text(self) -> str:
        """One sentence for the reader of the list."""
        if self.at_least is None:
            return (
                f"No promise about this list: it requires findings on {self.lists_required} earlier lists of at least "
                f"its length, and there are {self.lists}. Record a finding for each claim of the lists."
            )
        based = f"as in {self.lists} earlier lists"
        if self.at_least == 0:
            return f"No share of fraud can be promised for this list: too many of the {self.lists} earlier had none."
        return f"At least {self.at_least:.0%} of this list is fraud, {self.confidence:.0%} sure, {based}."


def lists_required(confidence: float) -> int:
    """Fewest earlier lists for a promise. Raises `PromiseError`."""
    if not 0.5 <= confidence < 1:
        raise PromiseError(f"the confidence must be from 0.5 to below 1, not {confidence}")
    return ceil(round(1 / (1 - confidence), 9)) - 1


def promise(earlier: Sequence[PastList], *, size: int, confidence: float = CONFIDENCE) -> FraudPromise:
    """The promise of a list of `size` claims by score, from earlier lists made in the same way.

    Of each earlier list its first `size` claims count; a shorter one, and one with findings on less than 80 % of them,
    is left out. Raises `PromiseError`.
    """
    if size < 1:
        raise PromiseError("a promise requires a list of at least 1 claim")
    required = lists_required(confidence)
    shares = sorted(
        sum(one is True for one in first) / size
        for first in (past.confirmed[:size] for past in earlier)
        if len(first) == size and sum(one is not None for one in first) >= COMPLETE * size
    )
    rank = floor(round((1 - confidence) * (len(shares) + 1), 9))
    at_least = None if rank < 1 else shares[rank - 1]
    return FraudPromise(at_least, confidence, len(shares), required)
