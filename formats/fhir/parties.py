"""Who a reference names."""

from collections.abc import Sequence
from typing import Final

from formats.fhir.elements import ContainedResource, Reference

NPI: Final = "http://hl7.org/fhir/sid/us-npi"
_UUID: Final = "urn:uuid:"
_SEARCH: Final = "?identifier="


class UnnamedParty(ValueError):
    """A reference that names nobody; the message says why."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy


def party_id(reference: Reference, contained: Sequence[ContainedResource]) -> str:
    """The id that a reference names: its identifier, that of a contained resource (an NPI first) or of a search, or the
    last part of an address. Raises `UnnamedParty`.
    """
    if reference.identifier is not None and reference.identifier.value is not None:
        return reference.identifier.value
    address = reference.reference or ""
    if address.startswith("#"):
        named = next((one for one in contained if one.id == address[1:]), None)
        identifiers = [] if named is None else sorted(named.identifier, key=lambda one: one.system != NPI)
        found = next((one.value for one in identifiers if one.value is not None), None)
        if found is None:
            reason = "the reference does not lead to a contained resource with an identifier"
            raise UnnamedParty(reason, "send the identifier of the resource")
        return found
    if _SEARCH in address:
        id_ = address.partition(_SEARCH)[2].rpartition("|")[2]
    elif address.startswith(_UUID):
        id_ = address.removeprefix(_UUID)
    else:
        kind, _, id_ = address.rpartition("/")
        id_ = id_ if kind else ""
    if not id_:
        reason = "there is neither an identifier nor a reference"
        raise UnnamedParty(reason, "send identifier, or reference as Type/id")
    return id_
