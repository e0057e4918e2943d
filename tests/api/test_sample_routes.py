"""A sample of a case is drawn, reviewed, estimated, demanded and booked over the API, as on the console's pages."""

import csv
import hashlib
import io
import json
from typing import Any

import httpx
import pytest

from api import samples
from api.samples import EntryKind, OverpaymentReason
from api.samples.schemas import ItemReviewIn, LedgerEntryIn
from claims.sampling import SamplingFrame, draw
from formats.sampling_files import read_worksheet
from tests.api.cases import acts, opened
from tests.api.makers import Api
from tests.api.samples import dates, paid

PLAN = {"first_day": "2026-01-01", "last_day": "2026-06-30", "size": 20, "seed": "2026-11-28/417"}
DAYS = {name: day.isoformat() for name, day in dates().items()}


class OverHttp:
    """A case of a provider with paid claims, and requests about its samples."""

    def __init__(self, api: Api, case_id: str) -> None:
        self.api = api
        self.case_id = case_id
        self.all = f"/v1/cases/{case_id}/samples"

    async def drawn(self, **changes: object) -> dict[str, Any]:
        response = await self.api.post(self.all, PLAN | changes, role="investigator")
        assert response.status_code == 201, response.text
        found: dict[str, Any] = response.json()
        return found

    def one(self, sample: dict[str, Any], part: str = "") -> str:
        return f"{self.all}/{sample['sample_id']}{part}"

    async def reviewed(self, sample: dict[str, Any]) -> dict[str, Any]:
        """Every second claim should not have been paid."""
        items = [
            {"claim_id": one["claim_id"], "correct_amount": "0.00", "reason": "not_documented"}
            if one["position"] % 2 == 0
            else {"claim_id": one["claim_id"], "correct_amount": one["paid_amount"], "reason": "correct"}
            for one in sample["items"]
        ]
        response = await self.api.post(self.one(sample, "/reviews"), {"items": items}, role="investigator")
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    async def estimated(self) -> dict[str, Any]:
        sample = await self.reviewed(await self.drawn())
        response = await self.api.post(self.one(sample, "/estimate"), {}, role="investigator")
        assert response.status_code == 200, response.text
        return sample | response.json()

    async def demanded(self) -> dict[str, Any]:
        sample = await self.estimated()
        response = await self.demand(sample)
        assert response.status_code == 201, response.text
        return sample | {"recoupment": response.json()}

    async def demand(self, sample: dict[str, Any], *, role: str = "lead_investigator", **headers: str):
        return await self.api.post(self.one(sample, "/demand"), DAYS, role=role, **headers)

    async def entry(self, sample: dict[str, Any], *, role: str = "investigator", **body: object) -> httpx.Response:
        return await self.api.post(self.one(sample, "/entries"), body, role=role)

    async def text(self, path: str) -> str:
        response = await self.api.get(path, role="investigator")
        assert response.status_code == 200, response.text
        assert "attachment" in response.headers["content-disposition"]
        return response.text


@pytest.fixture
async def http(api: Api) -> OverHttp:
    paid(api, 60)
    return OverHttp(api, (await opened(api)).case_id)


def refused(response: httpx.Response) -> dict[str, str]:
    assert response.status_code == 422, response.text
    return {one["field"]: one["message"] for one in response.json()["errors"]}


async def test_a_drawn_sample_has_all_that_draws_it_again(http):
    made = await http.drawn(boundaries=["130.00"], allocation="neyman", error_rate=0.4)
    text = await http.text(http.one(made, "/frame"))
    assert hashlib.sha256(text.encode()).hexdigest() == made["frame_sha256"]
    frame = SamplingFrame.parse(text)
    again = draw(frame, made["seed"], {one["name"]: one["drawn"] for one in made["strata"]})
    assert [one.unit.unit_id for one in again.drawn] == [one["claim_id"] for one in made["items"]]
    assert [(one["name"], one["claims"]) for one in made["strata"]] == [("1", 29), ("2", 31)]
    assert (made["boundaries"], made["size"], made["seed"]) == ([130.0], 20, PLAN["seed"])
    assert (await http.api.get(http.one(made))).json() == made
    (listed,) = (await http.api.get(http.all)).json()["samples"]
    assert listed == {name: made[name] for name in listed}


async def test_a_precision_in_place_of_a_size_draws_more_claims_the_finer_it_is(http):
    sizes = [(await http.drawn(size=None, precision=one))["size"] for one in (0.05, 0.1, 0.25)]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == 3
    assert (await http.drawn(size=None))["size"] == sizes[2]


async def test_the_worksheet_is_json_and_the_csv_that_the_commands_read(http):
    made = await http.reviewed(await http.drawn())
    sheet = (await http.api.get(http.one(made, "/worksheet"))).json()
    assert sheet == {"items": made["items"]}
    text = await http.text(http.one(made, "/worksheet?format=csv"))
    rows = read_worksheet(io.StringIO(text))
    assert [(one.unit_id, one.paid_cents, one.correct_cents) for one in rows] == [
        (one["claim_id"], round(100 * one["paid_amount"]), round(100 * one["correct_amount"])) for one in made["items"]
    ]
    assert [one["number"] for one in csv.DictReader(io.StringIO(text))] == [one["number"] for one in made["items"]]


async def test_reviews_estimate_demand_and_ledger_are_those_of_the_services(http):
    made = await http.demanded()
    found = await samples.sample(http.api.dependencies.database, http.case_id, made["sample_id"])
    estimate = found.record.estimate
    assert estimate is not None
    assert made["estimate"]["demand_amount"] == estimate.demand_cents / 100
    assert made["recoupment"]["demanded_amount"] == made["recoupment"]["balance"] == estimate.demand_cents / 100
    claim_id = next(one["claim_id"] for one in made["items"] if one["overpaid_amount"])
    booked = await http.entry(made, kind="received", amount="60.00", claims={claim_id: "50.00"})
    assert booked.status_code == 201
    lowered = await http.entry(made, kind="written_off", amount="10.00", role="lead_investigator")
    assert lowered.json()["balance"] == pytest.approx(estimate.demand_cents / 100 - 70)
    entries = (await http.api.get(http.one(made, "/entries"))).json()["entries"]
    assert [(one["kind"], one["amount"]) for one in entries[1:]] == [("received", 60.0), ("written_off", 10.0)]
    assert entries[1]["claims"] == {claim_id: 50.0}
    assert await acts(http.api, http.case_id) == [
        *("case.open", "sample.draw", "sample.review", "sample.estimate"),
        *("recoupment.demand", "recoupment.received", "recoupment.written_off"),
    ]


async def test_the_letter_is_the_one_of_the_console(http):
    made = await http.demanded()
    text = await http.text(http.one(made, "/letter?format=text"))
    assert text.startswith("Demand for the repayment of ")
    assert made["recoupment"]["recoupment_id"] in text
    pdf = await http.api.get(http.one(made, "/letter"))
    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.content.startswith(b"%PDF")
    assert (await http.api.get(http.one(made, "/letter"))).content == pdf.content


async def test_before_a_demand_there_is_neither_a_letter_nor_a_ledger(http):
    made = await http.estimated()
    assert (await http.api.get(http.one(made, "/letter"))).status_code == 409
    assert (await http.api.get(http.one(made, "/entries"))).status_code == 404
    assert (await http.entry(made, kind="received", amount=1)).status_code == 404


async def test_a_demand_is_a_leads_and_so_is_what_lowers_it(http):
    made = await http.estimated()
    assert (await http.demand(made, role="investigator")).status_code == 403
    assert (await http.demand(made)).status_code == 201
    assert (await http.demand(made)).status_code == 409
    for kind in ("reduced", "written_off"):
        assert (await http.entry(made, kind=kind, amount=1)).status_code == 403
    assert (await http.entry(made, kind="appealed", amount=1)).status_code == 201


async def test_a_demand_and_a_line_that_are_not_signed_are_refused_and_nothing_is_stored(http):
    made = await http.estimated()
    headers = {"Authorization": f"Bearer {http.api.keys['lead_investigator']}", "Content-Type": "application/json"}
    transport = httpx.ASGITransport(http.api.app)  # the client of `http.api` signs what it sends
    async with httpx.AsyncClient(transport=transport, base_url="http://claims", headers=headers) as client:
        unsigned = await client.post(http.one(made, "/demand"), content=json.dumps(DAYS))
        assert (unsigned.status_code, unsigned.json()["type"].rpartition("#")[2]) == (401, "signature-required")
        assert http.api.count("recoupments") == 0
        assert (await http.demand(made)).status_code == 201
        line = json.dumps({"kind": "received", "amount": "1.00"})
        assert (await client.post(http.one(made, "/entries"), content=line)).status_code == 401
    assert http.api.count("recoupment_entries") == 1


async def test_a_line_that_is_sent_twice_under_one_key_is_booked_once(http):
    made = await http.demanded()
    body = {"kind": "received", "amount": "5.00"}
    key = {"Idempotency-Key": "line-of-monday"}
    first = await http.api.post(http.one(made, "/entries"), body, role="investigator", **key)
    again = await http.api.post(http.one(made, "/entries"), body, role="investigator", **key)
    assert again.headers["idempotency-replayed"] == "true"
    assert (again.status_code, again.json()) == (201, first.json())
    assert http.api.count("recoupment_entries") == 2


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"size": 0}, "size"),
        ({"size": 1_001}, "size"),
        ({"size": 20, "precision": 0.2}, "body"),
        ({"size": None, "precision": 0}, "precision"),
        ({"error_rate": 1}, "error_rate"),
        ({"allocation": "equal"}, "allocation"),
        ({"boundaries": ["200.00", "100.00"]}, "boundaries"),
        ({"boundaries": ["1.00"] * 10}, "boundaries"),
        ({"provider_id": "H999"}, "provider_id"),
        ({"first_day": "2026-07-01"}, "last_day"),
        ({"last_day": "tomorrow"}, "last_day"),
        ({"seed": ""}, "seed"),
        ({"sizes": 3}, "sizes"),
    ],
)
async def test_a_plan_that_gives_no_sample_is_refused_with_its_field(http, changes, field):
    response = await http.api.post(http.all, PLAN | changes, role="investigator")
    assert field in refused(response)
    assert http.api.count("samples") == 0


async def test_reviews_that_contradict_are_refused_with_their_field(http):
    made = await http.drawn()
    claim = {"claim_id": made["items"][0]["claim_id"], "correct_amount": "0.00", "reason": "not_documented"}
    for items, field in (
        ([claim, claim], "items"),
        ([claim | {"claim_id": "clm_other"}], "items"),
        ([claim | {"reason": "correct"}], "reason"),
        ([claim | {"correct_amount": "-1"}], "items[0].correct_amount"),
        ([], "items"),
    ):
        response = await http.api.post(http.one(made, "/reviews"), {"items": items}, role="investigator")
        assert field in refused(response)
    assert (await http.api.post(http.one(made, "/estimate"), {}, role="investigator")).status_code == 409
    more = await http.api.post(http.one(made, "/reviews"), {"items": [claim]}, role="investigator")
    assert (more.json()["reviewed"], more.json()["items"][0]["reason"]) == (1, "not_documented")


def test_the_schemas_take_every_reason_and_every_line_that_there_is():
    reasons = ItemReviewIn.model_fields["reason"].annotation.__args__
    assert set(reasons) == {one.value for one in OverpaymentReason}
    kinds = LedgerEntryIn.model_fields["kind"].annotation.__args__
    assert set(kinds) == {one.value for one in EntryKind} - {"demanded"}
