"""The payment of a claim line by line: as it is stored with the claim, and as responses show it."""

from api.payments.records import payment_from_json, payment_to_json
from api.payments.responses import PaymentOut, cents_of, payment_of, payment_out

__all__ = [
    "PaymentOut",
    "cents_of",
    "payment_from_json",
    "payment_of",
    "payment_out",
    "payment_to_json",
]
