"""The summary of the latest evidence pack of a case."""

from datetime import UTC

from api.console.access import SignedIn
from api.console.summary.view import SummaryView, summary_view
from api.errors import Forbidden, NotFound
from api.evidence import EvidencePacks
from api.identity import Scope
from api.narrative import drafted_narrative, drafting_endpoint, narrative_of_templates
from claims.evidence import facts_of, from_json, read_pack_file
from claims.narrative import narrative_facts
from core.settings import Settings


class CaseSummaries:
    """Summaries of cases."""

    def __init__(self, packs: EvidencePacks, settings: Settings) -> None:
        self._packs = packs
        self._endpoint = drafting_endpoint(settings)

    async def of_templates(self, signed_in: SignedIn, case_id: str) -> SummaryView:
        """The summary by templates; raises `NotFound` and `Forbidden`."""
        return await self._summary(signed_in, case_id, is_drafted=False)

    async def drafted(self, signed_in: SignedIn, case_id: str) -> SummaryView:
        """The summary by the endpoint of the settings, where there is one; raises `NotFound` and `Forbidden`."""
        return await self._summary(signed_in, case_id, is_drafted=True)

    async def _summary(self, signed_in: SignedIn, case_id: str, *, is_drafted: bool) -> SummaryView:
        if not signed_in.may(Scope.CASES_READ):
            raise Forbidden(f"role {signed_in.role} does not see cases; an investigator or lead investigator does")
        packs = await self._packs.packs_of(case_id)
        if not packs:
            raise NotFound("The case has no evidence pack yet. Write one, then its summary is here.")
        record, raw = await self._packs.file(case_id, packs[0].pack_id, "json")
        facts = facts_of(from_json(dict(read_pack_file(raw).pack)))
        stated = narrative_facts(facts)
        if is_drafted and self._endpoint is not None:
            narrative = await drafted_narrative(stated, self._endpoint)
        else:
            narrative = narrative_of_templates(stated)
        return summary_view(
            narrative,
            stated,
            facts,
            case_id=case_id,
            pack_id=record.pack_id,
            written_at=record.written_at.astimezone(UTC),
            can_draft=self._endpoint is not None,
        )
