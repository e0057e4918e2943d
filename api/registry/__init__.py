"""The registries of members, providers and procedures: entries with periods of validity and every earlier state."""

from api.registry.encrypting import ClearIdentities, clear_identities, encrypt_identities
from api.registry.erasure import Erasure, erase_member
from api.registry.found_members import shown_entry, sought_member
from api.registry.member_search import MemberSearch, SoughtMember
from api.registry.records import Ending, Entry
from api.registry.repository import state_at
from api.registry.schemas import EndIn
from api.registry.service import Registry, shown_member

__all__ = [
    "ClearIdentities",
    "EndIn",
    "Ending",
    "Entry",
    "Erasure",
    "MemberSearch",
    "Registry",
    "SoughtMember",
    "clear_identities",
    "encrypt_identities",
    "erase_member",
    "shown_entry",
    "shown_member",
    "sought_member",
    "state_at",
]
