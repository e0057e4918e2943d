"""Adjudication: eligibility, edits, inherited reviews, and the decision over a claim.

authorization.py  prior authorization: it is there, for this service, and not used up
contract_denials.py  the findings that reject or reduce without a person
decision.py     findings, benefit and score, or the 2× rule, into a `Decision`
edits.py        checks against the catalogue and the history, one entry each in `EDITS`
eligibility.py  cover of the member, licence of the provider
suspicion.py    reviews inherited from a held or denied claim for the same service
rescoring.py    what a score that arrives after the decision may change
"""

from claims.adjudication.authorization import authorized_services, lines_in_need
from claims.adjudication.contract_denials import CONTRACT_DENIALS, ContractDenial, rejecting
from claims.adjudication.decision import (
    Decision,
    DecisionPolicy,
    decide,
    findings_of_score,
    findings_without_score,
    score_not_used,
)
from claims.adjudication.edits import NEAR_DAYS, Evidence, SimilarClaim, run_edits
from claims.adjudication.rescoring import CODES_WITHOUT_SCORE, reconsider, releasable
from claims.adjudication.suspicion import SUSPICION_CODES, HeldClaim, SuspicionPolicy, inherit, replaced_often

__all__ = [
    "CODES_WITHOUT_SCORE",
    "CONTRACT_DENIALS",
    "NEAR_DAYS",
    "SUSPICION_CODES",
    "ContractDenial",
    "Decision",
    "DecisionPolicy",
    "Evidence",
    "HeldClaim",
    "SimilarClaim",
    "SuspicionPolicy",
    "authorized_services",
    "decide",
    "findings_of_score",
    "findings_without_score",
    "inherit",
    "lines_in_need",
    "reconsider",
    "rejecting",
    "releasable",
    "replaced_often",
    "run_edits",
    "score_not_used",
]
