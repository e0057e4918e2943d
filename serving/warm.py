"""Warm up a model before it serves: compile the loops and fill the caches."""

from datetime import UTC, date, datetime

import numpy as np

from claims.scoring import ClaimFacts
from features.declare import VIEWS
from features.vector import FEATURE_NAMES, Reading
from models.details import explanation_details
from models.scorer import ClaimToScore, Scorer
from serving.wire import encode_score

ROUNDS = 20

_CLAIM = ClaimFacts(
    claim_id="warm-up",
    received_at=datetime(2024, 5, 17, 9, 30, tzinfo=UTC),
    service_from=date(2024, 5, 15),
    service_to=date(2024, 5, 16),
    member_id="warm-up",
    provider_id="warm-up",
    procedure_code="warm-up",
    diagnosis_code="warm-up",
    place_of_service="11",
    region="warm-up",
    specialty="warm-up",
    age_years=40,
    sex="F",
    amount_cents=1_000_000,
    benefit_limit_cents=5_000_000,
)


def warm(scorer: Scorer) -> None:
    """Score a synthetic claim with and without history. A model that raises here is refused.

    Of one without exact reasons, which decides nothing, only the margin is computed.
    """
    if scorer.artefact.explainer is None:
        scorer.margins(np.full((1, len(scorer.schema.names)), np.nan, dtype=np.float32))
        return
    seen = Reading({view.name: view.zeros for view in VIEWS}, {view.name: None for view in VIEWS}, ())
    unseen = Reading({view.name: None for view in VIEWS}, {view.name: None for view in VIEWS}, ())
    for _ in range(ROUNDS):
        for reading in (seen, unseen):
            encode_score(scorer.score(_CLAIM, reading))
    # Margins alone use another compiled loop, which the first flagged claim would otherwise compile.
    scorer.shadow(np.full(len(FEATURE_NAMES), np.nan, dtype=np.float32), _CLAIM)
    # More claims than are explained one by one, which use a third one.
    scorer.score_many([ClaimToScore(_CLAIM, seen), ClaimToScore(_CLAIM, unseen)] * ROUNDS)
    # Details are asked for while claims wait, and a compilation holds the interpreter.
    peers = scorer.artefact.peers
    specialty = None if peers is None or not len(peers.specialties) else str(peers.specialties[0])
    explanation_details(scorer.artefact, scorer.score(_CLAIM, seen).vector, specialty)
