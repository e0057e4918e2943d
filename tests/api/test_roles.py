"""Permissions fail closed: undeclared roles and keys are refused."""

import pytest

from api.identity import MEMBER, PROVIDER, ROLES, Caller, Scope
from api.identity.tables import ROLES as STORED_ROLES
from cli.platform import keys
from tests.api.appeals import APPEAL, appeal, rejected
from tests.api.makers import MINIMAL, Api


def caller(role: str, provider_id: str | None = None, member_id: str | None = None) -> Caller:
    return Caller("key_1", role, provider_id, "test", member_id=member_id)


@pytest.mark.parametrize("role", ["", "Admin", "auditor", "provider "])
def test_an_undeclared_role_has_no_scope(role: str):
    assert not any(caller(role).may(scope) for scope in Scope)
    assert not caller(role).sees_scores
    assert not caller(role).sees_identities
    assert not caller(role).may_access("H456", "M123")
    assert not caller(role).may_access(None, None)
    with pytest.raises(PermissionError):
        caller(role).claim_filter()


@pytest.mark.parametrize(
    ("of", "provider_id", "member_id", "allowed"),
    [
        (caller(PROVIDER, "H456"), "H456", "M123", True),
        (caller(PROVIDER, "H456"), "H457", "M123", False),
        (caller(PROVIDER, "H456"), None, "M123", False),
        (caller(MEMBER, None, "M123"), "H456", "M123", True),
        (caller(MEMBER, None, "M123"), "H456", "M124", False),
        (caller(MEMBER, None, "M123"), "H456", None, False),
        # Without the one that it is bound to, it would otherwise access the claims of all.
        (caller(PROVIDER), "H456", "M123", False),
        (caller(PROVIDER), None, None, False),
        (caller(MEMBER), "H456", "M123", False),
        (caller(MEMBER), None, None, False),
        (caller(PROVIDER, "H456", "M123"), "H456", "M123", False),
        (caller(MEMBER, "H456", "M123"), "H456", "M123", False),
        (caller(PROVIDER, None, "M123"), "H456", "M123", False),
        (caller(MEMBER, "H456"), "H456", "M123", False),
        (caller("admin"), "H456", "M123", True),
        (caller("admin"), None, None, True),
        (caller("admin", "H456"), "H456", "M123", False),
        (caller("admin", None, "M123"), "H456", "M123", False),
    ],
)
def test_a_role_is_bound_as_declared_or_accesses_nothing(
    of: Caller, provider_id: str | None, member_id: str | None, allowed: bool
):
    assert of.may_access(provider_id, member_id) is allowed


def test_only_bound_roles_filter_claims():
    assert caller(PROVIDER, "H456").claim_filter() == {"provider_id": "H456"}
    assert caller(MEMBER, None, "M123").claim_filter() == {"member_id": "M123"}
    assert caller("admin").claim_filter() == {}
    for unbound in (caller(PROVIDER), caller(MEMBER), caller("admin", "H456")):
        with pytest.raises(PermissionError):
            unbound.claim_filter()


def test_the_database_accepts_exactly_the_declared_roles():
    assert set(ROLES) == set(STORED_ROLES)


def test_a_command_offers_exactly_the_declared_roles():
    role = next(one for one in keys.create.params if one.name == "role")
    assert set(role.type.choices) == set(ROLES)


async def test_a_member_reads_and_appeals_its_own_claims_and_submits_none(api: Api):
    own, other = await rejected(api), await rejected(api, member_id="M124")
    listed = (await api.get("/v1/claims", role="member")).json()["claims"]
    assert [one["member_id"] for one in listed] == ["M123", "M123"]
    assert listed[0]["claim_id"] == own
    assert (await api.get(f"/v1/claims/{own}", role="member")).json()["status"] == "rejected"
    assert (await api.get(f"/v1/claims/{other}", role="member")).status_code == 404
    assert (await api.get(f"/v1/claims/{other}/appeals", role="member")).status_code == 404
    assert (await api.submit(MINIMAL, role="member")).status_code == 403
    assert (await appeal(api, own, role="member")).status_code == 403
    of_member = {**APPEAL, "appellant": "member"}
    assert (await appeal(api, other, of_member, role="member")).status_code == 404
    assert (await appeal(api, own, of_member, role="member")).status_code == 201
    assert len((await api.get(f"/v1/claims/{own}/appeals", role="member")).json()["appeals"]) == 1


async def test_a_data_scientist_sees_scores_of_all_claims_and_no_member(api: Api):
    claim_id = (await api.submit({**MINIMAL, "authorization_number": "AUTH-1"})).json()["claim_id"]
    for path in ("/v1/claims", f"/v1/claims/{claim_id}", f"/v1/claims/{claim_id}/explanation"):
        seen = await api.get(path, role="data_scientist")
        assert seen.status_code == 200
        assert '"score":0.1' in seen.text
        assert "M123" not in seen.text
        assert "AUTH-1" not in seen.text
        assert "M123" in (await api.get(path)).text
    refused = await api.get("/v1/claims?member_id=M123", role="data_scientist")
    assert (refused.status_code, "send no member_id" in refused.text) == (403, True)
    for path in ("appeals", "decisions", "dispositions"):
        assert (await api.get(f"/v1/claims/{claim_id}/{path}", role="data_scientist")).status_code == 403


async def test_a_key_that_is_not_as_declared_reads_no_claims(api: Api):
    """Even if the database lost the constraint that prevents it."""
    claim_id = (await api.submit()).json()["claim_id"]
    api.execute("ALTER TABLE api_keys DROP CONSTRAINT api_keys_provider_check, DROP CONSTRAINT api_keys_role_check")
    api.execute("UPDATE api_keys SET provider_id = NULL WHERE name = 'provider'")
    api.execute("UPDATE api_keys SET role = 'auditor' WHERE name = 'investigator'")
    assert (await api.get(f"/v1/claims/{claim_id}", role="provider")).status_code == 404
    assert (await api.get("/v1/claims", role="provider")).status_code == 403
    assert (await api.submit(MINIMAL, role="provider")).status_code == 403
    assert (await api.get(f"/v1/claims/{claim_id}", role="investigator")).status_code == 403
