"""Claims, reference data and scores to test rules with; each takes only what the test is about."""

import hashlib
import json
from datetime import UTC, date, datetime
from typing import Any

from claims.adjudication import Evidence
from claims.benefits import Benefit
from claims.claim import Claim, ClaimLine
from claims.reference import Diagnosis, Member, Procedure, Provider
from claims.rule import RuleVerdict
from claims.scoring import Score

DAY = date(2026, 3, 2)
RECEIVED = datetime(2026, 3, 2, 10, 15, tzinfo=UTC)


def make_claim(*lines: ClaimLine, **changes: Any) -> Claim:
    values: dict[str, Any] = {
        "claim_id": "clm_1",
        "received_at": RECEIVED,
        "received_on": RECEIVED.date(),
        "member_id": "M1",
        "provider_id": "H1",
        "diagnosis_codes": ("D001",),
        "lines": lines or (ClaimLine("P001", 100_00),),
        "service_from": DAY,
        "service_to": DAY,
    }
    return Claim(**(values | changes))


def make_evidence(claim: Claim | None = None, **changes: Any) -> Evidence:
    claim = claim or make_claim()
    values: dict[str, Any] = {
        "claim": claim,
        "member": Member("M1", birth_date=date(1980, 1, 1), sex="F"),
        "provider": Provider("H1"),
        "procedures": {line.procedure_code: Procedure(line.procedure_code) for line in claim.lines},
        "diagnoses": {code: Diagnosis(code) for code in claim.diagnosis_codes},
        "benefit": Benefit(None, 0),
    }
    return Evidence(**(values | changes))


def make_score(probability: float = 0.1, *, claim_id: str = "clm_1", **changes: Any) -> Score:
    return Score.model_validate(score_document(probability, claim_id=claim_id) | changes)


def score_document(probability: float = 0.1, *, claim_id: str = "clm_1") -> dict[str, Any]:
    """A valid response of the scorer, as JSON."""
    names = ["amount", "member_claims_30d"]
    return {
        "contract": "1",
        "claim_id": claim_id,
        "model_version": "v1",
        "schema_hash": hashlib.sha256("\n".join(names).encode()).hexdigest(),
        "probability": probability,
        "margin": -1.0,
        "threshold": 0.5,
        "flagged": probability >= 0.5,
        "base_margin": -2.0,
        "contributions": {"amount": 1.5, "member_claims_30d": -0.5},
        "vector": {"amount": 100.0, "member_claims_30d": None},
        "typical_margin": -2.25,
        "groups": [
            {"code": "claim_size", "push": 1.5, "features": {"amount": 1.5}},
            {"code": "member_pattern", "push": -0.25, "features": {"member_claims_30d": -0.25}},
        ],
        "reasons": [
            {
                "code": "claim_size",
                "kind": "evidence",
                "text": "x",
                "direction": "for",
                "push": 1.5,
                "odds": 4.48,
                "features": {"amount": 100.0},
                "carrier": ["amount"],
                "carrier_share": 1.0,
            },
            {
                "code": "member_pattern",
                "kind": "prior",
                "text": "y",
                "direction": "against",
                "push": -0.25,
                "odds": 0.78,
                "features": {"member_claims_30d": None},
                "carrier": ["member_claims_30d"],
                "carrier_share": 1.0,
            },
        ],
        "counterfactual": None,
        "feature_times": {"member_today": None},
        "stale_views": [],
        "gain_present": 1.0,
        "out_of_range": [],
        "tail_features": 0,
        "tail_limit": 3,
        "explained_by": "tables",
        "shadow": None,
    }


def encode(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode()


def make_rule(flagged: bool | None, amount_cents: int = 100_00) -> RuleVerdict:
    return RuleVerdict(flagged, amount_cents, None if flagged is None else 80_00, "average", 9, "words")
