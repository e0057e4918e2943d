"""Evidence packs of cases: what is read, who may, and what stays."""

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner
from httpx import Response

from api.cases import CaseRecord, CaseSubject
from api.evidence import signature_check
from claims.evidence import EvidencePack, facts_of, from_json, verify_pack
from cli.main import main
from core.signing import trusted_keys
from tests.api.cases import ANN, acts, claim, opened
from tests.api.makers import ENCRYPTION_KEY, Api
from tests.api.test_samples import Audit, paid

ASKED = {
    "organization": "Example Health Plan",
    "person": "A. Miller",
    "contact": "siu@insurer.example",
    "category": "fraud",
    "statement": "Services billed twice.",
    "provisions": ["18 U.S.C. 1347"],
}


async def written(api: Api, case_id: str, **changes: Any) -> Response:
    return await api.post(f"/v1/cases/{case_id}/evidence", {**ASKED, **changes})


async def read(api: Api, case_id: str, pack_id: str, form: str = "json") -> bytes:
    answer = await api.get(f"/v1/cases/{case_id}/evidence/{pack_id}/file?format={form}")
    assert answer.status_code == 200, answer.text
    return answer.content


async def pack_of(api: Api, case: CaseRecord, **changes: Any) -> EvidencePack:
    """A pack that was written over HTTP, as it is read."""
    answer = await written(api, case.case_id, **changes)
    assert answer.status_code == 201, answer.text
    return from_json(json.loads(await read(api, case.case_id, answer.json()["pack_id"]))["pack"])


async def test_a_pack_has_the_claims_of_the_case_and_no_other(api: Api):
    first, second, other = await claim(api), await claim(api, member_id="M124"), await claim(api)
    pack = await pack_of(api, await opened(api, [first, second]))
    assert {one.claim_id for one in pack.schedule.claims} == {first, second}
    assert other not in json.dumps(sorted(facts_of(pack)))
    stored = dict(api.rows("SELECT claim_id, amount_cents FROM claims"))
    assert pack.schedule.totals.billed_cents == stored[first] + stored[second]
    assert pack.subject.subject_id == "H456"
    assert (pack.referrer.person, pack.allegation.provisions) == ("A. Miller", ("18 U.S.C. 1347",))


async def test_a_written_pack_verifies_and_is_read_byte_for_byte(api: Api):
    case = await opened(api, [await claim(api)])
    made = (await written(api, case.case_id)).json()
    raw = await read(api, case.case_id, made["pack_id"])
    pdf = await read(api, case.case_id, made["pack_id"], "pdf")
    assert raw == await read(api, case.case_id, made["pack_id"])
    check = signature_check(trusted_keys(api.dependencies.settings))
    found = verify_pack(raw, check, pdf_sha256=hashlib.sha256(pdf).hexdigest())
    assert found.is_equal, found.checks
    assert json.loads(raw)["seal"]["pack_sha256"] == made["pack_sha256"]
    again = await api.dependencies.evidence.verify(case.case_id, made["pack_id"])
    assert again.is_equal


async def test_the_score_of_a_claim_is_in_the_annex_without_age_and_sex(api: Api):
    scored = await claim(api)
    pack = await pack_of(api, await opened(api, [scored]))
    ((stored,),) = api.rows("SELECT to_jsonb(a) FROM assessments a WHERE probability IS NOT NULL")
    (annex,) = pack.annex
    assert (annex.claim_id, annex.probability, annex.margin) == (scored, stored["probability"], stored["margin"])
    assert annex.vector == stored["vector"]
    assert not [name for name in annex.contributions if "demographic" in name]
    shown = {one.text for one in (*annex.risk_indicators, *annex.mitigating_factors)}
    assert shown <= {one["text"] for one in stored["reasons"]}


async def test_no_other_members_identity_is_in_a_pack(api: Api):
    ids = ["M123", "M124", "M125"]
    case = await opened(api, [await claim(api, member_id=one) for one in ids])
    made = (await written(api, case.case_id)).json()
    raw = await read(api, case.case_id, made["pack_id"])
    pack = from_json(json.loads(raw)["pack"])
    assert sorted(one.member for one in pack.schedule.claims) == ["M1", "M2", "M3"]
    for one in ids:
        assert one.encode() not in raw


async def test_the_member_who_is_the_subject_is_named(api: Api):
    first = await claim(api, member_id="M123")
    pack = await pack_of(api, await opened(api, [first], subject=CaseSubject.member("M123")))
    assert pack.subject.subject_id == "M123"


async def test_a_text_that_names_a_member_of_a_claim_is_refused(api: Api):
    case = await opened(api, [await claim(api, member_id="M124")])
    answer = await written(api, case.case_id, how="M124 was billed twice.")
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["errors"]] == ["how"]
    assert "names a member" in answer.json()["errors"][0]["message"]
    assert api.rows("SELECT * FROM evidence_packs") == []


async def test_prices_are_compared_with_those_of_other_providers(api: Api):
    own = await claim(api)
    for _ in range(3):
        await claim(api, provider_id="H457", member_id="M124")
    pack = await pack_of(api, await opened(api, [own]))
    prices = next(one for one in pack.patterns if one.name.startswith("billed_per_unit:"))
    assert prices.claims == (own,)
    assert prices.peers is not None
    assert prices.peers.n == 3


async def test_writing_and_reading_are_in_the_history_and_the_audit_log(api: Api):
    case = await opened(api, [await claim(api)])
    made = (await written(api, case.case_id)).json()
    await read(api, case.case_id, made["pack_id"])
    assert (await acts(api, case.case_id))[-1] == "case.write_evidence"
    recorded = api.rows(
        "SELECT act, subject_id FROM audit_log WHERE act IN (%s, %s) ORDER BY audit_id",
        "case.write_evidence",
        "case.read_evidence",
    )
    assert recorded == [("case.write_evidence", case.case_id), ("case.read_evidence", case.case_id)]


async def test_the_next_pack_has_the_act_of_the_one_before_it(api: Api):
    case = await opened(api, [await claim(api)])
    await pack_of(api, case)
    pack = await pack_of(api, case)
    assert [one.act for one in pack.custody] == ["case.open", "case.add_claims", "case.write_evidence"]
    listed = (await api.get(f"/v1/cases/{case.case_id}/evidence")).json()["evidence_packs"]
    assert (listed[0]["pack_id"], len(listed)) == (pack.header.pack_id, 2)


async def test_education_of_an_earlier_case_is_an_action_taken(api: Api):
    from api import cases
    from api.cases import CaseNoteKind, add_note

    own = api.dependencies
    earlier = await opened(api)
    await add_note(
        own.database, own.field_keys, ANN, earlier.case_id, "Letter about modifier 25.", CaseNoteKind.EDUCATION
    )
    api.execute(
        "UPDATE cases SET status = 'closed', disposition = 'inconclusive', loss_cents = 0, loss_method = 'none', "
        "proposed_at = now(), proposed_by = 'key_ann', closed_at = now(), closed_by = 'key_ann'"
    )
    case = await opened(api, [await claim(api)])
    assert (await cases.case(own.database, case.case_id)).is_open
    (action,) = (await pack_of(api, case)).actions
    assert (action.act, action.text) == ("education", f"in case {earlier.case_id}; Letter about modifier 25.")


async def test_a_stored_pack_is_encrypted_and_append_only(api: Api):
    case = await opened(api, [await claim(api)])
    await written(api, case.case_id)
    ((file, pdf),) = api.rows("SELECT file_sealed, pdf_sealed FROM evidence_packs")
    assert b"%PDF" not in bytes(pdf)
    assert b"Miller" not in bytes(file)
    for statement in ("UPDATE evidence_packs SET claims = 0", "DELETE FROM evidence_packs"):
        with pytest.raises(psycopg.Error, match="append only"):
            api.execute(statement)


async def test_a_case_or_a_pack_that_does_not_exist_is_not_found(api: Api):
    case = await opened(api)
    assert (await written(api, "cas_unknown")).status_code == 404
    assert (await api.get("/v1/cases/cas_unknown/evidence")).status_code == 404
    assert (await api.get(f"/v1/cases/{case.case_id}/evidence/evp_unknown/file")).status_code == 404


async def test_a_pack_of_another_case_is_not_found_under_this_one(api: Api):
    case, other = await opened(api), await opened(api, subject=CaseSubject.provider("H457"))
    made = (await written(api, case.case_id)).json()
    answer = await api.get(f"/v1/cases/{other.case_id}/evidence/{made['pack_id']}/file")
    assert answer.status_code == 404


async def test_a_case_without_claims_has_a_pack_without_patterns(api: Api):
    pack = await pack_of(api, await opened(api))
    assert (pack.schedule.totals.claims, pack.patterns, pack.annex) == (0, (), ())


async def test_the_sample_of_a_case_is_a_section_of_its_pack(api: Api):
    paid(api)
    case = await opened(api, [await claim(api)])
    audit = Audit(api, case.case_id)
    drawn = await audit.drawn()
    sample = (await pack_of(api, case)).sample
    assert sample is not None
    assert (sample.sample_id, sample.seed) == (drawn.record.sample_id, drawn.record.seed)
    assert (sample.frame_sha256, sample.frame_claims) == (drawn.record.frame_sha256, drawn.record.frame_units)
    assert [one.claim_id for one in sample.items] == [one.claim_id for one in drawn.items]
    assert sample.estimate is None
    fixed = (await audit.fixed(await audit.reviewed(drawn))).record.estimate
    sample = (await pack_of(api, case)).sample
    assert sample is not None
    assert sample.estimate is not None
    assert fixed is not None
    assert (sample.estimate.point_cents, sample.estimate.lower_bound_cents) == (fixed.point_cents, fixed.lower_cents)
    assert sum(one.overpaid_cents or 0 for one in sample.items) == fixed.found_cents


async def test_the_command_writes_both_files_and_the_written_pack_verifies(api: Api, tmp_path: Path):
    case = await opened(api, [await claim(api)])
    home, out = tmp_path / "home", tmp_path / "out"
    env = {"GINJA_DATABASE_URL": api.url, "GINJA_HOME": str(home), "GINJA_ENCRYPTION_KEYS": ENCRYPTION_KEY}
    stated = ["--organization", "Plan", "--person", "A. Miller", "--contact", "siu@insurer.example"]
    words = ["evidence", "write", case.case_id, "--out", str(out), *stated, "--json"]
    done = await asyncio.to_thread(CliRunner().invoke, main, words, env=env)
    assert done.exit_code == 0, done.output
    file, pdf = map(Path, json.loads(done.output)["files"])
    assert [one.stat().st_mode & 0o777 for one in (file, pdf)] == [0o600, 0o600]
    verified = await asyncio.to_thread(CliRunner().invoke, main, ["evidence", "verify", str(file), "--json"], env=env)
    checks = {name: one["state"] for name, one in json.loads(verified.output)["checks"].items()}
    assert checks == dict.fromkeys(("form", "hashes", "signature", "pdf", "counts", "scores"), "equal") | {
        "model": "not_checked"
    }
    assert (await acts(api, case.case_id))[-1] == "case.write_evidence"


async def test_the_command_refuses_a_case_that_does_not_exist(api: Api, tmp_path: Path):
    env = {"GINJA_DATABASE_URL": api.url, "GINJA_HOME": str(tmp_path), "GINJA_ENCRYPTION_KEYS": ENCRYPTION_KEY}
    stated = ["--organization", "Plan", "--person", "A. Miller", "--contact", "siu@insurer.example"]
    words = ["evidence", "write", "cas_unknown", "--out", str(tmp_path), *stated]
    done = await asyncio.to_thread(CliRunner().invoke, main, words, env=env)
    assert done.exit_code == 2
    assert "Case not found" in done.output
    assert api.rows("SELECT * FROM evidence_packs") == []
