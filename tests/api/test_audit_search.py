"""Searches of the audit log in the console are entries of it."""

from tests.api.makers import Api


async def signed_in(api: Api, role: str) -> dict[str, str]:
    """Headers of a session of the console."""
    form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "http://claims"}
    done = await api.client.post("/console/sign-in", content=f"api_key={api.keys[role]}", headers=form)
    assert done.status_code == 303
    return {"Cookie": done.headers["set-cookie"].partition(";")[0]}


async def test_a_search_and_a_look_are_entries_themselves(api: Api):
    session = await signed_in(api, "admin")
    await api.client.get("/console/audit?outcome=failed&before=4", headers=session)
    await api.client.get("/console/audit/1", headers=session)
    await api.client.get("/console/audit/999999", headers=session)
    assert api.rows(
        "SELECT role, act, subject_id, outcome, details->'filter', details->'items' FROM audit_log"
        " WHERE starts_with(act, 'audit') ORDER BY audit_id"
    ) == [
        ("admin", "audit.search", None, "success", {"outcome": "failed"}, 0),
        ("admin", "audit.read", "1", "success", None, None),
        ("admin", "audit.read", "999999", "not_found", None, None),
    ]


async def test_who_may_not_search_is_an_entry_too(api: Api):
    session = await signed_in(api, "investigator")
    for path in ("/console/audit", "/console/audit/1"):
        assert (await api.client.get(path, headers=session)).status_code == 403
    assert api.rows("SELECT role, act, outcome FROM audit_log WHERE starts_with(act, 'audit') ORDER BY audit_id") == [
        ("investigator", "audit.search", "denied"),
        ("investigator", "audit.read", "denied"),
    ]
