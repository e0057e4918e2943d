"""Responses about the version of a client."""

from pydantic import BaseModel, ConfigDict, Field

from api.fields import InstantOut
from api.versions import CURRENT


class ClientVersionOut(BaseModel):
    """The version of the API that the calling key gets."""

    model_config = ConfigDict(from_attributes=True)

    version: str = Field(description="What requests without `X-API-Version` get.", examples=[CURRENT])
    pinned_at: InstantOut | None = Field(description="Since when; null: it is not stored yet.")
    current: str = Field(description="The newest version.", examples=[CURRENT])
    supported: list[str] = Field(description="Versions that can be named, the newest first.", examples=[[CURRENT]])
    previous: str | None = Field(description="The version before the last upgrade; null: it cannot be rolled back to.")
    rollback_until: InstantOut | None = Field(description="Until when the last upgrade can be undone.")
