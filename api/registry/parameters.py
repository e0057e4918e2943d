"""Parameters of the routes of the registries."""

from typing import Annotated

from fastapi import Path, Query
from pydantic import AfterValidator

from api.entries import KNOWN_AT
from api.fields import PastInstant, as_claim_id

MemberId = Annotated[str, Path(description="Id of the member.", examples=["M123"]), AfterValidator(as_claim_id)]
ProviderId = Annotated[str, Path(description="Id of the provider.", examples=["H456"]), AfterValidator(as_claim_id)]
ProcedurePath = Annotated[
    str, Path(description="Code of the procedure.", examples=["P001"]), AfterValidator(as_claim_id)
]
ProcedureKnownAt = Annotated[
    PastInstant | None,
    Query(
        description=f"{KNOWN_AT}. A claim is decided by its procedures as they were when it was received, shortly "
        "before `made_at` of its first assessment."
    ),
]
