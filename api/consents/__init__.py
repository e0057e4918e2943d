"""Consents of members: recorded by purpose, withdrawn, and honoured by reads that state a purpose."""

from api.consents.checks import (
    HONOURED,
    ConsentCheck,
    answered,
    lacks_check,
    require_consent,
    require_honoured,
    require_nothing,
    required_check,
)
from api.consents.records import Consent, ConsentKind, ConsentScope, ConsentState
from api.consents.service import Consents, NewConsent, withdraw_all
from api.consents.tables import ConsentRow, ConsentWithdrawalRow
from api.consents.texts import consent_of_texts, kind_of_purpose

__all__ = [
    "HONOURED",
    "Consent",
    "ConsentCheck",
    "ConsentKind",
    "ConsentRow",
    "ConsentScope",
    "ConsentState",
    "ConsentWithdrawalRow",
    "Consents",
    "NewConsent",
    "answered",
    "consent_of_texts",
    "kind_of_purpose",
    "lacks_check",
    "require_consent",
    "require_honoured",
    "require_nothing",
    "required_check",
    "withdraw_all",
]
