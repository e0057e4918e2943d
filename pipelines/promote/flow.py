"""From candidate to champion; `pipelines.promote.previous` is the way back.

    measure on the newest window → check every gate → audit trail, pointer, alias

The pointer file decides and is replaced in one step; scorers see it within a second. The audit trail is written first,
so that no champion serves without an entry, wherever the process dies.
"""

import getpass
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from claims.scoring import CLAIM_COLUMNS, ClaimFacts
from core.settings import settings
from features.errors import AttributeTypeError
from features.vector import wire_values
from models import registry
from models.artefact import (
    Artefact,
    Pointer,
    document_of,
    load_artefact,
    load_pointed,
    models_folder,
    read_pointer,
    require_reasons,
    target_of,
    unpoint,
)
from models.errors import ArtefactError, PointerError
from models.registry import CANDIDATE, MlflowStore, promotion
from models.scorer import Scorer
from pipelines import audit_trail
from pipelines.audit_trail import ActionDetails
from pipelines.behaviour import held_out, largest_falls, measure_behaviour
from pipelines.datasets import DataError, open_named
from pipelines.evaluate import (
    CHAMPION,
    EvaluationError,
    EvaluationSet,
    Provenance,
    Window,
    add_rivals,
    newest_window,
    reviews_a_week,
)
from pipelines.promote import measuring
from pipelines.promote.attempts import FIRST_ATTEMPT, Comparison, EarlierAttempts, earlier_attempts
from pipelines.promote.errors import NoCandidateError, RefusedError
from pipelines.promote.gates import Verdict, check_gates, gates_json
from pipelines.promote.labels import of_labels
from pipelines.promote.measures import Measure, Measured, Measures, NotApplicableReason
from pipelines.promote.outcome import Force, Promotion, UseChange
from pipelines.promote.uses import differs, of_use

Step = Callable[[str], None]


def promote(
    home: Path,
    version: str | None = None,
    *,
    force: Force | None = None,
    change_use: UseChange | None = None,
    store: MlflowStore | None = None,
    window: Window | None = None,
    step: Step = lambda words: None,
) -> Promotion:
    """Make a version (by default the candidate) the champion.

    Raises `ShadowOnlyError` for a model without exact reasons, which nothing overrules, and `RefusedError` with the
    result of every gate; `force` overrules it, and is recorded in the audit trail. With
    `change_use` the home serves the claims of this version from then on, so it is not compared with the champion.
    `window` is the newest window, where the caller has already read it.
    """
    started = time.perf_counter()
    store = store or MlflowStore.of(home, settings().mlflow_url)
    version = version or candidate(store)
    if not (models_folder(home) / version).exists():
        step("Fetching the model from MLflow")
        registry.fetch(store, version, models_folder(home))
    if (document := document_of(home, version)) is not None:
        require_reasons(document)
    step("Checking the gates")
    checked = check_version(home, version, window=window, change_use=change_use is not None, step=step)
    stated = force or change_use
    checked.record(home, by=stated.by if stated else getpass.getuser())
    return make_champion(
        home, store, version, checked.verdicts, force=force, change_use=change_use, started=started, step=step
    )


def make_champion(
    home: Path,
    store: MlflowStore,
    version: str,
    verdicts: tuple[Verdict, ...],
    *,
    force: Force | None = None,
    change_use: UseChange | None = None,
    started: float,
    step: Step = lambda words: None,
) -> Promotion:
    """Make a version whose gates were checked the champion: audit trail, pointer, alias, and the end of its own trial.

    `started` is when its promotion began (`time.perf_counter`). Raises `RefusedError` where a gate refuses and `force`
    does not overrule it, and what `models.registry.promotion` raises; the champion is unchanged then.
    """
    refused = [verdict for verdict in verdicts if not verdict.passed]
    if refused and force is None:
        raise RefusedError(version, verdicts)
    stated = force or change_use
    by = stated.by if stated else getpass.getuser()
    reason = stated.reason if stated else "every gate passed"
    previous: list[str | None] = []

    def announce(before: Pointer | None) -> None:
        previous.append(before.version if before else None)
        details: ActionDetails = {"previous": previous[0], "gates": gates_json(verdicts)}
        if change_use:
            details["use"] = _use_of(home, version)
        audit_trail.record(
            home,
            "force" if force else "change_use" if change_use else "promote",
            version=version,
            by=by,
            reason=reason,
            **details,
        )

    step("Pointing the scorers to it")
    done = promotion.promote(home, store, version, by=by, why=reason, announce=announce)
    _end_its_trial(home, version, by=by)
    return Promotion(
        version=version,
        previous=previous[0],
        verdicts=verdicts,
        forced=bool(refused),
        alias_problem=done.alias_problem,
        seconds=round(time.perf_counter() - started, 2),
    )


def _end_its_trial(home: Path, version: str, *, by: str) -> None:
    """A champion is not its own challenger."""
    try:
        challenger = read_pointer(home, "challenger")
    except PointerError:  # an invalid pointer has no effect on scorers; `ginja model trial stop` removes it
        return
    if challenger is not None and challenger.version == version:
        unpoint(
            home,
            "challenger",
            announce=lambda _: audit_trail.record(
                home, "dismiss", version=version, by=by, reason="it became the champion"
            ),
        )


def _use_of(home: Path, version: str) -> str:
    document = document_of(home, version)
    return "" if document is None else document.use_name


def candidate(store: MlflowStore) -> str:
    """The version with the alias `candidate`. Raises `NoCandidateError`."""
    version = registry.aliases(store).get(CANDIDATE)
    if not version:
        raise NoCandidateError("there is no candidate; run `ginja model train` to train one")
    return version


@dataclass(frozen=True, slots=True)
class CheckedVersion:
    """The gates of one version, and its comparison with the champion; None: there was none."""

    version: str
    verdicts: tuple[Verdict, ...]
    comparison: Comparison | None

    def record(self, home: Path, *, by: str) -> None:
        """Record that its claims were used for a comparison: the next version needs more confidence on them."""
        if self.comparison is not None:
            self.comparison.record(home, self.version, by=by)


def check_version(
    home: Path,
    version: str,
    *,
    window: Window | None = None,
    change_use: bool = False,
    step: Step = lambda words: None,
) -> CheckedVersion:
    """Measure a version that is in the home, and check every gate; nothing is recorded."""
    found, comparison = _measure(home, version, window=window, change_use=change_use, step=step)
    return CheckedVersion(version, check_gates(found), comparison)


def measure(
    home: Path,
    version: str,
    *,
    window: Window | None = None,
    change_use: bool = False,
    step: Step = lambda words: None,
) -> Measures:
    """Take every measure of a version that is in the home; what cannot be measured is absent.

    On the newest window of the claims that the champion serves; with `change_use`, or without a champion, of those that
    the version was trained on.
    """
    return _measure(home, version, window=window, change_use=change_use, step=step)[0]


def _measure(
    home: Path, version: str, *, window: Window | None, change_use: bool, step: Step
) -> tuple[Measures, Comparison | None]:
    target = target_of(home, version)
    path = models_folder(home) / target.path
    found = measuring.of_artefact(path, target.manifest_sha256)
    try:
        artefact = load_artefact(path, expected_manifest_sha256=target.manifest_sha256)
    except ArtefactError:
        return found, None
    champion = _champion(home, version)
    if change_use and champion is not NotApplicableReason.IS_CHAMPION:
        champion = NotApplicableReason.USE_CHANGES
    found = {**found, **of_use(artefact, champion)}
    if window is None:
        try:
            window = _serving_window(home, artefact, champion)
        except (DataError, EvaluationError, AttributeTypeError):
            if isinstance(champion, Artefact) and differs(artefact, champion):
                return found, None  # it cannot even be scored on the champion's claims, and its use refuses it anyway
            raise
    received = window.examples.received_us[window.rows]
    first, last = int(received.min()), int(received.max())
    attempts = earlier_attempts(home, version, first_us=first, last_us=last)
    found = {
        **found,
        **of_labels(home, artefact, champion, window),
        **window_measures(artefact, window, champion, attempts),
        **measuring.of_latency(artefact, _facts(window)),
        **behaviour_measures(artefact, window, step=step),
    }
    lead = found.get(Measure.AP_OVER_CHAMPION)
    if attempts is None or not isinstance(champion, Artefact) or not isinstance(lead, Measured):
        return found, None
    return found, Comparison(champion.version, first, last, lead.value + attempts.given_up)


def _serving_window(home: Path, artefact: Artefact, champion: Artefact | NotApplicableReason | None) -> Window:
    """The newest window of the claims in service, which neither model has learned from."""
    if not isinstance(champion, Artefact):
        return newest_window(home, artefact)
    served = open_named(Provenance.of(champion).dataset, home) if differs(artefact, champion) else None
    return newest_window(home, artefact, source=served, also=(champion,))


def window_measures(
    artefact: Artefact,
    window: Window,
    champion: Artefact | NotApplicableReason | None,
    attempts: EarlierAttempts | None = FIRST_ATTEMPT,
) -> Measures:
    """Measure a model on the newest window, beside every rival and the champion.

    `champion` may be the reason why there is none to compare with; None: it cannot be loaded, so its measures are
    absent, as where `attempts` (what was compared on these claims before) is not known.
    """
    claims = window.evaluation_set(artefact)
    add_rivals(claims, window, artefact)
    return {
        **measuring.of_window(claims, threshold=artefact.threshold),
        **measuring.against_rivals(claims),
        **_beside_champion(claims, artefact, window, champion, attempts),
    }


def _beside_champion(
    claims: EvaluationSet,
    artefact: Artefact,
    window: Window,
    champion: Artefact | NotApplicableReason | None,
    attempts: EarlierAttempts | None,
) -> Measures:
    if isinstance(champion, NotApplicableReason):
        return measuring.without_champion(champion)
    if champion is None or attempts is None:
        return {}
    window.add(claims, champion, name=CHAMPION)
    share = reviews_a_week(artefact, window) / (window.claims_a_day * 7)
    reviews = share * float(claims.represented.sum())
    return measuring.against_champion(claims, reviews=reviews, attempts=attempts)


def _champion(home: Path, version: str) -> Artefact | NotApplicableReason | None:
    """The champion to compare `version` with, or why there is none; None: it cannot be loaded, so nothing is known."""
    try:
        pointer = read_pointer(home)
        if pointer is None:
            return NotApplicableReason.NO_CHAMPION
        return NotApplicableReason.IS_CHAMPION if pointer.version == version else load_pointed(home, pointer)
    except (ArtefactError, PointerError):
        return None


def behaviour_measures(artefact: Artefact, window: Window, *, step: Step = lambda words: None) -> Measures:
    """Measure what the whole decision, with this model in it, does with perturbed claims of the window."""
    scorer = Scorer(artefact)
    claims, catalogue = held_out(window)
    behaviour = measure_behaviour(scorer, claims, catalogue, step=step)
    step("Raising amounts, units and confirmed fraud")
    return measuring.of_behaviour(behaviour, largest_falls(scorer, claims))


def _facts(window: Window) -> list[ClaimFacts]:
    """The newest claims of the window as the scorer receives them, with placeholders for fields the data lack."""
    rows = window.rows[-50:]
    examples = window.examples
    table = examples.claims.take(rows).select(CLAIM_COLUMNS)
    attributes = None if examples.attributes is None else wire_values(examples.attributes.take(pa.array(rows)))
    defaults = {"units": 1, "lines": 1, "diagnoses": 1, "procedure_code": "?", "diagnosis_code": "?", "member_id": "?"}
    filled = [
        {name: defaults.get(name) if value is None else value for name, value in row.items()}
        for row in table.to_pylist()
    ]
    if attributes is None:
        return [ClaimFacts(**row) for row in filled]
    return [ClaimFacts(**row, attributes=own) for row, own in zip(filled, attributes, strict=True)]
