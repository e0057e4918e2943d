"""The payment of a claim on its page: what its adjustment codes mean, in the words of the imported lists."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from api.code_tables import COMMITTED_WITHIN
from cli.main import main
from core import clock
from tests.api.console.setting import Browser
from tests.api.makers import MINIMAL, Api, answering

SITE = "https://ginja.test"
Import = Callable[..., str]


@pytest.fixture
def imported(api: Api, tmp_path: Path) -> Import:
    def run(*words: str, file: str) -> str:
        path = tmp_path / "codes.csv"
        path.write_text(file)
        environment = {"GINJA_DATABASE_URL": api.url, "GINJA_HOME": str(tmp_path)}
        result = CliRunner().invoke(
            main, ["reference", "import", *words, str(path), "--release", "2026-11"], env=environment
        )
        assert result.exit_code == 0, result.output
        return result.output

    return run


@pytest.fixture
async def browser(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Origin": SITE}
    async with Browser(transport=api.client._transport, base_url=SITE, headers=headers) as browser:
        await browser.post("/console/sign-in", data={"api_key": api.keys["investigator"], "next": "/console"})
        yield browser


async def meanings(api: Api, browser: httpx.AsyncClient, *, amount: int) -> str:
    """What the page says of a claim of which another payer paid a part."""
    api.scorer.behaviour = answering(0.1)
    answer = (await api.submit(MINIMAL | {"claim_amount": amount, "other_payer_paid": 100})).json()
    page = (await browser.get(f"/console/claims/{answer['claim_id']}")).text
    return page.partition('id="payment"')[2].partition("</section>")[0]


async def test_the_page_explains_codes_in_the_words_of_the_newest_list_that_is_in_force(
    api: Api, browser: httpx.AsyncClient, imported: Import
):
    assert "Paid by another payer." in await meanings(api, browser, amount=400)
    at = clock.now()
    with clock.held(at):
        revised = f"23,Revised text.,{at.year + 1}-01-01,\n"
        imported(
            "carc", file=f"code,description,start,stop\n23,The impact of <prior> payers.,,{at.year}-12-31\n{revised}"
        )
    with clock.held(at + COMMITTED_WITHIN):
        shown = await meanings(api, browser, amount=300)
    assert "The impact of &lt;prior&gt; payers." in shown
    assert "Paid by another payer." not in shown
    assert "Revised text." not in shown


async def test_an_import_names_the_codes_of_payments_that_the_list_does_not_have(imported: Import):
    output = imported(
        "rarc", "--dry-run", file="code,description,stop\nN10,Reviewed.,\nN130,Plan documents.,2001-01-01\n"
    )
    assert "no valid entry for codes that remittances are sent with: N130." in output
    complete = imported("rarc", "--dry-run", file="code,description\nN10,Reviewed.\nN130,Plan documents.\n")
    assert "no valid entry" not in complete


async def test_adjustment_codes_screen_no_claim_again_and_check_none(api: Api, imported: Import):
    output = imported("carc", file="code,description\n23,Paid by others.\n")
    assert ("the console explains payments by it" in output, "checked by" in output) == (True, False)
    assert api.count("code_table_entries") == 1
    assert api.count("rescreening_jobs") == 0
