"""`GET /v1/reports` lists what the schedule made, and its files are downloaded."""

from datetime import UTC, date, datetime, timedelta

import pytest

from api.identity import ROLES, Scope
from api.reports import make_daily_decisions
from api.reports.routes import MAX_REPORTS
from core import clock
from core.settings import Settings
from tests.api.makers import Api

AT = datetime(2026, 3, 20, 6, tzinfo=UTC)


async def made(api: Api, days: int) -> list[str]:
    """Reports on the first days of March, the newest first."""
    ids = []
    for number in range(days):
        with clock.held(AT + timedelta(minutes=number)):
            ids += await make_daily_decisions(
                api.database, api.dependencies.field_keys, Settings(), date(2026, 3, 1) + timedelta(days=number)
            )
    return ids[::-1]


async def test_reports_are_listed_by_pages_and_kinds(api: Api):
    ids = await made(api, 3)
    first = (await api.get("/v1/reports?limit=2")).json()
    assert [one["report_id"] for one in first["reports"]] == ids[:2]
    assert first["reports"][0] == {
        "report_id": ids[0],
        "kind": "daily_decisions",
        "title": "Daily decisions",
        "provider_id": None,
        "first_day": "2026-03-03",
        "last_day": "2026-03-03",
        "made_at": "2026-03-20T06:02:00.000000Z",
    }
    rest = (await api.get(f"/v1/reports?limit=2&cursor={first['next_cursor']}")).json()
    assert ([one["report_id"] for one in rest["reports"]], rest["next_cursor"]) == (ids[2:], None)
    assert (await api.get("/v1/reports?kind=provider_scorecard")).json()["reports"] == []


async def test_the_files_of_a_report_are_downloaded_under_their_name(api: Api):
    (report_id,) = await made(api, 1)
    for form, media_type, begin in (("pdf", "application/pdf", b"%PDF-"), ("csv", "text/csv", b"report,section,row")):
        found = await api.get(f"/v1/reports/{report_id}/file?format={form}")
        assert found.headers["content-disposition"] == f'attachment; filename="daily-decisions-2026-03-01.{form}"'
        assert found.headers["content-type"].partition(";")[0] == media_type
        assert found.content.startswith(begin)
    assert (await api.get(f"/v1/reports/{report_id}/file")).content.startswith(b"%PDF-")


@pytest.mark.parametrize("path", ["/v1/reports", "/v1/reports/rep_1/file"])
async def test_only_roles_with_the_scope_read_reports(api: Api, path: str):
    for role, scopes in ROLES.items():
        expected = (200 if path == "/v1/reports" else 404) if Scope.REPORTS in scopes else 403
        assert (await api.get(path, role=role)).status_code == expected, role
    assert {role for role, scopes in ROLES.items() if Scope.REPORTS in scopes} == {
        *("insurer", "lead_investigator", "data_scientist", "admin")
    }


@pytest.mark.parametrize(
    ("query", "status"),
    [
        (f"?limit={MAX_REPORTS}", 200),
        (f"?limit={MAX_REPORTS + 1}", 422),
        ("?kind=other", 422),
        ("?cursor=x", 422),
        ("?nonsense=1", 422),
    ],
)
async def test_a_query_beyond_the_limits_is_refused(api: Api, query: str, status: int):
    assert (await api.get(f"/v1/reports{query}")).status_code == status
