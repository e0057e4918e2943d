"""Investigators, and cases that they open."""

from collections.abc import Sequence

from api import cases
from api.cases import CaseRecord, CaseSubject, Detection
from api.identity import Caller
from tests.api.makers import MINIMAL, Api

ANN = Caller("key_ann", "investigator", None, "Ann")
BEN = Caller("key_ben", "investigator", None, "Ben")
LEA = Caller("key_lea", "lead_investigator", None, "Lea")
PROVIDER = CaseSubject.provider("H456")


async def claim(api: Api, **changes: str) -> str:
    """The id of a new claim."""
    answer = await api.submit({**MINIMAL, **changes})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["claim_id"])


async def opened(
    api: Api,
    claim_ids: Sequence[str] = (),
    *,
    caller: Caller = ANN,
    subject: CaseSubject = PROVIDER,
    detection: Detection = Detection.SCORE,
) -> CaseRecord:
    """A case, opened by an investigator."""
    own = api.dependencies
    return await cases.open_case(own.database, own.field_keys, caller, subject, claim_ids, detection)


async def acts(api: Api, case_id: str) -> list[str]:
    """What the history of a case has, the first act first."""
    own = api.dependencies
    return [one.act for one in reversed(await cases.history_of(own.database, own.field_keys, case_id))]
