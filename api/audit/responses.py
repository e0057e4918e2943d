"""Entries of the audit log in responses."""

from dataclasses import asdict
from typing import Self

from pydantic import BaseModel, Field, JsonValue

from api.audit.changes import StoredChange
from api.audit.records import AuditedAct
from api.fields import InstantOut


class AuditEntryOut(BaseModel):
    """An entry of the audit log."""

    audit_id: int
    at: InstantOut
    actor_id: str = Field(description="The API key or user; `command line` of a command.")
    name: str = Field(description="Of the actor, as of then.")
    role: str
    act: str
    subject_kind: str | None
    subject_id: str | None
    claim_id: str | None = Field(description="Of a change of a claim.")
    details: dict[str, JsonValue] = Field(description="What was changed, or the filter of a list and its number.")
    purpose: str | None = Field(description="A code of HL7 v3 PurposeOfUse.")
    outcome: str = Field(description="`success`, `denied`, `not_found` or `failed`.")
    request_id: str | None
    address: str | None
    agent: str | None

    @classmethod
    def of(cls, found: AuditedAct) -> Self:
        """An entry as it is stored."""
        return cls.model_validate({name: getattr(found, name) for name in cls.model_fields})


class AuditChangeOut(BaseModel):
    """What was before a change and after it."""

    before: dict[str, JsonValue] | None = Field(description="null: it was created.")
    after: dict[str, JsonValue] | None


class AuditEntryWithChangeOut(AuditEntryOut):
    """An entry of the audit log with what was changed."""

    change: AuditChangeOut | None = Field(description="Decrypted; null: none was stored, or it was erased.")
    change_erased: bool = Field(description="Whether the change was erased with the member it is about.")

    @classmethod
    def with_change(cls, found: AuditedAct, stored: StoredChange) -> Self:
        """An entry with its decrypted change."""
        known = {name: getattr(found, name) for name in AuditEntryOut.model_fields}
        change = None if stored.change is None else asdict(stored.change)
        return cls.model_validate({**known, "change": change, "change_erased": stored.is_erased})


class AuditEntryList(BaseModel):
    """Entries of the audit log, the latest first."""

    entries: list[AuditEntryOut]
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page; null: the last page.")
