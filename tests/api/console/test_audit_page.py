"""The console's search of the audit log: for administrators only."""

import re

import psycopg
import pytest

from api.identity import Scope, create_key
from tests.api.console.setting import HOSTILE
from tests.api.console.test_pages import Setting, console

__all__ = ["console"]

ROWS = [
    ("2026-03-01T10:00", "key_1", "ann", "investigator", "claim.read", "claim", "clm_1", "success", "req-1"),
    ("2026-03-02T10:00", "key_1", "ann", "investigator", "claim.read", "claim", "clm_2", "not_found", "req-2"),
    ("2026-03-03T10:00", "key_2", "ben", "admin", "member.read", "member", "M1", "success", "req-3"),
    ("2026-03-04T10:00", "key_2", "ben", "admin", "member.list", None, None, "success", "req-4"),
    ("2026-03-05T10:00", "key_3", "ben", "provider", "member.read", "member", "M1", "denied", "req-5"),
]


@pytest.fixture
async def audited(console: Setting) -> Setting:
    """Five entries, and a session of an administrator."""
    with psycopg.connect(console.url) as connection:
        connection.cursor().executemany(
            "INSERT INTO audit_log (at, api_key_id, name, role, act, subject_kind, subject_id, outcome, request_id,"
            " details, address) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, '{\"items\": 3}', '192.0.2.7')",
            ROWS,
        )
    _, admin = await create_key(console.database, name="Olu", role="admin")
    await console.sign_in(admin)
    return console


def shown(text: str) -> list[int]:
    """Numbers of the entries on a page, without those that the test itself made."""
    return [number for number in map(int, re.findall(r'href="/console/audit/(\d+)"', text)) if number <= len(ROWS)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [5, 4, 3, 2, 1]),
        ("actor=ben", [5, 4, 3]),
        ("actor=key_3", [5]),
        ("act=claim.read", [2, 1]),
        ("subject=M1&outcome=denied", [5]),
        ("since=2026-03-02T00:00&until=2026-03-04T10:00", [3, 2]),
        ("request_id=req-4", [4]),
        ("actor=nobody", []),
        ("actor=%20ann%20", [2, 1]),
    ],
)
async def test_entries_are_found_by_each_filter(audited: Setting, query: str, expected: list[int]) -> None:
    page = await audited.client.get(f"/console/audit?{query}")
    assert (page.status_code, shown(page.text)) == (200, expected)


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("since=yesterday", "must be a time in UTC, such as"),
        ("until=2026-13-01", "must be a time in UTC, such as"),
        ("since=0001-01-01T00:00%2B05:00", "must be a time in UTC, such as"),
        ("until=9999-12-31T23:59-05:00", "must be a time in UTC, such as"),
        ("outcome=fine", "must be one of success, denied, not_found, failed"),
        ("actor=a%00b", "must be printable"),
        ("subject=" + "x" * 201, "at most 200 characters"),
    ],
)
async def test_an_invalid_filter_is_explained_beside_its_field_and_finds_nothing(
    audited: Setting, query: str, problem: str
) -> None:
    page = await audited.client.get(f"/console/audit?{query}")
    assert (page.status_code, problem in page.text, shown(page.text)) == (422, True, [])


async def test_pages_follow_one_another_with_the_filters(audited: Setting) -> None:
    with psycopg.connect(audited.url) as connection:
        connection.execute(
            "INSERT INTO audit_log (at, api_key_id, name, role, act, details) SELECT now(), 'key_9', 'zoe', 'admin',"
            " 'claim.list', '{}' FROM generate_series(1, 120)"
        )
    found, path = [], "/console/audit?actor=zoe"
    while path:
        text = (await audited.client.get(path)).text
        found += re.findall(r'href="/console/audit/(\d+)"', text)
        following = re.search(r'href="(/console/audit\?[^"]*before=\d+)"', text)
        path = following[1].replace("&amp;", "&") if following else ""
    assert (len(found), len(set(found))) == (120, 120)


async def test_an_entry_shows_everything_that_is_known_of_it(audited: Setting) -> None:
    text = (await audited.client.get("/console/audit/3")).text
    for part in ("member.read", "2026-03-03 10:00:00", "ben", "key_2", "member M1", "req-3", "192.0.2.7", "items"):
        assert part in text, part
    assert 'href="/console/audit?subject=M1"' in text
    for missing in ("999", "9223372036854775808", "99999999999999999999999", "x", "-1"):
        assert (await audited.client.get(f"/console/audit/{missing}")).status_code == 404, missing


@pytest.mark.parametrize("role", ["investigator", "lead_investigator", "insurer"])
async def test_others_neither_see_it_nor_a_link_to_it(console: Setting, role: str) -> None:
    _, secret = await create_key(console.database, name="Ike", role=role)
    await console.sign_in(secret)
    assert "/console/audit" not in (await console.client.get("/console/")).text
    for path in ("/console/audit", "/console/audit/1"):
        assert (await console.client.get(path)).status_code == 403


async def test_an_administrators_key_without_the_scope_does_not_see_it(console: Setting) -> None:
    _, secret = await create_key(console.database, name="Olu", role="admin", scopes=[Scope.READ, Scope.SCORES])
    await console.sign_in(secret)
    assert (await console.client.get("/console/audit")).status_code == 403


async def test_stored_texts_are_shown_as_text(audited: Setting) -> None:
    with psycopg.connect(audited.url) as connection:
        (number,) = connection.execute(
            "INSERT INTO audit_log (at, api_key_id, name, role, act, details, agent, subject_kind, subject_id) VALUES"
            " (now(), 'key_9', %(text)s, 'admin', 'claim.list', jsonb_build_object('reason', %(text)s::text),"
            " %(text)s, 'claim', %(text)s) RETURNING audit_id",
            {"text": HOSTILE},
        ).fetchone() or (0,)
    for path in ("/console/audit", f"/console/audit/{number}"):
        text = (await audited.client.get(path)).text
        assert HOSTILE not in text
        assert "&lt;script&gt;" in text
