"""Payment of a claim, line by line: price, cost sharing, other payers, and the codes that explain every reduction.

prices.py    contract and fee schedule: what a line may cost
itemization.py   deductible, co-payment, co-insurance, maximum and other payers: what is paid of it
codes.py     claim adjustment reason codes (CARC), remark codes (RARC) and their groups
"""

from claims.payment.codes import (
    ABOVE_PRICE,
    ADJUSTMENT_REASONS,
    BENEFIT_USED_UP,
    COINSURANCE,
    COPAYMENT,
    DEDUCTIBLE,
    OTHER_PAYER,
    AdjustmentGroup,
    AdjustmentReason,
    reason_of_contract,
    reason_of_person,
)
from claims.payment.itemization import Adjustment, ClaimPayment, LinePayment, itemize, without_terms
from claims.payment.prices import LinePrice, OtherPayerSent, PriceSource, contract_key, line_prices, priced_by_tables

__all__ = [
    "ABOVE_PRICE",
    "ADJUSTMENT_REASONS",
    "BENEFIT_USED_UP",
    "COINSURANCE",
    "COPAYMENT",
    "DEDUCTIBLE",
    "OTHER_PAYER",
    "Adjustment",
    "AdjustmentGroup",
    "AdjustmentReason",
    "ClaimPayment",
    "LinePayment",
    "LinePrice",
    "OtherPayerSent",
    "PriceSource",
    "contract_key",
    "itemize",
    "line_prices",
    "priced_by_tables",
    "reason_of_contract",
    "reason_of_person",
    "without_terms",
]
