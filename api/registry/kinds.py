"""The registries: one declaration per kind of entry. What works on them is in `repository` and `service`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from sqlalchemy import Table

from api.catalog import ProcedureRow
from api.database import Query
from api.members import IDENTITY_FIELDS, MemberRow, lock_member
from api.providers import ProviderRow, lock_provider
from api.registry.details import Details, MemberDetails, ProcedureDetails, ProviderDetails
from api.tables import Base

_NONE: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of entry, and where it is stored."""

    name: str
    row: type[Base]
    key: str
    """Column of the id."""
    first: str
    """Column of the first day of the latest period."""
    end: str
    """Column of its end."""
    details: type[Details]
    lock: Callable[[str], Query[None]] | None = None
    """What waits for the claims of an entry that are being decided; None: they do not wait."""
    end_after: timedelta = timedelta()
    """How long after the last day the end is."""
    has_plan: bool = False
    personal: frozenset[str] = frozenset()
    """Fields of `details` whose values the audit log does not repeat, and which are encrypted."""
    columns: Mapping[str, str] = field(default_factory=lambda: _NONE)
    """Columns of `details` that have another name than their field."""

    @property
    def table(self) -> Table:
        """The table."""
        table = self.row.__table__
        assert isinstance(table, Table)
        return table

    def column(self, name: str) -> str:
        """The column of a field of `details`."""
        return self.columns.get(name, name)


MEMBER: Final = Kind(
    name="member",
    row=MemberRow,
    key="member_id",
    first="enrolled_from",
    end="enrolled_to",
    end_after=timedelta(days=1),
    details=MemberDetails,
    lock=lock_member,
    has_plan=True,
    personal=frozenset(IDENTITY_FIELDS),
)
PROVIDER: Final = Kind(
    name="provider",
    row=ProviderRow,
    key="provider_id",
    first="active_from",
    end="active_to",
    details=ProviderDetails,
    lock=lock_provider,
)
PROCEDURE: Final = Kind(
    name="procedure",
    row=ProcedureRow,
    key="procedure_code",
    first="valid_from",
    end="valid_to",
    details=ProcedureDetails,
    columns=MappingProxyType({"typical_price": "typical_cents"}),
)
