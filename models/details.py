"""What explains a score further than its reasons: how certain its probability is, the strongest interaction, and a
comparison with honest peers."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from claims.reason_groups import title_of
from claims.scoring import ExplanationDetails, PairEffect, PeerComparison, PeerPush, ProbabilityInterval
from features.declare import Feature
from features.vector import in_sentence, show
from models.artefact import Artefact
from models.calibration import LEVEL
from models.errors import SchemaMismatchError
from models.explain import LeafTables, contributions_against, format_factor, strongest_interaction


def explanation_details(
    artefact: Artefact, vector: Mapping[str, float | None], specialty: str | None
) -> ExplanationDetails:
    """The details of a scored vector (feature → value, None where missing); a model without tables has no interaction.

    Raises `SchemaMismatchError` when the vector has other features than the model.
    """
    if set(vector) != set(artefact.features):
        raise SchemaMismatchError(f"the vector does not have the features of model {artefact.version}")
    values = (vector[name] for name in artefact.features)
    row = np.array([math.nan if value is None else value for value in values], dtype=np.float32)
    features = artefact.schema.features
    return ExplanationDetails(
        model_version=artefact.version,
        probability_interval=_interval(artefact, row),
        interaction=None if artefact.tables is None else _interaction(artefact.tables, features, row),
        peers=_comparison(artefact, features, row, specialty),
    )


def _interval(artefact: Artefact, row: NDArray[np.float32]) -> ProbabilityInterval | None:
    margin = float(artefact.margins(row.reshape(1, -1))[0])
    found = artefact.calibrator.interval(margin, level=LEVEL)
    return None if found is None else ProbabilityInterval(low=found[0], high=found[1], level=LEVEL)


def _interaction(tables: LeafTables, features: tuple[Feature, ...], row: NDArray[np.float32]) -> PairEffect | None:
    found = strongest_interaction(tables, row)
    if found is None:
        return None
    first, second = features[found.first], features[found.second]
    verb = "raises" if found.push > 0 else "lowers"
    text = (
        f"{_stated(first, row[found.first])}, together with {_stated(second, row[found.second], inside=True)}: "
        f"the combination {verb} the odds {format_factor(abs(found.push))} beyond what each does alone"
    )
    return PairEffect(features=(first.name, second.name), push=found.push, odds=math.exp(found.push), text=text)


def _comparison(
    artefact: Artefact, features: tuple[Feature, ...], row: NDArray[np.float32], specialty: str | None
) -> PeerComparison | None:
    peers = None if artefact.peers is None else artefact.peers.of(specialty)
    if artefact.tables is None or peers is None or specialty is None:
        return None
    margin, contributions = contributions_against(artefact.tables, row, peers)
    groups: dict[str, list[int]] = {}
    for place, feature in enumerate(features):
        groups.setdefault(feature.group, []).append(place)
    pushes = [_push(code, features, places, row, peers, contributions) for code, places in groups.items()]
    return PeerComparison(
        specialty=specialty,
        claims=len(peers),
        margin=margin,
        groups=sorted(pushes, key=lambda push: -abs(push.push)),
    )


def _push(
    code: str,
    features: tuple[Feature, ...],
    places: list[int],
    row: NDArray[np.float32],
    peers: NDArray[np.float32],
    contributions: NDArray[np.float64],
) -> PeerPush:
    push = float(contributions[places].sum())
    sign = 1.0 if push > 0 else -1.0
    carrier = max(places, key=lambda place: sign * contributions[place])
    feature = features[carrier]
    text = (
        f"{title_of(code)}: {_stated(feature, row[carrier], inside=True)}; "
        f"typical of honest peers: {_value(feature, _typical(feature, peers[:, carrier]))}"
    )
    return PeerPush(
        code=code,
        push=push,
        odds=math.exp(push),
        text=text,
        features={features[place].name: float(contributions[place]) for place in places},
    )


def _typical(feature: Feature, column: NDArray[np.float32]) -> float:
    """The median of the peers, or the commonest level of a category; NaN where most have no value."""
    present = column[~np.isnan(column)]
    if len(present) < len(column) / 2:
        return math.nan
    if feature.unit == "level":  # codes have no middle
        levels, counts = np.unique(present, return_counts=True)
        return float(levels[counts.argmax()])
    return float(np.median(present))


def _stated(feature: Feature, value: float, *, inside: bool = False) -> str:
    """A feature's meaning with its value, at the beginning of a sentence or inside it."""
    meaning = feature.meaning.rstrip(".")
    return f"{in_sentence(meaning) if inside else meaning} ({_value(feature, value)})"


def _value(feature: Feature, value: float) -> str:
    return "no value" if math.isnan(value) else show(feature, float(value))
