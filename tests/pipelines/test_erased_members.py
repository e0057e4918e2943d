"""An erased member is in no data set that is read afterwards, and each model says whom it learned from."""

import json
import os
from datetime import date, timedelta

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from claims.service_days import receipt_day
from cli.main import main
from core import clock
from core.erasures import ErasedMember, add_erasure
from core.objections import ObjectionListError, TrainingObjection, read_objections, replace_objections
from core.settings import settings
from pipelines.datasets import (
    SIMULATED,
    DatasetError,
    objections_note,
    open_named,
    record_members,
    saw_member,
    without_members,
)
from pipelines.loop.ledger import list_erasures, list_objections
from pipelines.store import write_document
from pipelines.train import train_and_register
from tests.models.stores import new_store
from tests.pipelines import model_life as made

DAY = timedelta(days=1)


def report(home, member_id: str) -> dict:
    shown = CliRunner().invoke(main, ["data", "model-report", member_id, "--json"], env={"GINJA_HOME": str(home)})
    assert shown.exit_code == 0, shown.output
    return json.loads(shown.stdout)


def test_the_model_after_an_erasure_did_not_learn_from_the_member_and_the_one_before_says_it_did(tmp_path):
    source = made.simulated(tmp_path)
    store = new_store(tmp_path)
    before = train_and_register(tmp_path, source=source, options=made.OPTIONS, store=store).version
    learned = [one for one in sorted(set(source.claims["member_id"].to_pylist())) if saw_member(tmp_path, before, one)]
    assert learned
    member = max(learned, key=len)  # an id of two bytes is at times in so many random ones
    add_erasure(tmp_path, ErasedMember(member, clock.now()))
    after = train_and_register(tmp_path, options=made.OPTIONS, store=store).version
    assert after != before
    assert (saw_member(tmp_path, before, member), saw_member(tmp_path, after, member)) == (True, False)
    said = report(tmp_path, member)
    assert {one["model"]: one["learned_from_member"] for one in said["models"]} == {before: True, after: False}
    assert said["erased_at"] is not None
    assert report(tmp_path, "nobody")["erased_at"] is None
    files = [path.read_bytes() for path in (tmp_path / "training-members").iterdir()]
    assert files
    assert not any(member.encode() in content for content in files)


def test_a_data_set_is_read_without_the_claims_labels_and_weights_of_erased_members(tmp_path):
    whole = made.simulated(tmp_path, claims=1_000)
    member = whole.claims["member_id"][0].as_py()
    add_erasure(tmp_path, ErasedMember(member, clock.now()))
    read = open_named(SIMULATED, tmp_path)
    left_out = {
        one
        for one, of in zip(*(whole.claims[name].to_pylist() for name in ("claim_id", "member_id")), strict=True)
        if of == member
    }
    assert set(whole.claims["claim_id"].to_pylist()) - set(read.claims["claim_id"].to_pylist()) == left_out
    assert not left_out & set(read.labels["claim_id"].to_pylist())
    assert read.sha256 != whole.sha256
    assert len(pq.read_table(tmp_path / "data" / "claims.parquet")) == len(whole.claims), "files stay as they are"


def test_a_data_set_without_the_member_is_the_same(tmp_path):
    whole = made.simulated(tmp_path, claims=1_000)
    assert without_members(whole, ["nobody"]) is whole


def test_members_are_found_by_the_key_of_the_home_only(tmp_path):
    record_members(tmp_path, "m-1", ["M1", "M2", None, "M1"])
    assert [saw_member(tmp_path, "m-1", one) for one in ("M1", "M2", "M3")] == [True, True, False]
    assert saw_member(tmp_path, "m-2", "M1") is None
    file = tmp_path / "training-members" / "m-1.bin"
    assert len(file.read_bytes()) == 32
    (tmp_path / "training-members.key").unlink()
    with pytest.raises(DatasetError, match="is missing"):
        saw_member(tmp_path, "m-1", "M1")
    file.write_bytes(b"x")
    with pytest.raises(DatasetError, match="damaged"):
        saw_member(tmp_path, "m-1", "M1")


def test_erasures_of_the_database_are_listed_before_a_data_set_is_made_of_it(database_url, tmp_path):
    import psycopg

    with psycopg.connect(database_url) as connection:
        connection.execute("INSERT INTO member_keys (member_id, created_at, erased_at) VALUES ('M9', now(), now())")
    list_erasures(database_url, tmp_path)
    assert '"M9"' in (tmp_path / "erasures.ndjson").read_text()


def test_the_model_after_an_objection_did_not_learn_from_the_member_and_learns_again_once_it_is_withdrawn(tmp_path):
    whole = made.simulated(tmp_path, claims=1_000)
    member, today = whole.claims["member_id"][0].as_py(), receipt_day(clock.now(), settings().zone)
    for first, last, is_left_out in (
        (today, None, True),
        (today, today, True),
        (today + DAY, None, False),
        (today - DAY, today - DAY, False),
    ):
        replace_objections(tmp_path, [TrainingObjection(member, first, last)])
        members = set(open_named(SIMULATED, tmp_path).claims["member_id"].to_pylist())
        assert (member not in members) == is_left_out, (first, last)
        assert report(tmp_path, member)["objects_to_training"] == is_left_out
    replace_objections(tmp_path, [])
    assert member in set(open_named(SIMULATED, tmp_path).claims["member_id"].to_pylist())


def test_a_list_of_objections_that_is_damaged_stops_the_build(tmp_path):
    made.simulated(tmp_path, claims=1_000)
    (tmp_path / "training-objections.ndjson").write_text('{"member_id": "M1"}\n')
    with pytest.raises(ObjectionListError, match="line 1 must be an object"):
        open_named(SIMULATED, tmp_path)


def test_objections_of_the_database_replace_the_list_before_a_data_set_is_made_of_it(database_url, tmp_path):
    import psycopg

    replace_objections(tmp_path, [TrainingObjection("M1", date(2026, 1, 1), None)])
    with psycopg.connect(database_url) as connection:
        for name, purpose, kind in (("c1", "MODELTRAIN", "objected"), ("c2", "HRESCH", "granted")):
            connection.execute(
                "INSERT INTO consents (consent_id, member_id, purpose, kind, scope, first_day, recorded_at, "
                "recorded_by) VALUES (%s, %s, %s, %s, 'all', '2026-01-01', now(), 'key')",
                [name, f"M-{name}", purpose, kind],
            )
    list_objections(database_url, tmp_path)
    file = tmp_path / "training-objections.ndjson"
    assert read_objections(file) == [TrainingObjection("M-c1", date(2026, 1, 1), None)]
    with psycopg.connect(database_url) as connection:
        connection.execute("INSERT INTO consent_withdrawals VALUES ('c1', now(), 'key')")
    list_objections(database_url, tmp_path)
    assert read_objections(file) == []
    assert file.stat().st_mode & 0o777 == 0o600


def test_claims_exported_from_the_database_are_not_read_without_the_list_of_objections(tmp_path):
    source = made.simulated(tmp_path, claims=1_000)
    assert source.about.get("exported_from") is None, "files of a home without a database need no list"
    write_document({**source.about, "exported_from": "database"}, tmp_path / "data")
    with pytest.raises(DatasetError, match=r"training-objections\.ndjson is missing.*ginja model retrain"):
        open_named(SIMULATED, tmp_path)
    replace_objections(tmp_path, [])
    assert len(open_named(SIMULATED, tmp_path).claims) == len(source.claims)


def test_a_list_of_objections_of_days_ago_is_stated_with_its_day(tmp_path):
    files = made.simulated(tmp_path, claims=1_000)
    write_document({**files.about, "exported_from": "database"}, tmp_path / "data")
    replace_objections(tmp_path, [])
    source = open_named(SIMULATED, tmp_path)
    assert objections_note(source, tmp_path) is None
    then = clock.now() - 2 * DAY
    os.utime(tmp_path / "training-objections.ndjson", (then.timestamp(), then.timestamp()))
    assert f"as the database had them on {then:%Y-%m-%d}" in str(objections_note(source, tmp_path))
    assert objections_note(files, tmp_path) is None
