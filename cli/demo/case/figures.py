"""The figures of `ginja demo --case`: what `--json` prints."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CaseFigures:
    """The figures of a case, in the order in which they are printed."""

    clicks: int
    """Links followed and forms sent, of all people together, from their sign-ins."""
    server_s: float
    """Seconds that the servers took for all requests."""
    sentences: int
    """True sentences that the endpoint drafted."""
    sentences_shown: int
    lies_planted: int
    """False sentences that the endpoint drafted."""
    lies_shown: int
    pack_verified: bool
    """Whether `ginja evidence verify` says that the pack is equal."""
    tamper_found: bool
    """Whether it says that the pack with one bit of one byte flipped is not."""
    sample_lower_bound: float
    """Of the one-sided 90 % interval of the overpayment."""
    recovered: float
    """Money received for the demand."""
    demanded: float
    appeal: str
    """Outcome."""
    labels: int
    """Claims whose label this case made known."""
    candidate: str | None
    """Version of the model that was trained on them; none where a quality gate refused the data."""
    promoted: bool
    refused_because: str | None
    """Why the gates refused the candidate; none where it was promoted."""
    recomputed: Mapping[str, bool]
    """Commands that computed a step again, and whether they gave the same."""
    seconds: Mapping[str, float]
    """Of each step."""
