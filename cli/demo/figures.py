"""The figures of a demo: what `ginja demo --json` prints."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImplausibleFigures:
    """What became of the claims at a thousand times their amounts."""

    claims: int
    in_review: int
    paid: int
    """With an approved amount above zero."""


@dataclass(frozen=True, slots=True)
class DemoFigures:
    """The figures of a run, in the order in which they are printed."""

    claims: int
    by_model: int
    by_rule: int
    lost: int
    """Not decided, or not found afterwards."""
    rescored: int
    """Of those that the rule decided, decided by the model afterwards."""
    implausible: ImplausibleFigures
    base_rate: float
    ap_model: float
    """Average precision of the model on claims that it was not trained on."""
    ap_rule: float
    ap_amount_only: float
    score_p50_ms: float
    score_p99_ms: float
    seconds: float
