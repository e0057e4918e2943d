"""An examiner's file of a period says which of its claims are in archives only."""

import json
from datetime import timedelta
from pathlib import Path

from api.dossier import stored_record
from core import clock
from tests.api.archives import YEARS, age, full_claim, restored, run
from tests.api.makers import Api
from tests.api.test_dossier_record import write

DAY = timedelta(days=1)


async def archived_in(api: Api, *, days_before: float, days: float) -> int:
    """The archived claims that a period lacks; it ends so many days before now."""
    until = clock.now() - days_before * DAY
    return (await stored_record(api.database, until - days * DAY, until, "UTC")).archived_claims


async def test_claims_are_lacked_from_their_archive_on_until_they_are_restored(api: Api, tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "archives"
    await full_claim(api)
    age(api.url)
    received = YEARS * 365
    assert await archived_in(api, days_before=received - 10, days=20) == 0
    run(api.url, home, folder)
    assert await archived_in(api, days_before=received - 10, days=20) == 1
    assert await archived_in(api, days_before=received + 10, days=20) == 0, "it had not been received"
    assert await archived_in(api, days_before=-2, days=1) == 0, "the archive is older than the period"
    restored(api.url, home, folder)
    assert await archived_in(api, days_before=received - 10, days=20) == 0


async def test_answers_about_claims_say_how_many_they_lack_and_none_is_without_record(api: Api, tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "archives"
    await full_claim(api)
    age(api.url)
    run(api.url, home, folder)
    written = await write(api, tmp_path / "file", home)
    assert written.exit_code == 0, written.output
    dossier = json.loads((tmp_path / "file" / "dossier.json").read_text())
    answers = {one["number"]: one for section in dossier["sections"] for one in section["answers"]}
    for number in ("1.3", "5.2", "5.3", "6.1", "7.1", "7.2", "7.3", "8.1", "8.2", "9.1"):
        assert "lacks 1 claim in archives" in answers[number]["text"], number
        assert answers[number]["status"] != "no_record", number
    assert "archives" not in answers["2.1"]["text"]
