"""Estimate the quality of the model from the findings on the weekly lists.

evaluate_reviews(url)  metrics over all scored claims of the weeks whose lists are finished, with intervals
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.compute as pc

from features.ledger import OPEN_ENDED
from models.evaluation import Interval
from pipelines.loop.dispositions import LabelledClaims, labels_as_of
from pipelines.loop.errors import LoopError
from pipelines.loop.estimate import Estimate, ReviewedClaims, estimate, estimate_intervals
from pipelines.loop.ledger import connected, dispositions_of, selections_of
from pipelines.loop.response import LEAST_RESPONSE, SelectedClaims, WeekResponse, responses
from pipelines.loop.selection import SCORE

_SCORED = """
    SELECT s.claim_id, s.probability, c.amount_cents, s.model_version
    FROM selections AS s JOIN claims AS c USING (claim_id) WHERE s.week = ANY(%s)"""
_UNSCORED = """
    SELECT count(*) FROM claims AS c
    WHERE date_trunc('week', c.received_at)::date = ANY(%s) AND c.voided_at IS NULL AND NOT EXISTS (
        SELECT FROM assessments AS a WHERE a.claim_id = c.claim_id AND a.probability IS NOT NULL)"""
_SHOWN_WEEKS = 3


@dataclass(frozen=True, slots=True)
class ReviewEvaluation:
    """The model's estimated metrics, and the reviewed claims they are based on."""

    findings: int
    """Selected claims with a conclusive disposition, in the weeks that count."""
    random: int
    """Of them, selected by the random audit."""
    weeks: int
    """Weeks whose lists are finished: only they count."""
    weeks_unfinished: int
    """Weeks with a list of which too little has a finding."""
    response_by_score: float
    """Share of the claims selected by score that have a finding, in the weeks that count."""
    response_audited: float
    unscored: int
    """Claims of these weeks without a score: they could not be selected, and the estimates are not about them."""
    k: float
    """Number of claims selected by score."""
    estimate: Estimate
    intervals: dict[str, Interval]
    """Metric of the estimate → its 95 % interval."""

    def values(self) -> dict[str, float]:
        """Name → value, for tables and JSON; each metric with the ends of its interval."""
        counts: dict[str, float] = {
            "findings": self.findings,
            "random": self.random,
            "weeks": self.weeks,
            "weeks_unfinished": self.weeks_unfinished,
            "response_by_score": self.response_by_score,
            "response_audited": self.response_audited,
            "unscored": self.unscored,
            "k": self.k,
        }
        for name, interval in self.intervals.items():
            counts |= {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}
        return counts


def evaluate_reviews(url: str) -> ReviewEvaluation:
    """Estimate the model's metrics from the conclusive dispositions of selected claims, weighted by propensity.

    Only weeks count of which at least `LEAST_RESPONSE` of the claims selected by score, and of the audited ones, have a
    disposition; within a week those with a label represent the others. Raises `LoopError` where there is no such week.
    """
    with connected(url) as connection:
        dispositions, selections = dispositions_of(connection), selections_of(connection)
        counted = _responses(selections, labels_as_of(dispositions, as_of_us=OPEN_ENDED))
        finished = [one for one in counted if one.finished]
        weeks = [one.week for one in finished]
        scores = {row[0]: (row[1], row[2], row[3]) for row in connection.execute(_SCORED, [weeks])}
        unscored = _unscored(connection, weeks)
    selected = selections.filter(pc.is_in(selections["week"], value_set=pa.array(weeks, pa.date32())))
    ids = selected["claim_id"].combine_chunks()
    mine = dispositions.filter(pc.is_in(dispositions["claim_id"], value_set=ids))
    found = labels_as_of(mine, as_of_us=OPEN_ENDED, selections=selected)
    reviewed = _reviewed(found, scores)
    place = pc.index_in(found.labels["claim_id"], value_set=ids)
    reasons = selected["selected_by"].take(place).to_pylist()
    strata = [
        f"{week} {reason}" for week, reason in zip(selected["week"].take(place).to_pylist(), reasons, strict=True)
    ]
    by_score = np.array(reasons) == SCORE
    k = float(reviewed.weights[by_score].sum())
    return ReviewEvaluation(
        findings=len(reasons),
        random=int((~by_score).sum()),
        weeks=len(weeks),
        weeks_unfinished=len(counted) - len(weeks),
        response_by_score=sum(one.answered_by_score for one in finished) / sum(one.by_score for one in finished),
        response_audited=sum(one.answered_audited for one in finished) / sum(one.audited for one in finished),
        unscored=unscored,
        k=k,
        estimate=estimate(reviewed, k=k),
        intervals=estimate_intervals(reviewed, np.array(strata, dtype=object), k=k),
    )


def _reviewed(found: LabelledClaims, scores: Mapping[str, tuple[float, int, str]]) -> ReviewedClaims:
    """The labelled claims with their probability, amount and model (`scores`, by claim)."""
    rows = [scores[one] for one in found.labels["claim_id"].to_pylist()]
    return ReviewedClaims(
        fraud=found.labels["is_fraud"].to_numpy(zero_copy_only=False).astype(bool),
        probabilities=np.array([row[0] for row in rows]),
        amounts_cents=np.array([row[1] for row in rows]),
        weights=np.maximum(found.weights, 1.0),
        models=np.array([row[2] for row in rows], dtype=object),
    )


def _responses(selections: pa.Table, found: LabelledClaims) -> tuple[WeekResponse, ...]:
    """The response of every week. Raises `LoopError` where none can be estimated from."""
    ids = selections["claim_id"].combine_chunks()
    labelled = pc.is_in(ids, value_set=found.labels["claim_id"].combine_chunks()).to_numpy(zero_copy_only=False)
    other = pc.is_in(ids, value_set=pa.array(found.unlabelled, pa.string())).to_numpy(zero_copy_only=False)
    if not labelled.any():
        raise LoopError("no selected claim has a disposition; run `ginja review select`, then `ginja review record`")
    reasons = selections["selected_by"].to_numpy(zero_copy_only=False)
    if (reasons[labelled] == SCORE).all():
        raise LoopError("no randomly audited claim has a disposition yet: what the model misses cannot be estimated")
    week = np.array(selections["week"].to_pylist(), dtype=object)
    counted = responses(SelectedClaims(week, reasons, labelled | other, labelled))
    if not any(one.finished for one in counted):
        latest = "; ".join(str(one) for one in counted[-_SHOWN_WEEKS:])
        raise LoopError(
            f"no list is finished: at least {LEAST_RESPONSE:.0%} of its claims selected by score, and of its audited "
            "ones, must have a finding, because audits come last and a model looks better until they are in "
            f"({latest}); record the missing findings with `ginja review record`"
        )
    return counted


def _unscored(connection: psycopg.Connection, weeks: list[date]) -> int:
    row = connection.execute(_UNSCORED, [weeks]).fetchone()
    return int(row[0]) if row else 0
