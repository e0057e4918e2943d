"""The pages of samples: draw, worksheet, estimate, demand, ledger, letter."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import pypdfium2
import pytest

from api.cases import CaseSubject
from api.identity import create_key
from api.samples import SampleDetails, frame_text, sample
from claims.sampling import SamplingFrame
from core import clock
from tests.api.cases import opened
from tests.api.console.setting import HOSTILE, Browser
from tests.api.console.test_user_sign_in import browser_of
from tests.api.makers import Api, running_api
from tests.api.test_samples import paid

PLAN = {"first_day": "2026-01-01", "last_day": "2026-06-30", "error_rate": "50", "allocation": "proportional"}
DRAW = PLAN | {"size": "30", "seed": "2026-11-28/417"}


class Desk:
    """A browser at the samples of a case."""

    def __init__(self, api: Api, browser: Browser, case_id: str) -> None:
        self.api = api
        self.browser = browser
        self.case_id = case_id
        self.listed = f"/console/cases/{case_id}/samples"

    async def sign_in(self, role: str) -> None:
        _, key = await create_key(self.api.dependencies.database, name=f"desk of {role}", role=role)
        answer = await self.browser.post("/console/sign-in", data={"api_key": key, "next": "/console"})
        assert answer.status_code == 303

    async def drawn(self, **changes: str) -> str:
        """The address of a new sample."""
        answer = await self.browser.post(self.listed, data=DRAW | changes)
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])

    async def stored(self, address: str) -> SampleDetails:
        return await sample(self.api.dependencies.database, self.case_id, address.rpartition("/")[2])

    async def reviewed(self, address: str) -> None:
        """Every third claim should not have been paid; the worksheet has two pages."""
        items = (await self.stored(address)).items
        for first in (1, 26):
            fields = {"first": str(first)}
            for one in items[first - 1 : first + 24]:
                wrong = one.position % 3 == 0
                fields[f"correct_{one.position}"] = "0.00" if wrong else f"{one.paid_cents / 100:.2f}"
                fields[f"reason_{one.position}"] = "not_documented" if wrong else ""
            answer = await self.browser.post(f"{address}/reviews", data=fields)
            assert (answer.status_code, answer.headers["location"]) == (303, f"{address}?first={first}#worksheet")

    async def demanded(self) -> str:
        """The address of a sample whose overpayment is demanded."""
        address = await self.drawn()
        await self.reviewed(address)
        await self.browser.post(f"{address}/estimate", data={"estimator": "difference"})
        assert (await self.demand(address)).status_code == 303
        return address

    async def demand(self, address: str, days: int = 30) -> httpx.Response:
        due = (clock.now() + timedelta(days=days)).date().isoformat()
        return await self.browser.post(f"{address}/demand", data={"due_on": due, "appeal_until": due})


@pytest.fixture
async def desk(seeded_url: str) -> AsyncIterator[Desk]:
    """The API accepts keys without signatures."""
    async with running_api(seeded_url, signed_requests="accepted") as api, desk_of(api) as made:
        yield made


@asynccontextmanager
async def desk_of(api: Api) -> AsyncIterator[Desk]:
    paid(api, 90)
    case = await opened(api)
    async with browser_of(api) as browser:
        made = Desk(api, browser, case.case_id)
        await made.sign_in("lead_investigator")
        yield made


async def test_a_demand_needs_a_second_factor_and_its_form_keeps_its_content(api: Api):
    async with desk_of(api) as desk:
        address = await desk.drawn()
        await desk.reviewed(address)
        await desk.browser.post(f"{address}/estimate", data={"estimator": "difference"})
        refused = await desk.demand(address)
        assert refused.status_code == 401
        assert "second factor" in refused.text
        assert re.search(r'name="due_on"[^>]* value="20', refused.text)
        assert not (await desk.stored(address)).entries


async def test_a_sample_is_drawn_reviewed_estimated_demanded_and_collected(desk):
    assert "No sample was drawn" in (await desk.browser.get(desk.listed)).text
    address = await desk.drawn()
    page = (await desk.browser.get(address)).text
    assert "0 of 30" in page
    assert "2026-11-28/417" in page
    assert page.count("data-row") == 25
    await desk.reviewed(address)
    assert "All claims are reviewed" in (await desk.browser.get(address)).text
    await desk.browser.post(f"{address}/estimate", data={"estimator": "difference"})
    estimate = (await desk.stored(address)).record.estimate
    fixed = (await desk.browser.get(address)).text
    assert f"{estimate.lower_cents / 100:,.2f} to {estimate.upper_cents / 100:,.2f}" in fixed
    assert "limits by Student's t with 29.0 degrees of freedom" in re.sub("&#39;", "'", fixed)
    assert all(one.message.split(":")[0][:40] in fixed for one in estimate.warnings)
    assert (await desk.demand(address)).status_code == 303
    booked = await desk.browser.post(f"{address}/entries", data={"kind": "received", "amount": "500.00", "lines": "1"})
    assert booked.status_code == 303
    assert (await desk.stored(address)).balance_cents == estimate.demand_cents - 50_000
    assert f"{(estimate.demand_cents - 50_000) / 100:,.2f}" in (await desk.browser.get(address)).text
    acts = {act for (act,) in desk.api.rows("SELECT act FROM audit_log WHERE subject_id = %s", desk.case_id)}
    assert {"sample.draw", "sample.review", "sample.estimate", "recoupment.demand", "recoupment.received"} <= acts


async def test_a_form_that_is_sent_twice_books_one_line(desk):
    address = await desk.demanded()
    form = {"kind": "received", "amount": "10.00", "lines": "1"}
    assert (await desk.browser.post(f"{address}/entries", data=form)).status_code == 303
    again = await desk.browser.post(f"{address}/entries", data=form)
    assert again.status_code == 422
    assert "the ledger has changed since this form was shown" in again.text
    assert len((await desk.stored(address)).entries) == 2


async def test_a_refused_worksheet_keeps_what_was_entered_and_marks_the_row(desk):
    address = await desk.drawn()
    fields = {"first": "1", "correct_1": "1.234", "correct_2": "7.00", "reason_2": "duplicate"}
    refused = await desk.browser.post(f"{address}/reviews", data=fields)
    assert refused.status_code == 422
    assert 'value="1.234"' in refused.text
    assert 'value="7.00"' in refused.text
    assert "two decimal places" in refused.text
    without_reason = await desk.browser.post(f"{address}/reviews", data={"first": "1", "correct_1": "0.00"})
    assert "must be chosen for claim" in without_reason.text
    assert (await desk.stored(address)).reviewed == 0


async def test_a_refused_plan_keeps_what_was_entered(desk):
    refused = await desk.browser.post(desk.listed, data=DRAW | {"size": "91", "seed": HOSTILE[:60]})
    assert refused.status_code == 422
    assert "must have" in refused.text
    assert "<script>document" not in refused.text
    for changed in ({"first_day": "x"}, {"boundaries": "x"}, {"allocation": "x"}, {"error_rate": "0"}):
        assert (await desk.browser.post(desk.listed, data=DRAW | changed)).status_code == 422
    assert desk.api.rows("SELECT * FROM samples") == []


async def test_strata_are_drawn_by_amount(desk):
    address = await desk.drawn(boundaries="120.00 150.00", size="")
    strata = (await desk.stored(address)).record.strata
    assert [one.units for one in strata] == [19, 30, 41]
    assert "Stratum 3" in (await desk.browser.get(address)).text


async def test_the_letter_states_amount_method_and_rights_as_text_and_pdf(desk):
    address = await desk.demanded()
    found = await desk.stored(address)
    text = (await desk.browser.get(f"{address}/letter.txt")).text
    amount = f"{found.recoupment.demanded_cents / 100:.2f}"
    for part in (
        f"Demand for the repayment of {amount}",
        "You can appeal until",
        found.record.frame_sha256,
        f"the seed {found.record.seed}",
        "30 of 90 in stratum all",
        "lower bound of the one-sided 90 % interval",
    ):
        assert part in text
    assert all(one.claim_id in text for one in found.items)
    pdf = await desk.browser.get(f"{address}/letter.pdf")
    assert pdf.headers["content-type"] == "application/pdf"
    read = " ".join(page.get_textpage().get_text_bounded() for page in pypdfium2.PdfDocument(pdf.content))
    assert amount in read
    assert (await desk.browser.get(f"{address}/letter.pdf")).content == pdf.content


async def test_there_is_no_letter_before_a_demand(desk):
    address = await desk.drawn()
    assert (await desk.browser.get(f"{address}/letter.pdf")).status_code == 409


async def test_the_frame_is_downloaded_as_it_is_hashed(desk):
    address = await desk.drawn()
    text = (await desk.browser.get(f"{address}/frame.txt")).text
    found = (await desk.stored(address)).record
    assert SamplingFrame.parse(text).sha256 == found.frame_sha256
    assert text == await frame_text(desk.api.dependencies.database, desk.case_id, found.sample_id)


async def test_an_investigator_reviews_and_a_lead_demands(desk):
    address = await desk.drawn()
    await desk.reviewed(address)
    await desk.browser.post(f"{address}/estimate", data={"estimator": "mean_per_unit"})
    await desk.sign_in("investigator")
    assert "To be repaid by" not in (await desk.browser.get(address)).text
    refused = await desk.demand(address)
    assert refused.status_code == 403
    assert "a lead investigator demands an overpayment" in refused.text


async def test_a_closed_case_shows_its_samples_and_draws_none(desk):
    address = await desk.drawn()
    desk.api.execute(
        "UPDATE cases SET status = 'closed', closed_at = now(), closed_by = 'key_1', disposition = 'waste', "
        "loss_cents = 0, loss_method = 'none', proposed_at = now(), proposed_by = 'key_1'"
    )
    assert "Draw the sample" not in (await desk.browser.get(desk.listed)).text
    assert "Save this page" not in (await desk.browser.get(address)).text
    assert (await desk.browser.post(desk.listed, data=DRAW)).status_code == 409


async def test_a_ring_chooses_its_provider(desk):
    ring = await opened(desk.api, subject=CaseSubject.ring(["H456", "H457"]))
    listed = f"/console/cases/{ring.case_id}/samples"
    assert "<option>H457</option>" in (await desk.browser.get(listed)).text
    assert (await desk.browser.post(listed, data=DRAW | {"provider_id": "H456"})).status_code == 303


@pytest.mark.parametrize("role", ["insurer", "data_scientist", "provider", "member"])
async def test_who_sees_no_cases_sees_no_samples(desk, role):
    address = await desk.drawn()
    bound = {"provider": {"provider_id": "H456"}, "member": {"member_id": "M123"}}.get(role, {})
    _, key = await create_key(desk.api.dependencies.database, name="other", role=role, **bound)
    async with browser_of(desk.api) as browser:
        await browser.post("/console/sign-in", data={"api_key": key, "next": "/console"})
        for path in (desk.listed, address, f"{address}/frame.txt", f"{address}/letter.txt"):
            answer = await browser.get(path)
            assert answer.status_code in (303, 403)
            assert "H456" not in answer.text


async def test_a_sample_of_another_case_is_not_found(desk):
    address = await desk.drawn()
    other = await opened(desk.api, subject=CaseSubject.provider("H457"))
    found = await desk.browser.get(address.replace(desk.case_id, other.case_id))
    assert found.status_code == 404
