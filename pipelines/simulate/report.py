"""What a simulated insurer is like, in a few figures."""

from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.simulate.insurer import Insurer


def average_precision(truth: NDArray[np.bool_], score: NDArray[np.floating]) -> float:
    """Area under the precision-recall steps; rows with the same score count as one step. 0.0 without positives."""
    if not truth.any():
        return 0.0
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(truth[order])
    last = np.append(np.flatnonzero(np.diff(score[order])), len(order) - 1)
    precision, recall = hits[last] / (last + 1), hits[last] / hits[-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


@dataclass(frozen=True, slots=True)
class SimulationSummary:
    """A simulated insurer in figures."""

    claims: int
    upcoming: int
    members: int
    providers: int
    claim_lines: int
    amount_cents: int
    base_rate: float
    """Share of fraud."""
    ap_amount_only: float
    """Average precision of a ranking by the amount."""
    kinds: dict[str, int]
    """Kind of fraud → claims."""


def summarize(insurer: Insurer) -> SimulationSummary:
    """Counts, the share of fraud, how well the amount alone would rank it, and claims per kind of fraud."""
    truth = insurer.labels.column("is_fraud").to_numpy()
    kinds = insurer.labels.column("kind").drop_null().value_counts().to_pylist()
    counts = {entry["values"]: entry["counts"] for entry in kinds}
    return SimulationSummary(
        claims=len(insurer.claims),
        upcoming=len(insurer.upcoming),
        members=len(insurer.members),
        providers=len(insurer.providers),
        claim_lines=len(insurer.claim_lines),
        amount_cents=int(pc.sum(insurer.claims.column("amount_cents")).as_py()),
        base_rate=round(float(truth.mean()), 5),
        ap_amount_only=round(average_precision(truth, insurer.claims.column("amount_cents").to_numpy()), 5),
        kinds={kind: counts[kind] for kind in sorted(counts)},
    )
