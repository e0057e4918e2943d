"""Rankings by money and promises over several simulated insurers, and the tables of both."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import sqrt

import numpy as np

from benchmarks.recovery.promises import WeekPromise, promises_of
from benchmarks.recovery.rankings import WorldRankings, rank_world
from benchmarks.recovery.worlds import LIVE_WEEKS, insurer_world
from claims.promise import CONFIDENCE
from models.evaluation import Interval
from pipelines.evaluate import MONEY_SHARES, RECOVERY, SIMPLE_RANKINGS, RankingDollars

Step = Callable[[str], None]
Grid = Mapping[str, Mapping[str, RankingDollars]]


@dataclass(frozen=True, slots=True)
class RankingSummary:
    """One ranking at one K over all insurers."""

    dollars: float
    """Mean share of the dollars found."""
    precision: float
    lead: Interval | None
    """Mean lead of expected recovery over the insurers, with Student's 95 % interval of their mean."""
    insurers_behind: int | None
    """Insurers in which expected recovery finds less than this ranking."""


@dataclass(frozen=True, slots=True)
class SharesSummary:
    """All rankings at one K."""

    rankings: dict[str, RankingSummary]
    insurers_with_most: int
    """Insurers in which no simple ranking finds more than expected recovery."""
    behind_best: Interval
    """Expected recovery less the best simple ranking of each insurer, chosen afterwards."""


@dataclass(frozen=True, slots=True)
class PromiseSummary:
    """The weekly lists of all insurers."""

    lists: int
    refused: int
    promised: int
    held: int
    held_share: float
    above_zero: int
    """Lists that promise more than a share of 0, which every list holds."""
    above_zero_held: int
    mean_promise: float
    mean_share: float
    """Mean share of fraud of the lists with a promise."""
    claims_a_list: float


@dataclass(frozen=True, slots=True)
class RecoveryFigures:
    """Output of `ginja bench recovery --json`."""

    seeds: tuple[int, ...]
    claims: int
    """Of each insurer; the second of its two years is ranked."""
    fraud_rate: float
    billed: dict[str, SharesSummary]
    """K as a share → summary, in fraudulent amounts as billed."""
    recoverable: dict[str, SharesSummary]
    promises: PromiseSummary
    insurers: tuple[WorldRankings, ...]

    def as_json(self) -> dict[str, object]:
        """The JSON form."""
        return asdict(self)


def measure(
    step: Step, *, seeds: Sequence[int], claims: int, fraud_rate: float, review_share: float, replicates: int
) -> RecoveryFigures:
    """Simulate each insurer once, rank its live claims and make its weekly lists."""
    ranked, weeks = [], []
    for place, seed in enumerate(seeds, 1):
        step(f"Insurer {seed} ({place} of {len(seeds)}): {claims:,} claims, features, model")
        world = insurer_world(seed, claims, fraud_rate=fraud_rate)
        step(f"Insurer {seed}: rankings and weekly lists")
        ranked.append(rank_world(world, replicates=replicates))
        weeks += promises_of(world, review_share=review_share)
    return RecoveryFigures(
        seeds=tuple(seeds),
        claims=claims,
        fraud_rate=fraud_rate,
        billed=_summaries([one.billed for one in ranked]),
        recoverable=_summaries([one.recoverable for one in ranked]),
        promises=_promise_summary(weeks),
        insurers=tuple(ranked),
    )


def tables(found: RecoveryFigures) -> list[tuple[str, list[tuple[str, ...]]]]:
    """Title and rows of each table: ranking, then dollars, lead and insurers behind at each K."""
    made = []
    for name, grid in (("fraudulent amounts as billed", found.billed), ("recoverable amounts", found.recoverable)):
        rows: list[tuple[str, ...]] = [
            (ranking, *(cell for share in grid for cell in _cells(grid[share].rankings[ranking])))
            for ranking in (RECOVERY, *SIMPLE_RANKINGS)
        ]
        rows.append(
            (
                "best simple ranking of each insurer",
                *(
                    cell
                    for one in grid.values()
                    for cell in ("", _interval(one.behind_best), f"{len(found.seeds) - one.insurers_with_most}")
                ),
            )
        )
        made.append((name, rows))
    one = found.promises
    made.append((
        "weekly lists",
        [
            ("lists", f"{one.lists:,} of {one.claims_a_list:.0f} claims, {LIVE_WEEKS} an insurer"),
            ("refused, too few findings", f"{one.refused:,}"),
            (f"promise held (due: {CONFIDENCE:.0%})", f"{one.held} of {one.promised}: {one.held_share:.1%}"),
            ("of them above a share of 0", f"{one.above_zero_held} of {one.above_zero}"),
            ("mean promised share of fraud", f"{one.mean_promise:.1%}"),
            ("mean share of fraud", f"{one.mean_share:.1%}"),
        ],
    ))  # fmt: skip
    return made


def columns() -> list[str]:
    """Headings of the tables of rankings."""
    return ["ranking", *(f"{what} at {share:.1%}" for share in MONEY_SHARES for what in ("dollars", "lead", "behind"))]


def _cells(one: RankingSummary) -> tuple[str, str, str]:
    behind = "" if one.insurers_behind is None else str(one.insurers_behind)
    return f"{one.dollars:.1%}", "" if one.lead is None else _interval(one.lead), behind


def _interval(one: Interval) -> str:
    return f"{100 * one.value:+.1f} ({100 * one.low:+.1f} to {100 * one.high:+.1f})"


def _summaries(insurers: Sequence[Grid]) -> dict[str, SharesSummary]:
    return {share: _summary([one[share] for one in insurers]) for share in map(str, MONEY_SHARES)}


def _summary(insurers: Sequence[Mapping[str, RankingDollars]]) -> SharesSummary:
    ours = np.array([one[RECOVERY].dollars for one in insurers])
    simple = np.array([[one[name].dollars for name in SIMPLE_RANKINGS] for one in insurers])
    rankings = {
        name: RankingSummary(
            dollars=float(np.mean([one[name].dollars for one in insurers])),
            precision=float(np.mean([one[name].precision for one in insurers])),
            lead=None if name == RECOVERY else mean_interval(ours - simple[:, SIMPLE_RANKINGS.index(name)]),
            insurers_behind=None if name == RECOVERY else int((ours < simple[:, SIMPLE_RANKINGS.index(name)]).sum()),
        )
        for name in (RECOVERY, *SIMPLE_RANKINGS)
    }
    best = simple.max(axis=1)
    return SharesSummary(rankings, int((ours >= best).sum()), mean_interval(ours - best))


def mean_interval(values: np.ndarray, level: float = 0.95) -> Interval:
    """Mean of independent values with Student's interval; NaN ends with fewer than two."""
    from scipy.stats import t

    mean = float(np.mean(values))
    if len(values) < 2:
        return Interval(mean, float("nan"), float("nan"), level)
    half = float(t.ppf((1 + level) / 2, len(values) - 1) * np.std(values, ddof=1) / sqrt(len(values)))
    return Interval(mean, mean - half, mean + half, level)


def _promise_summary(weeks: Sequence[WeekPromise]) -> PromiseSummary:
    promised = [week for week in weeks if week.promised is not None]
    held = sum(week.held for week in promised)
    return PromiseSummary(
        lists=len(weeks),
        refused=len(weeks) - len(promised),
        promised=len(promised),
        held=held,
        held_share=held / len(promised) if promised else float("nan"),
        above_zero=sum(week.promised > 0 for week in promised if week.promised is not None),
        above_zero_held=sum(week.held for week in promised if week.promised is not None and week.promised > 0),
        mean_promise=float(np.mean([week.promised for week in promised])) if promised else float("nan"),
        mean_share=float(np.mean([week.share for week in promised])) if promised else float("nan"),
        claims_a_list=float(np.mean([week.claims for week in weeks])),
    )
