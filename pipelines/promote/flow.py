"""From candidate to champion; `pipelines.promote.rollback` is the way back.

    measure on the newest window → ask every gate → pointer, alias, audit trail

The pointer file decides and is replaced in one step; scorers see it within a second.
"""

import getpass
import time
from collections.abc import Callable
from pathlib import Path

from claims.scoring import ClaimFacts
from core.settings import settings
from models import registry
from models.artefact import Artefact, load_artefact, models_folder, read_pointer, target_of, unpoint
from models.errors import PointerError
from models.registry import CANDIDATE, MlflowStore, promotion
from models.scorer import Scorer
from pipelines.behaviour import judge_behaviour, largest_falls
from pipelines.behaviour.window import held_out
from pipelines.evaluate import baselines
from pipelines.evaluate.flow import champion_beside, reviews_a_week
from pipelines.evaluate.judged import CHAMPION
from pipelines.evaluate.window import Window, newest_window
from pipelines.promote import audit, measures
from pipelines.promote.errors import NoCandidateError, RefusedError
from pipelines.promote.gates import Verdict, judge
from pipelines.promote.outcome import Force, Outcome

Step = Callable[[str], None]


def promote(
    home: Path,
    version: str | None = None,
    *,
    force: Force | None = None,
    store: MlflowStore | None = None,
    window: Window | None = None,
    step: Step = lambda words: None,
) -> Outcome:
    """Make a version (the candidate where none is named) the champion.

    Raises `RefusedError` with every gate that refuses and by how much; `force` overrules them, in the audit trail.
    `window` spares reading the newest window when the caller has it.
    """
    started = time.perf_counter()
    store = store or MlflowStore.of(home, settings().mlflow_url)
    version = version or candidate(store)
    if not (models_folder(home) / version).exists():
        step("Fetching the model from MLflow")
        registry.fetch(store, version, models_folder(home))
    pointer = read_pointer(home)
    step("Asking the gates")
    verdicts = ask(home, version, window=window, step=step)
    refused = [verdict for verdict in verdicts if not verdict.passed]
    if refused and force is None:
        raise RefusedError(version, verdicts)
    by = force.by if force else getpass.getuser()
    why = force.reason if force else "every gate passed"
    step("Pointing the scorers to it")
    done = promotion.promote(home, store, version, by=by, why=why)
    audit.record(
        home,
        "force" if force else "promote",
        version=version,
        by=by,
        reason=why,
        previous=pointer.version if pointer else None,
        gates={verdict.gate: {"passed": verdict.passed, "detail": verdict.detail} for verdict in verdicts},
    )
    _end_its_trial(home, version, by=by)
    return Outcome(
        version,
        pointer.version if pointer else None,
        verdicts,
        forced=bool(refused),
        alias_problem=done.alias_problem,
        seconds=round(time.perf_counter() - started, 2),
    )


def _end_its_trial(home: Path, version: str, *, by: str) -> None:
    """A champion is not its own challenger."""
    try:
        challenger = read_pointer(home, "challenger")
    except PointerError:  # a broken pointer challenges nobody; `ginja challenger stop` mends it
        return
    if challenger is not None and challenger.version == version:
        unpoint(home, "challenger")
        audit.record(home, "dismiss", version=version, by=by, reason="it became the champion")


def candidate(store: MlflowStore) -> str:
    """The version under the alias `candidate`. Raises `NoCandidateError`."""
    version = registry.aliases(store).get(CANDIDATE)
    if not version:
        raise NoCandidateError("there is no candidate; `ginja train` makes one")
    return version


def ask(
    home: Path, version: str, *, window: Window | None = None, step: Step = lambda words: None
) -> tuple[Verdict, ...]:
    """Every gate's verdict on a version that lies in the home."""
    target = target_of(home, version)
    path = models_folder(home) / target.path
    found = measures.of_artefact(path, target.manifest_sha256)
    champion = None
    if found["artefact verified"]:
        artefact = load_artefact(path, expected_manifest_sha256=target.manifest_sha256)
        champion = champion_beside(home, artefact)
        window = window or newest_window(home, artefact, also=() if champion is None else (champion,))
        judged = window.judged_with(artefact)
        judged.scores.update(baselines.simple(judged))
        if champion is not None:
            window.add(judged, champion, name=CHAMPION)
        share = reviews_a_week(artefact, window) / (window.claims_a_day * 7)
        found |= measures.of_window(judged, threshold=artefact.threshold, reviews=share * len(judged))
        found |= measures.of_speed(artefact, _facts(window))
        found |= behaviour_of(artefact, window, step=step)
    return judge(found, first=champion is None)


def behaviour_of(artefact: Artefact, window: Window, *, step: Step = lambda words: None) -> measures.Measures:
    """Measure what the whole decision does with perturbed claims of the window, with this model in it."""
    scorer = Scorer(artefact)
    claims, catalogue = held_out(window)
    behaviour = judge_behaviour(scorer, claims, catalogue, step=step)
    step("Raising amounts, units and confirmed fraud")
    return measures.of_behaviour(behaviour, largest_falls(scorer, claims))


def _facts(window: Window) -> list[ClaimFacts]:
    rows = window.rows[-50:]
    names = list(ClaimFacts.model_fields)
    table = window.examples.claims.take(rows).select(names)
    defaults = {"units": 1, "lines": 1, "diagnoses": 1, "procedure_code": "?", "diagnosis_code": "?", "member_id": "?"}
    filled = [
        {name: defaults.get(name) if value is None else value for name, value in row.items()}
        for row in table.to_pylist()
    ]
    return [ClaimFacts(**row) for row in filled]
