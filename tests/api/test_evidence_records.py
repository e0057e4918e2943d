"""The records of an evidence pack: the files of its case with hashes and custody, and no name of another member."""

import hashlib
import json

from api import cases
from api.cases import CaseTaskKind, NewCaseTask
from api.fields import parse_day
from claims.evidence import from_json
from tests.api.case_files import CSV, added, content
from tests.api.cases import ANN, claim, opened
from tests.api.makers import Api
from tests.api.test_case_files import withdrawn
from tests.api.test_evidence_packs import pack_of, read, written
from tests.api.test_evidence_pdf import read as pdf_text

NEW = {"member_id": "M900", "first_day": "2026-01-01", "last_day": "2028-12-31", "plan_id": "PL1"}


async def test_a_pack_lists_each_file_with_its_custody(api: Api):
    case, own = await opened(api, [await claim(api)]), api.dependencies
    asked = NewCaseTask(CaseTaskKind.RECORDS_REQUEST, "Records", parse_day("2026-12-01"), "Please send the records.")
    task = await cases.add_task(own.database, own.field_keys, ANN, case.case_id, asked)
    made = await added(api, case.case_id, task_id=task.task_id)
    await content(api, made)
    (record,) = (await pack_of(api, case)).records
    assert (record.file_id, record.name) == (made["file_id"], f"{made['file_id']}.csv")
    assert (record.sha256, record.size, record.media_type) == (hashlib.sha256(CSV).hexdigest(), len(CSV), "text/csv")
    assert (record.obtained_from, record.obtained_on.isoformat()) == (made["obtained_from"], made["obtained_on"])
    assert record.obtained_by == f"investigator ({made['added_by']})"
    assert record.request == task.task_id
    assert [one.by for one in record.accesses] == [f"investigator ({made['added_by']})"]
    assert record.withdrawn is None


async def test_an_access_after_the_pack_is_in_the_next_one_only(api: Api):
    case = await opened(api, [await claim(api)])
    made = await added(api, case.case_id)
    before = await pack_of(api, case)
    await content(api, made)
    assert (len(before.records[0].accesses), len((await pack_of(api, case)).records[0].accesses)) == (0, 1)


async def test_a_withdrawn_file_is_listed_as_withdrawn(api: Api):
    case = await opened(api, [await claim(api)])
    await withdrawn(api, await added(api, case.case_id))
    (record,) = (await pack_of(api, case)).records
    assert record.withdrawn is not None
    assert record.withdrawn.reason == "Of another provider."


async def named_member(api: Api) -> str:
    assert (await api.post("/v1/members", NEW | {"name": "Zoe Oldname"})).status_code == 201
    return await claim(api, member_id="M900")


async def test_a_pack_has_neither_the_name_nor_the_id_of_another_member(api: Api):
    case = await opened(api, [await named_member(api)])
    origin = "Zoe Oldname, OLDNAME ZOE, Oldname, Zoe and M900; Zoefield"
    made = await added(api, case.case_id, name="Zoe Oldname.csv", obtained_from=origin)
    await withdrawn(api, made, "Sent by Zoe  Oldname.")
    pack_id = (await written(api, case.case_id)).json()["pack_id"]
    raw = await read(api, case.case_id, pack_id)
    (record,) = json.loads(raw)["pack"]["records"]
    assert record["obtained_from"] == "M1, M1, M1 and M1; Zoefield"
    assert record["withdrawn"]["reason"] == "Sent by M1."
    assert b"oldname" not in raw.lower()
    assert "oldname" not in pdf_text(from_json(json.loads(raw)["pack"])).lower()


async def test_the_member_who_is_the_subject_stays_named_in_the_origin(api: Api):
    claim_id = await named_member(api)
    case = await opened(api, [claim_id], subject=cases.CaseSubject.member("M900"))
    await added(api, case.case_id, obtained_from="Zoe Oldname (M900)")
    assert (await pack_of(api, case)).records[0].obtained_from == "Zoe Oldname (M900)"


async def test_the_pdf_lists_the_files(api: Api):
    case = await opened(api, [await claim(api)])
    made = await added(api, case.case_id)
    await content(api, made)
    shown = pdf_text(await pack_of(api, case))
    assert made["file_id"] in shown
    assert made["sha256"][:20] in shown
    assert f"{made['obtained_from']}, on {made['obtained_on']}" in shown
