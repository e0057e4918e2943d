"""Implausible claims paid without review, by the full decision and by the 2× rule alone: `ginja bench behaviour`.

Three simulated insurers, each with its own model trained as by `ginja train`, are evaluated on legitimate claims of the
newest window (`pipelines.behaviour`), and the public provider-fraud data set if available. The statistics of the
reasons are computed over the scores of the same, unmodified claims.
"""

import json
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from claims.scoring import Score
from models.scorer import ClaimToScore, Scorer
from pipelines.behaviour import (
    AMOUNT_FACTORS,
    UNIT_FACTORS,
    Behaviour,
    Case,
    Falls,
    Kind,
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
    falls: Falls
    scores: tuple[Score, ...]
    """Scores of unmodified claims of the newest window."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON: all cases by name."""
        cases = {
            str(result.case): {name: value for name, value in asdict(result).items() if name != "case"}
            for result in self.behaviour.results
        }
        unchanged = self.behaviour.of(Kind.UNCHANGED)
        reviewed = None if unchanged is None else 1 - unchanged.paid_unseen / max(unchanged.claims, 1)
        return {
            "model": self.model,
            "statistics_as_of": self.behaviour.as_of.isoformat(),
            "honest_reviewed_share": reviewed,
            "largest_falls": asdict(self.falls),
            "cases": cases,
        }


def measure(
    step: Step, *, data_dir: Path | None = None, claims: int = CLAIMS, evaluated: int = EVALUATED
) -> dict[str, Any]:
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


def figures(insurers: Sequence[InsurerResult], public: InsurerResult | None = None) -> dict[str, Any]:
    """The JSON of the command."""
    found: dict[str, Any] = {
        "factors": {str(factor): _sum(insurers, Case(Kind.AMOUNT, factor)) for factor in AMOUNT_FACTORS},
        "insurers": len(insurers),
        "reasons": _reasons(score for insurer in insurers for score in insurer.scores),
        "units": {str(factor): _sum(insurers, Case(Kind.UNITS, factor)) for factor in UNIT_FACTORS},
        "duplicates": _sum(insurers, Case(Kind.DUPLICATE)),
        "unknown_codes": _sum(insurers, Case(Kind.UNKNOWN_CODES)),
        "no_history": _sum(insurers, Case(Kind.NO_HISTORY)),
        "unchanged": _sum(insurers, Case(Kind.UNCHANGED)),
        "per_insurer": {insurer.name: insurer.as_dict() for insurer in insurers},
    }
    if public is not None:
        found["provider_fraud"] = public.as_dict()
    return found


def table(found: dict[str, Any]) -> list[tuple[str, ...]]:
    """Rows of data set, case, claims, and claims and amounts paid without review by the decision and by the rule."""
    named = {**found["per_insurer"]}
    if "provider_fraud" in found:
        named["provider-fraud"] = found["provider_fraud"]
    return [
        (
            name,
            case,
            f"{one['claims']:,}",
            f"{one['paid_unseen']:,}",
            f"{one['paid_unseen_rule_alone']:,}",
            f"{one['cents_unseen'] / 100:,.0f}",
            f"{one['cents_unseen_rule_alone'] / 100:,.0f}",
        )
        for name, measured in named.items()
        for case, one in measured["cases"].items()
    ]


def as_json(found: dict[str, Any]) -> str:
    """The figures as one line of JSON."""
    return json.dumps(found)


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


def _sum(insurers: Sequence[InsurerResult], case: Case) -> dict[str, int]:
    results = [result for insurer in insurers if (result := insurer.behaviour.of(case.kind, case.factor)) is not None]
    return {
        "claims": sum(result.claims for result in results),
        "paid_unseen": sum(result.paid_unseen for result in results),
        "paid_unseen_rule_alone": sum(result.paid_unseen_rule_alone for result in results),
        "cents_unseen": sum(result.cents_unseen for result in results),
        "cents_unseen_rule_alone": sum(result.cents_unseen_rule_alone for result in results),
    }


def _reasons(scores: Iterable[Score]) -> dict[str, Any]:
    from benchmarks.reasons import statistics

    return asdict(statistics(list(scores)))
