"""A stored sample leaves the database as files and as a section of the evidence pack, and both can be recomputed."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

from click.testing import CliRunner, Result

from api.samples import sample_section
from cli.main import main
from tests.api.cases import claim, opened
from tests.api.makers import Api
from tests.api.test_evidence_packs import pack_of, written
from tests.api.test_samples import PLAN, Audit, paid


async def ginja(api: Api, home: Path, *words: object) -> Result:
    env = {"GINJA_DATABASE_URL": api.url, "GINJA_HOME": str(home)}
    return await asyncio.to_thread(CliRunner().invoke, main, ["sample", *map(str, words)], env=env)


async def test_an_exported_sample_gives_the_stored_estimate_once_more(api: Api, tmp_path: Path):
    paid(api)
    audit = Audit(api, (await opened(api)).case_id)
    stored = await audit.fixed(await audit.reviewed(await audit.drawn()))
    record, folder = stored.record, tmp_path / "sample"
    done = await ginja(api, tmp_path, "export", record.sample_id, "--case", audit.case_id, "--output", folder, "--json")
    assert done.exit_code == 0, done.output
    exported = json.loads(done.stdout)
    assert (exported["seed"], exported["frame_sha256"], exported["reviewed"]) == (record.seed, record.frame_sha256, 20)
    estimated = await ginja(
        api, tmp_path, "estimate", folder / "frame.csv", folder / "worksheet.csv", "--seed", record.seed, "--json"
    )
    found = json.loads(estimated.stdout)
    assert record.estimate is not None
    assert found["lower_bound"] == f"{record.estimate.lower_cents / 100:.2f}"
    assert found["frame_sha256"] == record.frame_sha256
    rows = api.rows("SELECT subject_id, details ->> 'sample_id' FROM audit_log WHERE act = 'sample.export'")
    assert rows == [(audit.case_id, record.sample_id)]


async def test_a_sample_of_another_case_is_not_exported(api: Api, tmp_path: Path):
    paid(api)
    audit = Audit(api, (await opened(api)).case_id)
    sample_id = (await audit.drawn()).record.sample_id
    done = await ginja(api, tmp_path, "export", sample_id, "--case", "cas_1", "--output", tmp_path / "x")
    assert done.exit_code != 0
    assert "sample not found" in done.output
    assert not (tmp_path / "x").exists()


async def test_the_section_of_the_evidence_pack_has_what_draws_and_estimates_the_sample(api: Api):
    paid(api)
    audit = Audit(api, (await opened(api)).case_id)
    drawn = await audit.drawn()
    assert sample_section(drawn).estimate is None
    fixed = await audit.fixed(await audit.reviewed(drawn))
    section = sample_section(fixed)
    assert (section.seed, section.frame_sha256, section.frame_claims) == (
        fixed.record.seed,
        fixed.record.frame_sha256,
        60,
    )
    assert [one.claim_id for one in section.items] == [one.claim_id for one in fixed.items]
    assert "20 of 60 in stratum all" in section.design
    assert fixed.record.estimate is not None
    assert section.estimate is not None
    assert section.estimate.lower_bound_cents == fixed.record.estimate.lower_cents
    assert "few_reviewed" in section.estimate.method


async def test_a_pack_of_the_case_has_the_latest_sample_with_an_estimate_and_verifies(api: Api):
    paid(api)
    case = await opened(api, [await claim(api)])
    assert (await pack_of(api, case)).sample is None
    audit = Audit(api, case.case_id)
    fixed = await audit.fixed(await audit.reviewed(await audit.drawn()))
    await audit.drawn(replace(PLAN, seed="another"))
    pack = await pack_of(api, case)
    assert pack.sample == sample_section(fixed)
    pack_id = (await written(api, case.case_id)).json()["pack_id"]
    assert (await api.dependencies.evidence.verify(case.case_id, pack_id)).is_equal
