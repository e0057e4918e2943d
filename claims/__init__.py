"""What a claim is and how it is decided: pure rules, no I/O.

claim.py reference.py money.py        a claim, the member, provider and codes it refers to, amounts in cents
scoring.py score_check.py             the scoring contract, and the checks a score must pass to be used
identifiers.py                        how identifiers and codes are normalized or refused
outcome.py benefits.py rule.py        outcomes and findings, the year's benefit, the 2× rule
attributes.py windows.py              columns of a source that are declared as features, and windows over them
reason_groups.py                      the groups of features that reasons are stated for
adjudication/ plausibility/ review/   deciding a claim, checking its amounts, and what a person may decide
narrative/                            sentences that are recomputed from the facts they cite
policy/                               parameters, caps and rules as versioned data
sampling/                             random samples of paid claims, and the overpayment that follows from them
"""
