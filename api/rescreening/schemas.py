"""Re-screening as a client sends it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from api.fields import Note

ClosingReasonName = Literal["recovery_started", "decision_corrected", "no_action", "not_correct"]


class RescreeningCloseIn(BaseModel):
    """Why a finding is closed. Who closes it is the holder of the key."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [{"reason": "recovery_started", "note": "RC-118"}]}
    )

    reason: ClosingReasonName = Field(
        description="`recovery_started`: what was overpaid is being recovered; `decision_corrected`: the claim was "
        "decided with it in view, reopened or replaced; `no_action`: the decision stands; `not_correct`: the table or "
        "registry is wrong."
    )
    note: Note | None = Field(None, description="A short comment, without a member's name.")
