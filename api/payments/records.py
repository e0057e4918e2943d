"""A payment as it is stored in `claims.payment`."""

from collections.abc import Mapping

from pydantic import JsonValue, TypeAdapter

from claims.payment import ClaimPayment

_PAYMENT = TypeAdapter(ClaimPayment)


def payment_to_json(payment: ClaimPayment) -> dict[str, JsonValue]:
    """A payment as it is stored."""
    document: dict[str, JsonValue] = _PAYMENT.dump_python(payment, mode="json")
    return document


def payment_from_json(stored: Mapping[str, JsonValue] | None) -> ClaimPayment | None:
    """A payment as it was stored; `None` for a claim that is not itemized."""
    return None if stored is None else _PAYMENT.validate_python(stored)
