"""Evidence packs as the console prints them. Each method raises `Forbidden` for people who may not see cases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from api import cases
from api.cases import CaseRecord
from api.console.access import SignedIn
from api.database import Database
from api.errors import Forbidden
from api.evidence import EvidencePackIn, EvidencePacks, PackForm, PackRecord
from api.field_keys import FieldKeys
from api.identity import Scope
from api.requests import validate
from claims.evidence import PackCheck
from claims.money import format_cents
from core.format import utc_second
from core.settings import Settings

CATEGORIES: Final = (
    ("fraud", "Fraud"),
    ("waste", "Waste"),
    ("abuse", "Abuse"),
    ("billing_error", "Billing error"),
    ("undetermined", "Undetermined"),
)


@dataclass(frozen=True, slots=True)
class PackLine:
    """A pack in the list."""

    pack_id: str
    written_at: str
    written_by: str
    claims: int
    billed: str
    paid: str
    at_risk: str
    pack_sha256: str


@dataclass(frozen=True, slots=True)
class VerifiedPack:
    """What a verification found."""

    pack_id: str
    is_equal: bool
    checks: Sequence[PackCheck]


@dataclass(frozen=True, slots=True)
class CaseEvidencePage:
    """The page."""

    case: CaseRecord
    packs: Sequence[PackLine]
    verified: VerifiedPack | None
    may_write: bool
    organization: str
    person: str


class CaseEvidence:
    """The packs of cases."""

    def __init__(self, database: Database, keys: FieldKeys, settings: Settings) -> None:
        self._database = database
        self._packs = EvidencePacks(database, keys, settings)
        self._organization = settings.payer_name or ""

    async def page(self, signed_in: SignedIn, case_id: str, verified_id: str | None) -> CaseEvidencePage:
        """The packs of a case; that of `verified_id` is verified. Raises `NotFound`."""
        _require(signed_in, Scope.CASES_READ)
        packs = await self._packs.packs_of(case_id)
        verified = None
        if verified_id is not None:
            found = await self._packs.verify(case_id, verified_id)
            verified = VerifiedPack(verified_id, found.is_equal, found.checks)
        return CaseEvidencePage(
            case=await cases.case(self._database, case_id),
            packs=[_line(one) for one in packs],
            verified=verified,
            may_write=signed_in.may(Scope.CASES_WORK),
            organization=self._organization,
            person=signed_in.name,
        )

    async def write(self, signed_in: SignedIn, case_id: str, entered: Mapping[str, str]) -> str:
        """Write the pack of a form; returns its id. Raises `Invalid`, `NotFound`, `Unavailable`."""
        _require(signed_in, Scope.CASES_WORK)
        texts: dict[str, object] = {name: value.replace("\r\n", "\n").strip() for name, value in entered.items()}
        texts["provisions"] = [one.strip() for one in str(texts.get("provisions", "")).split("\n") if one.strip()]
        asked = validate(EvidencePackIn, texts).asked
        return (await self._packs.write(signed_in.caller, case_id, asked)).record.pack_id

    async def file(self, signed_in: SignedIn, case_id: str, pack_id: str, form: PackForm) -> tuple[PackRecord, bytes]:
        """The file of a pack. Raises `NotFound`."""
        _require(signed_in, Scope.CASES_READ)
        return await self._packs.file(case_id, pack_id, form)


def _line(one: PackRecord) -> PackLine:
    return PackLine(
        pack_id=one.pack_id,
        written_at=utc_second(one.written_at),
        written_by=one.written_name,
        claims=one.claims,
        billed=format_cents(one.billed_cents),
        paid=format_cents(one.paid_cents),
        at_risk=format_cents(one.at_risk_cents),
        pack_sha256=one.pack_sha256,
    )


def _require(signed_in: SignedIn, scope: Scope) -> None:
    if not signed_in.may(scope):
        raise Forbidden(f"role {signed_in.role} has no scope {scope.value}; sign in with one that has it")
