"""Exports have each claim of their days once, what the caller may see of it, and no formulas."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest

from api.exports.parquet import LAST_CLAIM
from api.exports.places import MAX_EXPORTS, ExportPlaces, ExportResponse
from api.exports.routes import MAX_LIMIT, PAGE
from api.intake import SETTLED_AFTER
from core import clock
from core.bounded_http import ABORT
from tests.api.makers import MINIMAL, Api

YESTERDAY = (clock.now() - timedelta(days=1)).date()


async def export(api: Api, query: str = "", *, role: str = "claims_system", last_day: Any = YESTERDAY):
    return await api.get(f"/v1/exports/claims?last_day={last_day}{query}", role=role)


def lines(response: Any) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    return [json.loads(line) for line in response.text.splitlines()]


async def submitted(api: Api, count: int, *, days_ago: int = 2, **changes: Any) -> list[str]:
    """Claims that were received days ago, a minute apart."""
    ids = []
    for number in range(count):
        response = await api.submit(MINIMAL | {"claim_amount": 100 + number} | changes)
        ids.append(response.json()["claim_id"])
        api.rows(
            """UPDATE claims SET received_at = now() - %s * interval '1 day' + %s * interval '1 minute'
               WHERE claim_id = %s RETURNING 1""",
            days_ago,
            number,
            ids[-1],
        )
    return ids


async def test_an_export_has_the_claims_of_its_days_as_the_list_has_them(api: Api):
    ids = await submitted(api, 3)
    await api.submit()
    found = lines(await export(api))
    assert [one["claim_id"] for one in found] == ids
    listed = (await api.get("/v1/claims?sort=received_at", role="claims_system")).json()["claims"]
    assert found == listed[:3]
    assert lines(await export(api, f"&first_day={YESTERDAY}")) == []
    assert [one["claim_id"] for one in lines(await export(api, f"&first_day={YESTERDAY - timedelta(days=3)}"))] == ids


async def test_an_export_is_read_by_pages_and_continues_after_a_claim(api: Api):
    (first, *_) = await submitted(api, 3)
    api.execute(
        f"""INSERT INTO claims SELECT (jsonb_populate_record(claims, jsonb_build_object('claim_id', 'clm_' || n))).*
            FROM claims, generate_series(1, {PAGE}) n WHERE claim_id = '{first}'"""
    )
    ids = [one["claim_id"] for one in lines(await export(api))]
    assert len(set(ids)) == len(ids) == PAGE + 3
    rest = [one["claim_id"] for one in lines(await export(api, f"&after={ids[1]}"))]
    assert rest == ids[2:]


async def test_a_csv_export_has_a_header_once_and_no_formulas(api: Api):
    first, second = await submitted(api, 2)
    api.execute(f"UPDATE claims SET diagnosis_code = '=1+1' WHERE claim_id = '{first}'")
    response = await export(api, "&format=csv")
    rows = list(csv.DictReader(io.StringIO(response.text)))
    assert [row["claim_id"] for row in rows] == [first, second]
    assert (rows[0]["diagnosis_code"], rows[1]["diagnosis_code"]) == ("'=1+1", "D001")
    assert (rows[0]["claim_amount"], rows[0]["voided_at"]) == ("100.0", "")
    rest = (await export(api, f"&format=csv&after={first}")).text
    assert rest.startswith(second)


def parquet(response: Any) -> pq.ParquetFile:
    assert (response.status_code, response.headers["content-type"]) == (200, "application/vnd.apache.parquet")
    return pq.ParquetFile(io.BytesIO(response.content))


async def test_a_parquet_export_has_typed_columns_of_the_same_claims(api: Api):
    first, second = await submitted(api, 2, claim_amount="100.10")
    await api.post(f"/v1/claims/{second}/void", b"")
    file = parquet(await export(api, "&format=parquet"))
    (one, other) = file.read().to_pylist()
    listed = (await api.get(f"/v1/claims/{first}", role="claims_system")).json()
    assert [one["claim_id"], other["claim_id"]] == [first, second]
    assert (one["claim_amount"], one["fraud_flag"]) == (Decimal("100.10"), listed["fraud_flag"])
    assert one["received_at"] == datetime.fromisoformat(listed["received_at"])
    assert one["service_from"].isoformat() == listed["service_from"]
    assert (one["voided_at"], other["status"]) == (None, "voided")
    assert other["voided_at"] is not None
    assert str(file.schema_arrow.field("claim_amount").type) == "decimal128(14, 2)"
    assert "score" not in parquet(await export(api, "&format=parquet", role="provider")).schema_arrow.names


async def test_a_parquet_export_is_read_as_files_that_follow_one_another(api: Api, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("api.exports.parquet.ROW_GROUP", 2)
    monkeypatch.setattr("api.exports.routes.PAGE", 2)
    ids = await submitted(api, 7)
    found, after = [], ""
    for rows, groups in ((3, 2), (3, 2), (1, 1), (0, 0)):
        file = parquet(await export(api, f"&format=parquet&limit=3{after}"))
        assert (file.metadata.num_rows, file.num_row_groups) == (rows, groups)
        found += file.read().column("claim_id").to_pylist()
        if rows:
            after = f"&after={file.metadata.metadata[LAST_CLAIM.encode()].decode()}"
    assert found == ids
    assert LAST_CLAIM.encode() not in (file.metadata.metadata or {})


async def test_an_export_ends_at_its_limit(api: Api, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("api.exports.routes.PAGE", 2)
    ids = await submitted(api, 4)
    for limit in (1, 2, 3, 4, MAX_LIMIT):
        assert [one["claim_id"] for one in lines(await export(api, f"&limit={limit}"))] == ids[:limit]
    for limit in (0, MAX_LIMIT + 1, "1_0", "5.0"):
        refused = await export(api, f"&limit={limit}")
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "limit")


async def test_an_export_has_what_the_caller_may_see(api: Api):
    (own,) = await submitted(api, 1)
    await submitted(api, 1, provider_id="H457")
    assert [one["claim_id"] for one in lines(await export(api, role="provider"))] == [own]
    assert "score" in (await export(api, "&format=csv")).text.splitlines()[0].split(",")
    header = (await export(api, "&format=csv", role="provider")).text.splitlines()[0].split(",")
    assert "score" not in header
    assert (await export(api, role="monitoring")).status_code == 403


async def test_filters_choose_claims(api: Api):
    ids = await submitted(api, 2)
    await submitted(api, 1, provider_id="H457")
    assert [one["claim_id"] for one in lines(await export(api, "&provider_id=H456"))] == ids
    assert lines(await export(api, "&status=voided")) == []


async def test_days_that_are_not_over_and_unknown_claims_are_refused(api: Api):
    today = await export(api, last_day=YESTERDAY + timedelta(days=1))
    assert (today.status_code, today.json()["errors"][0]["field"]) == (422, "last_day")
    assert (await export(api, last_day="2026-13-01")).status_code == 422
    unknown = await export(api, "&after=clm_none")
    assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (422, "after")


async def test_a_day_is_exported_as_soon_as_no_claim_of_it_can_be_added(api: Api):
    end = datetime.combine(YESTERDAY, time.min, api.dependencies.settings.zone) + timedelta(days=1)
    with clock.held(end + SETTLED_AFTER - timedelta(microseconds=1)):
        early = await export(api)
    assert (early.status_code, early.json()["errors"][0]["field"]) == (422, "last_day")
    assert f"exported from {(end + SETTLED_AFTER).isoformat()} on" in early.json()["errors"][0]["message"]
    (last,) = await submitted(api, 1)
    api.rows("UPDATE claims SET received_at = %s RETURNING 1", end - timedelta(microseconds=1))
    with clock.held(end + SETTLED_AFTER):
        assert [one["claim_id"] for one in lines(await export(api))] == [last]
    api.rows("UPDATE claims SET received_at = %s RETURNING 1", end)
    assert lines(await export(api)) == []


async def test_an_export_reads_no_claim_after_its_days(api: Api, sent_statements: list[str]):
    assert lines(await export(api, "&status=voided")) == []
    (statement,) = (one for one in sent_statements if "ORDER BY claims.received_at" in one)
    condition = statement.partition("WHERE")[2]
    assert "claims.received_at <" in condition.replace("claims.received_at <=", "")


async def test_exports_have_a_limit_of_their_own(api: Api):
    places = api.dependencies.exports
    for _ in range(MAX_EXPORTS - 1):
        places.take()
    for query in ("", "&after=clm_none", "&format=csv"):
        await export(api, query)
        await export(api, query, role="monitoring")
        assert places.taken == MAX_EXPORTS - 1
    places.take()
    over = await export(api)
    assert (over.status_code, over.json()["type"]) == (503, "/docs/problems#batch-queue-full")
    assert over.headers["retry-after"] == "5"


@pytest.mark.parametrize("spec_version", ["2.3", "2.4"])
async def test_a_reader_that_takes_nothing_gives_its_place_back(
    spec_version: str, monkeypatch: pytest.MonkeyPatch, log_lines: io.StringIO
):
    monkeypatch.setattr("api.exports.places.MAX_SEND_S", 0.01)
    places = ExportPlaces()
    places.take()

    async def claims() -> AsyncIterator[bytes]:
        while True:
            yield b"a claim"

    async def never() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            await never()

    cut_off: list[bool] = []
    scope = {
        "type": "http",
        "asgi": {"spec_version": spec_version},
        "extensions": {ABORT: {"call": lambda: cut_off.append(True)}},
    }
    response = ExportResponse(claims())
    response.places = places
    await response(scope, never, send)
    assert (places.taken, cut_off) == (0, [True])
    assert "export ended, its reader took too little" in log_lines.getvalue()


async def test_the_connection_of_an_export_can_be_cut_off(api: Api, monkeypatch: pytest.MonkeyPatch):
    """The scope passes through every middleware with what the server offers."""
    scopes: list[Any] = []
    original = ExportResponse.__call__

    async def noted(response: ExportResponse, scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        await original(response, scope, receive, send)

    monkeypatch.setattr(ExportResponse, "__call__", noted)
    extension: dict[str, Any] = {"call": lambda: None}

    async def offering(scope: Any, receive: Any, send: Any) -> None:
        await api.app({**scope, "extensions": {ABORT: extension}}, receive, send)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(offering), base_url="http://claims") as client:
        read = await client.get(f"/v1/exports/claims?last_day={YESTERDAY}", headers=api.as_("claims_system"))
    assert (read.status_code, [one["extensions"][ABORT] for one in scopes]) == (200, [extension])
