"""Evidence packs as the API returns them."""

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.evidence.records import PackRecord


class EvidencePackOut(BaseModel):
    """An evidence pack that was written; its files are read by their own route."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    pack_id: str
    case_id: str
    written_at: AwareDatetime = Field(description="The instant of the snapshot that it was made from.")
    written_by: str = Field(description="Id of the key or user.")
    claims: int = Field(description="Claims in its schedule.")
    billed_cents: int
    paid_cents: int
    at_risk_cents: int = Field(description="Billed and not decided.")
    pack_sha256: str = Field(description="Of the hashes of its sections, in hex.")

    @classmethod
    def of(cls, record: PackRecord) -> "EvidencePackOut":
        """A pack."""
        return cls.model_validate(record)


class EvidencePackList(BaseModel):
    """The packs of a case."""

    model_config = ConfigDict(frozen=True)

    evidence_packs: list[EvidencePackOut]
