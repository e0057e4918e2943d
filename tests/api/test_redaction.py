"""Personal data are erased from the earlier states of one member, and nothing else of them is changed."""

import asyncio
import json

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from tests.api.makers import Api

PERSONAL = ("name", "birth_date", "sex")


async def redact(api: Api, member_id: str, *words: str) -> Result:
    words = ("data", "redact-member", member_id, "--by", "ann", *words)
    return await asyncio.to_thread(CliRunner().invoke, main, words, env={"GINJA_DATABASE_URL": api.url})


async def test_earlier_states_of_a_member_lose_its_personal_data_and_keep_the_rest(api: Api):
    api.execute("UPDATE members SET region = 'Hills'")
    api.execute("UPDATE members SET name = NULL, birth_date = NULL, sex = NULL WHERE member_id = 'M123'")
    before = api.rows("SELECT state FROM registry_history WHERE entry_id = 'M123' ORDER BY history_id")
    others = "SELECT * FROM registry_history WHERE entry_id <> 'M123' ORDER BY history_id"
    untouched = api.rows(others)
    done = await redact(api, "M123", "--reason", "request 7", "--json")
    assert json.loads(done.stdout) == {"member_id": "M123", "states": 2, "present_state_has_personal_data": False}
    after = api.rows("SELECT state FROM registry_history WHERE entry_id = 'M123' ORDER BY history_id")
    assert after == [(state | dict.fromkeys(PERSONAL),) for (state,) in before]
    assert api.rows(others) == untouched
    audited = api.rows("SELECT name, act, details FROM audit_log ORDER BY audit_id DESC LIMIT 1")
    assert audited == [("ann", "member.redact", {"subject": "members/M123", "reason": "request 7", "states": 2})]
    assert "redacted: 0." in (await redact(api, "M123", "--reason", "again")).output


async def test_a_member_that_still_has_personal_data_is_said_to_have_them(api: Api):
    api.execute("UPDATE members SET region = 'Hills'")
    assert "M124 itself still has personal data" in (await redact(api, "M124", "--reason", "r")).output


async def test_what_cannot_be_redacted_is_refused(api: Api):
    unknown = await redact(api, "nobody", "--reason", "r")
    assert (unknown.exit_code, "member not found" in unknown.output) == (2, True)
    for reason in (" ", "x" * 501, "two\nlines"):
        refused = await redact(api, "M123", "--reason", reason)
        assert (refused.exit_code, "reason" in refused.output) == (2, True)
    assert (await redact(api, "M123", "--reason", "x" * 500)).exit_code == 0


async def test_after_a_redaction_or_a_refused_one_states_cannot_be_changed(api: Api):
    api.execute("UPDATE members SET region = 'Hills'")
    for member_id in ("M123", "nobody"):
        await redact(api, member_id, "--reason", "r")
        with pytest.raises(Exception, match="append only"):
            api.execute("UPDATE registry_history SET kind = 'x'")
