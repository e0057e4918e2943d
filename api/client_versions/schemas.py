"""Bodies of the routes of client versions."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.versions import CURRENT

_Version = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=10)]


class VersionUpgradeIn(BaseModel):
    """An upgrade of the calling key."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [{"version": CURRENT}]})

    version: _Version = Field(description="A supported version, newer than the one that the key has.")


class VersionRollbackIn(BaseModel):
    """The last upgrade of the calling key is to be undone; nothing more has to be said."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [{}]})
