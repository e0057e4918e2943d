"""Remittance advice: what is paid of the decided claims of a provider, as JSON and as X12 835."""

from api.remittances.responses import RemittanceOut, remittance_out, remittance_x12
from api.remittances.service import RemittanceAdvice, payer_of, remittance

__all__ = ["RemittanceAdvice", "RemittanceOut", "payer_of", "remittance", "remittance_out", "remittance_x12"]
