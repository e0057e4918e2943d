"""The facts of a stored claim, as it was scored at receipt."""

from collections.abc import Sequence

from api.intake.tables import ClaimRow
from claims.scoring import ClaimFacts

_NAMES = tuple(ClaimFacts.model_fields)
FACT_COLUMNS = tuple(ClaimRow.__table__.c[name] for name in _NAMES)
"""The columns that `facts_of` reads, in their order."""


def facts_of(row: Sequence[object]) -> ClaimFacts:
    """The facts from `FACT_COLUMNS` of a claim; what a loaded claim does not state has its default.

    Raises `pydantic.ValidationError` where it lacks what every score needs, such as the member.
    """
    values = {name: value for name, value in zip(_NAMES, row, strict=True) if value is not None}
    return ClaimFacts.model_validate(values)
