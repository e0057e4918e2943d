"""Appeals and their outcomes as clients send them."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.fields import ONE_LINE, Amount, Note

MAX_REASON = 2_000
MAX_APPEAL_DOCUMENTS = 20
_SHA256 = r"^[0-9a-f]{64}$"
_MEDIA_TYPE = r"^[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}$"


class AppealDocument(BaseModel):
    """A document that supports an appeal: a reference, by which the document is found and verified."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=120, pattern=ONE_LINE)] = Field(
        description="Without a member's name."
    )
    media_type: Annotated[str, StringConstraints(strict=True, max_length=127, pattern=_MEDIA_TYPE)] = Field(
        examples=["application/pdf"]
    )
    sha256: Annotated[str, StringConstraints(strict=True, pattern=_SHA256)] = Field(
        description="Of the document's bytes, in lower-case hexadecimal digits.",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    )


class AppealIn(BaseModel):
    """An appeal against the decision of a claim."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [{"appellant": "provider", "reason": "The records show two separate services."}]
        },
    )

    appellant: Literal["provider", "member"] = Field(
        description="A provider's key sends `provider`, a member's `member`."
    )
    reason: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=MAX_REASON, pattern=ONE_LINE)] = (
        Field(description="Why the decision is wrong, without a member's name.")
    )
    documents: Annotated[list[AppealDocument], Field(max_length=MAX_APPEAL_DOCUMENTS)] = Field(
        default_factory=list, description="References to documents; the documents are kept elsewhere."
    )


class AppealDecisionIn(BaseModel):
    """The outcome of an appeal. The reviewer is the holder of the key."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"outcome": "upheld", "note": "The records do not show a second service."}]},
    )

    outcome: Literal["upheld", "overturned", "partly_overturned"] = Field(
        description="`overturned` pays as far as the benefit allows; `partly_overturned` pays `amount`."
    )
    amount: Amount | None = Field(
        None, description="Of `partly_overturned`: above what is paid, and below what `overturned` would pay."
    )
    note: Note | None = Field(None, description="A short comment, without a member's name.")
