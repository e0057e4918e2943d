"""Something on every page of the console, each text of which tries to be markup."""

import re
from collections.abc import Mapping

import psycopg

from api.identity import create_key
from tests.api.appeals import APPEAL, denied, filed
from tests.api.cases import PROVIDER
from tests.api.console.setting import Browser, store_claim
from tests.api.console.test_evidence_pages import FORM
from tests.api.console.test_sample_pages import DRAW
from tests.api.console.test_user_sign_in import browser_of
from tests.api.leads import held, refreshed
from tests.api.makers import Api
from tests.api.test_samples import paid

MARKUP = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>\" onmouseover=\"alert(2)\" x='"
"""What forms take."""
HOSTILE = f"{MARKUP}\u202egnp.exe\u202c"
"""What comes from elsewhere may turn the direction of writing as well."""
LONG = HOSTILE + "W" * (10_000 - len(HOSTILE))
WRITTEN = MARKUP + "W" * (10_000 - len(MARKUP))
CLAIM = "clm_hostile"


async def everything(api: Api) -> tuple[str, Mapping[str, str]]:
    """The key of an administrator, and what stands in for each parameter of a path."""
    _, key = await create_key(api.dependencies.database, name=HOSTILE, role="admin")
    store_claim(api.url, CLAIM, reason_text=HOSTILE)
    paid(api, 40)
    await api.post(f"/v1/claims/{CLAIM}/dispositions", {"disposition": "waste", "note": WRITTEN[:500]})
    claim_id = await held(api)
    of_provider = await denied(api, service_from="2026-03-02")
    await filed(api, of_provider, body=APPEAL | {"reason": WRITTEN[:2_000]})
    _store_texts(api.url)
    await refreshed(api)
    async with browser_of(api) as browser:
        await _sent(browser, "/console/sign-in", api_key=key)
        opening = {"kind": "provider", "subject": PROVIDER.subject_id, "detection": "manual", "claim_ids": claim_id}
        case = await _sent(browser, "/console/cases", **opening)
        await _sent(browser, case, act="note", kind="note", text=WRITTEN)
        await _sent(browser, case, act="task", title=MARKUP, due_on="2027-01-01", text=WRITTEN)
        await _sent(browser, f"{case}/evidence", **FORM | {"statement": WRITTEN[:2_000], "person": MARKUP})
        sample = await _sent(browser, f"{case}/samples", **DRAW | {"size": "20"})
        await _sent(browser, "/console/queue/views?tab=unassigned", name=MARKUP[:60])
        queue = (await browser.get("/console/queue")).text
        opening = {"kind": "ring", "subject": "H456 H457", "detection": "manual", "claim_ids": ""}
        ring = (await _sent(browser, "/console/cases", **opening)).rpartition("/")[2]
    with psycopg.connect(api.url) as connection:
        audit_id = connection.execute("SELECT max(audit_id) FROM audit_log WHERE act LIKE 'case.%'").fetchone()
        ring_id = connection.execute("SELECT subject_id FROM cases WHERE case_id = %s", [ring]).fetchone()
    assert audit_id is not None
    assert ring_id is not None
    return key, {
        "claim_id": CLAIM,
        "own_claim_id": of_provider,
        "provider_id": "H456",
        "member_id": "M123",
        "case_id": case.rpartition("/")[2],
        "sample_id": sample.rpartition("/")[2].partition("?")[0].partition("#")[0],
        "lead_id": re.findall(r"led_\w+", queue)[0],
        "audit_id": str(audit_id[0]),
        "ring_id": str(ring_id[0]),
    }


async def _sent(browser: Browser, address: str, **form: str) -> str:
    """Send a form; where it leads to."""
    answer = await browser.post(address, data=form)
    refused = re.findall(r'(?:role="alert"|field-error)[^>]*>([^<]*)', answer.text)
    assert answer.status_code == 303, (answer.status_code, address, refused)
    return str(answer.headers["location"]).partition("#")[0]


def _store_texts(url: str) -> None:
    """Texts that come from files, other systems and failures."""
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE providers SET name = %s, specialty = %s WHERE provider_id = 'H456'", [LONG, HOSTILE])
        connection.execute("UPDATE procedures SET name = %s", [LONG])
        connection.execute(
            "INSERT INTO tasks (task_id, kind, queue, state, payload, attempts, max_attempts, created_at, due_at,"
            " ended_at, error) VALUES ('tsk_1', 'decide_claim', 'claims', 'failed', '{}', 10, 10, now(), now(), now(),"
            " %s)",
            [LONG],
        )
        connection.execute(
            "INSERT INTO dead_letters (position, consumer, topic, entity_key, payload, created_at, attempts, error,"
            " failed_at) VALUES (7, 'rescoring', 'claim.rescore', %s, '{}', now(), 8, %s, now())",
            [HOSTILE, LONG],
        )
