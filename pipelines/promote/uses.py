"""Whether a candidate is for the claims that the champion serves."""

from models.artefact import Artefact
from models.use import ModelUse
from pipelines.promote.measures import (
    USE_MEASURES,
    Measure,
    Measured,
    Measures,
    NotApplicable,
    NotApplicableReason,
)

_WHAT_TO_DO = (
    "a model of other claims belongs in a home of its own (GINJA_HOME); claims of the same business under another name "
    "are trained on with --use {use}; --change-use --by NAME --reason TEXT makes this home serve the other claims"
)


def of_use(artefact: Artefact, champion: Artefact | NotApplicableReason | None) -> Measures:
    """Whether the two models have the same use, by name and by the providers in their claims.

    `champion` may be the reason why there is none to compare with; None: it cannot be loaded, so nothing is known.
    The population is not applicable where the champion's claims name no provider or its use is not stated; it is
    absent, so that its gate refuses, where only the candidate lacks it.
    """
    if champion is None:
        return {}
    if isinstance(champion, NotApplicableReason):
        return dict.fromkeys(USE_MEASURES, NotApplicable(champion))
    name, served = artefact.document.use_name, champion.document.use_name
    advice = _WHAT_TO_DO.format(use=served)
    named = Measured(
        float(name == served),
        f"champion {champion.version} serves {served!r} ({_size(champion.document.use)}), {artefact.version} was "
        f"trained on {name!r} ({_size(artefact.document.use)}): {advice}",
    )
    found: dict[Measure, Measured | NotApplicable] = {Measure.SAME_USE: named}
    theirs = champion.document.use
    if theirs is None or theirs.population is None:
        found[Measure.SHARED_POPULATION] = NotApplicable(NotApplicableReason.NO_POPULATION)
    elif artefact.document.use is not None and artefact.document.use.population is not None:
        share = artefact.document.use.population.shared_with(theirs.population)
        found[Measure.SHARED_POPULATION] = Measured(
            share,
            f"about {share:.0%} of the providers of the smaller of the two are in both: {advice}",
        )
    return found


def differs(artefact: Artefact, champion: Artefact) -> bool:
    """Whether the names of the uses differ."""
    return artefact.document.use_name != champion.document.use_name


def _size(use: ModelUse | None) -> str:
    if use is None:
        return "claims not described"
    size = None if use.population is None else use.population.size
    providers = "no providers" if size is None else f"{size:,} providers by specialty and region"
    return f"{providers}, {len(use.columns)} columns"
