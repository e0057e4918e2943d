"""Evidence packs as values."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from claims.evidence import Allegation, AllegationCategory

MAX_STATEMENT: Final = 4_000
"""Characters of a text that a person states."""
MAX_PROVISIONS: Final = 20
PackForm = Literal["json", "pdf"]


@dataclass(frozen=True, slots=True)
class StatedCircumstances:
    """What a person states of the six questions; what is empty is taken from the claims, where they say it."""

    who: str = ""
    what: str = ""
    when: str = ""
    where: str = ""
    how: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class PackRequest:
    """What a person states for a pack; everything else is read."""

    organization: str
    person: str
    contact: str
    unit: str = ""
    allegation: Allegation = field(default_factory=lambda: Allegation(AllegationCategory.UNDETERMINED, "", ()))
    circumstances: StatedCircumstances = StatedCircumstances()


@dataclass(frozen=True, slots=True)
class PackRecord:
    """A pack that was written, without its files."""

    pack_id: str
    case_id: str
    written_at: datetime
    written_by: str
    written_name: str
    claims: int
    billed_cents: int
    paid_cents: int
    at_risk_cents: int
    pack_sha256: str

    def file_name(self, form: PackForm) -> str:
        """The name of its file."""
        return f"{self.pack_id}.{form}"
