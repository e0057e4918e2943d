"""Legal holds: while one is in force, nothing about its member is erased, archived or deleted."""

from api.legal_holds.records import LegalHold
from api.legal_holds.repository import holds_in_force, is_stored_member
from api.legal_holds.service import LegalHolds, NewLegalHold, require_no_hold

__all__ = [
    "LegalHold",
    "LegalHolds",
    "NewLegalHold",
    "holds_in_force",
    "is_stored_member",
    "require_no_hold",
]
