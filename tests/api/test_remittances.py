"""The remittance advice of a provider, over HTTP and from the command line."""

import asyncio
from datetime import datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

from click.testing import CliRunner

from api.intake import SETTLED_AFTER
from api.remittances import payer_of
from cli.main import main
from core import clock
from tests.api.decisions import DENY, RELEASE, approved, decide, held
from tests.api.makers import LINES, MINIMAL, Api, running_api

PAYER = {
    "payer_name": "Ginja Health",
    "payer_tax_id": "123456789",
    "payer_street": "1 Main Street",
    "payer_city": "Springfield",
    "payer_state": "IL",
    "payer_zip_code": "62701",
    "payer_phone": "5551234567",
}
X12 = {"Accept": "application/edi-x12"}


def path(provider_id: str = "H456", **days: str) -> str:
    today = clock.now().date().isoformat()
    first, last = days.get("first", today), days.get("last", today)
    return f"/v1/remittances?provider_id={provider_id}&first_day={first}&last_day={last}"


async def test_an_advice_has_every_claim_decided_on_the_days_and_no_other(api: Api):
    paid = await approved(api, LINES)
    denied = await held(api, MINIMAL | {"service_from": "2026-02-02"})
    await decide(api, denied, DENY)
    released = await held(api, MINIMAL | {"service_from": "2026-01-02"})
    await decide(api, released, RELEASE)
    waiting = await held(api, MINIMAL | {"service_from": "2026-05-02"})
    other = await approved(api, MINIMAL | {"provider_id": "H457", "service_from": "2026-05-12"})
    rejected = await approved(api, LINES)
    document = (await api.get(path())).json()
    found = {one["claim_id"]: (one["status"], one["payment"]["paid"]) for one in document["claims"]}
    assert found == {
        paid["claim_id"]: ("approved", 1300.0),
        denied: ("denied", 0),
        released: ("approved", 5000.0),
        rejected["claim_id"]: ("rejected", 0),
    }
    assert waiting not in found
    assert other["claim_id"] not in found
    assert document["paid"] == 6300.0
    for one in document["claims"]:
        for line in one["payment"]["lines"]:
            adjusted = sum(Decimal(str(it["amount"])) for it in line["adjustments"])
            assert Decimal(str(line["billed"])) == Decimal(str(line["paid"])) + adjusted
    codes = {
        one["claim_id"]: [it["carc"] for line in one["payment"]["lines"] for it in line["adjustments"]]
        for one in document["claims"]
    }
    assert (codes[denied], codes[rejected["claim_id"]]) == (["96"], ["18", "18"])
    assert (await api.get(path(first="2026-01-01", last="2026-01-31"))).json()["claims"] == []


async def test_a_voided_claim_leaves_the_advice_and_the_reference_changes(api: Api):
    claim = await approved(api, LINES)
    before = (await api.get(path())).json()
    assert (await api.get(path())).json()["reference"] == before["reference"]
    await api.post(f"/v1/claims/{claim['claim_id']}/void", b"")
    after = (await api.get(path())).json()
    assert (after["claims"], after["reference"] == before["reference"]) == ([], False)


async def test_a_provider_reads_its_own_advice_only(api: Api):
    assert (await api.get(path("H456"), role="provider")).status_code == 200
    for refused in (await api.get(path("H457"), role="provider"), await api.get(path("H999"))):
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "provider_id")


async def test_a_period_is_in_order_and_at_most_a_year(api: Api):
    for first, last in (("2026-02-01", "2026-01-31"), ("2025-01-01", "2026-01-02")):
        refused = await api.get(path(first=first, last=last))
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "last_day")
    assert (await api.get(path(first="2026-02-30"))).json()["errors"][0]["field"] == "first_day"


async def test_an_advice_is_read_once_no_claim_of_its_last_day_can_be_added(api: Api):
    day = clock.now().date() - timedelta(days=2)
    end = datetime.combine(day + timedelta(days=1), time(), api.dependencies.settings.zone)
    url = path(first=str(day), last=str(day))
    with clock.held(end - timedelta(minutes=1)):
        claim = await approved(api, LINES)
    for at in (end, end + SETTLED_AFTER - timedelta(microseconds=1)):
        with clock.held(at):
            early = await api.get(url)
        assert (early.status_code, early.json()["errors"][0]["field"]) == (422, "last_day")
        assert f"from {(end + SETTLED_AFTER).isoformat()} on" in early.json()["errors"][0]["message"]
    for at in (end - timedelta(microseconds=1), end + SETTLED_AFTER):
        with clock.held(at):
            assert [one["claim_id"] for one in (await api.get(url)).json()["claims"]] == [claim["claim_id"]]


async def test_the_835_names_insurer_and_provider_or_says_what_is_missing(api: Api, seeded_url: str):
    await approved(api, LINES)
    missing = await api.client.get(path(), headers=api.as_("admin") | X12)
    assert (missing.status_code, "GINJA_PAYER_TAX_ID" in missing.json()["detail"]) == (409, True)
    async with running_api(seeded_url, **PAYER) as named:
        without = await named.client.get(path(), headers=named.as_("admin") | X12)
        assert (without.status_code, "no NPI" in without.text or "NPI" in without.json()["detail"]) == (409, True)
        named.execute("UPDATE providers SET npi = '1234567893' WHERE provider_id = 'H456'")
        response = await named.client.get(path(), headers=named.as_("admin") | X12)
    assert response.headers["content-type"].startswith("application/edi-x12")
    segments = response.text.split("~")
    assert [one for one in segments if one.startswith(("BPR", "N1", "SVC"))] == [
        f"BPR*I*1300.00*C*CHK************{clock.now():%Y%m%d}",
        "N1*PR*Ginja Health",
        "N1*PE*Clinic*XX*1234567893",
        "SVC*HC:P001*1200.50*1200.50**1",
        "SVC*HC:P002*99.50*99.50**3",
    ]


async def test_the_command_states_the_same_and_writes_the_file(api: Api, tmp_path: Path):
    await approved(api, LINES)
    api.execute("UPDATE providers SET npi = '1234567893' WHERE provider_id = 'H456'")
    document = (await api.get(path())).json()
    today, file = clock.now().date().isoformat(), tmp_path / "advice.835"
    words = ["report", "remittance", "H456", "--first-day", today, "--last-day", today]
    environment = {"GINJA_DATABASE_URL": api.url, "GINJA_HOME": str(tmp_path)}
    payer = {f"GINJA_{name.upper()}": value for name, value in PAYER.items()}

    def run(*more: str, env: dict[str, str]):
        return CliRunner().invoke(main, [*words, *more], env=env)

    refused = await asyncio.to_thread(lambda: run("--edi", str(file), env=environment))
    assert (refused.exit_code, "GINJA_PAYER_NAME" in refused.output) == (2, True)
    written = await asyncio.to_thread(lambda: run("--edi", str(file), "--json", env=environment | payer))
    assert written.exit_code == 0, written.output
    assert f'"reference": "{document["reference"]}"' in written.stdout or document["reference"] in written.stdout
    assert f"TRN*1*{document['reference']}*1123456789~" in file.read_text()
    shown = await asyncio.to_thread(lambda: run(env=environment))
    assert "1 claim, 1300.00 paid" in shown.output
    assert payer_of(api.dependencies.settings.model_copy(update=PAYER)).city == "Springfield"
