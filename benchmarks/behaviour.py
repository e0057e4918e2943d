"""Implausible claims paid without review, by the full decision and by the 2× rule alone: `ginja bench behaviour`.

Three simulated insurers, each with its own model trained as by `ginja model train`, are evaluated on legitimate claims
of the newest window (`pipelines.behaviour`), and the public provider-fraud data set if available. The statistics of the
reasons are computed over the scores of the same, unmodified claims.
"""

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from benchmarks.reasons import ReasonStatistics, statistics
from claims.scoring import Score
from models.scorer import ClaimToScore, Scorer
from pipelines.behaviour import (
    AMOUNT_FACTORS,
    UNIT_FACTORS,
    Behaviour,
    LogOddsFalls,
    Perturbation,
    PerturbationKind,
    PerturbationResult,
    Submission,
    held_out,
    largest_falls,
    measure_behaviour,
)
from pipelines.datasets import PROVIDER_FRAUD, SIMULATED, Source, open_named, open_or_ingest
from pipelines.evaluate import newest_window
from pipelines.simulate import SimulationConfig, simulate, write
from pipelines.train import TrainOptions, Watcher, make, prepare

SEEDS = (11, 12, 13)
CLAIMS = 20_000
EVALUATED = 400
END = date(2026, 11, 1)
"""End of the simulated histories (exclusive); fixed, so that the claims do not depend on the current day."""
REASON_CLAIMS = 1_000
_FALLS = 60

Step = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class InsurerResult:
    """Measurements on one data set."""

    name: str
    model: str
    behaviour: Behaviour
    falls: LogOddsFalls
    scores: tuple[Score, ...]
    """Scores of unmodified claims of the newest window."""


@dataclass(frozen=True, slots=True)
class PaidWithoutReview:
    """One perturbation over all simulated insurers."""

    claims: int
    paid_unseen: int
    """Paid without review."""
    paid_unseen_rule_alone: int
    cents_unseen: int
    cents_unseen_rule_alone: int

    @classmethod
    def over(cls, insurers: Sequence[InsurerResult], case: Perturbation) -> "PaidWithoutReview":
        """The sums of one perturbation."""
        found = [one for insurer in insurers if (one := insurer.behaviour.of(case.kind, case.factor)) is not None]
        return cls(
            claims=sum(one.claims for one in found),
            paid_unseen=sum(one.paid_unseen for one in found),
            paid_unseen_rule_alone=sum(one.paid_unseen_rule_alone for one in found),
            cents_unseen=sum(one.cents_unseen for one in found),
            cents_unseen_rule_alone=sum(one.cents_unseen_rule_alone for one in found),
        )


@dataclass(frozen=True, slots=True)
class InsurerFigures:
    """The figures of one data set."""

    model: str
    statistics_as_of: str
    """Day of the statistics, ISO 8601."""
    honest_reviewed_share: float | None
    """Share of the unmodified claims that is reviewed; None: not measured."""
    largest_falls: LogOddsFalls
    cases: dict[str, PerturbationResult]
    """By the name of the perturbation."""

    @classmethod
    def of(cls, result: InsurerResult) -> "InsurerFigures":
        """The figures of the measurements on one data set."""
        unchanged = result.behaviour.of(PerturbationKind.UNCHANGED)
        return cls(
            model=result.model,
            statistics_as_of=result.behaviour.as_of.isoformat(),
            honest_reviewed_share=None if unchanged is None else 1 - unchanged.paid_unseen / max(unchanged.claims, 1),
            largest_falls=result.falls,
            cases={str(one.case): one for one in result.behaviour.results},
        )


@dataclass(frozen=True, slots=True)
class BehaviourFigures:
    """Output of `ginja bench behaviour --json`."""

    factors: dict[str, PaidWithoutReview]
    """By the factor on the amount."""
    insurers: int
    reasons: ReasonStatistics
    units: dict[str, PaidWithoutReview]
    """By the factor on the units."""
    duplicates: PaidWithoutReview
    unknown_codes: PaidWithoutReview
    no_history: PaidWithoutReview
    unchanged: PaidWithoutReview
    per_insurer: dict[str, InsurerFigures]
    provider_fraud: InsurerFigures | None = None
    """On the public set; None: it is not available."""


def measure(
    step: Step, *, data_dir: Path | None = None, claims: int = CLAIMS, evaluated: int = EVALUATED
) -> BehaviourFigures:
    """Simulate, train and evaluate. `data_dir` holds the provider-fraud data set; None omits it."""
    insurers = []
    with tempfile.TemporaryDirectory(prefix="ginja-behaviour-") as work:
        for seed in SEEDS:
            home = Path(work) / f"insurer-{seed}"
            step(f"Insurer {seed}: simulating {claims:,} claims")
            write(simulate(SimulationConfig(claims, seed, END)), home / "data")
            source = open_named(SIMULATED, home)
            insurers.append(_evaluate(f"insurer {seed}", source, home, evaluated, step))
        public = None
        if data_dir is not None and (data_dir / "provider_fraud").exists():
            home = Path(work) / PROVIDER_FRAUD
            step("provider-fraud: reading the public set")
            public = _evaluate(PROVIDER_FRAUD, open_or_ingest(PROVIDER_FRAUD, home, data_dir), home, evaluated, step)
    return figures(insurers, public)


def figures(insurers: Sequence[InsurerResult], public: InsurerResult | None = None) -> BehaviourFigures:
    """The figures over all insurers, and of each."""

    def over(kind: PerturbationKind, factor: int = 1) -> PaidWithoutReview:
        return PaidWithoutReview.over(insurers, Perturbation(kind, factor))

    return BehaviourFigures(
        factors={str(factor): over(PerturbationKind.AMOUNT, factor) for factor in AMOUNT_FACTORS},
        insurers=len(insurers),
        reasons=statistics([score for insurer in insurers for score in insurer.scores]),
        units={str(factor): over(PerturbationKind.UNITS, factor) for factor in UNIT_FACTORS},
        duplicates=over(PerturbationKind.DUPLICATE),
        unknown_codes=over(PerturbationKind.UNKNOWN_CODES),
        no_history=over(PerturbationKind.NO_HISTORY),
        unchanged=over(PerturbationKind.UNCHANGED),
        per_insurer={insurer.name: InsurerFigures.of(insurer) for insurer in insurers},
        provider_fraud=None if public is None else InsurerFigures.of(public),
    )


def table(found: BehaviourFigures) -> list[tuple[str, ...]]:
    """Rows of data set, case, claims, and claims and amounts paid without review by the decision and by the rule."""
    named = dict(found.per_insurer)
    if found.provider_fraud is not None:
        named["provider-fraud"] = found.provider_fraud
    return [
        (
            name,
            case,
            f"{one.claims:,}",
            f"{one.paid_unseen:,}",
            f"{one.paid_unseen_rule_alone:,}",
            f"{one.cents_unseen / 100:,.0f}",
            f"{one.cents_unseen_rule_alone / 100:,.0f}",
        )
        for name, measured in named.items()
        for case, one in measured.cases.items()
    ]


def as_json(found: BehaviourFigures) -> str:
    """The figures as one line of JSON."""
    document = asdict(found)
    if found.provider_fraud is None:
        del document["provider_fraud"]
    for insurer in [*document["per_insurer"].values(), document.get("provider_fraud", {})]:
        for case in insurer.get("cases", {}).values():
            del case["case"]  # it is the key
    return json.dumps(document)


def _evaluate(name: str, source: Source, home: Path, evaluated: int, step: Step) -> InsurerResult:
    def report(text: str) -> None:
        step(f"{name}: {text}")

    options = TrainOptions(replicates=20)
    watch = Watcher(step=report)
    prepared = prepare(source, options, reports=home / "reports", watch=watch)
    _, artefact = make(home, prepared, options, watch=watch)
    scorer = Scorer(artefact)
    window = newest_window(home, artefact, source=source)
    claims, catalogue = held_out(window, maximum=evaluated)
    behaviour = measure_behaviour(scorer, claims, catalogue, step=report)
    report("raising amounts, units and confirmed fraud")
    falls = largest_falls(scorer, claims[:_FALLS])
    explained, _ = held_out(window, maximum=REASON_CLAIMS)
    return InsurerResult(name, artefact.version, behaviour, falls, scores(scorer, explained))


def scores(scorer: Scorer, claims: Sequence[Submission]) -> tuple[Score, ...]:
    """Scores of unmodified claims."""
    return tuple(scorer.score_many([ClaimToScore(one.facts, one.reading) for one in claims]))
