"""Permissions fail closed: undeclared roles and keys are refused."""

import pytest

from api.identity import PROVIDER, ROLES, Caller, Scope
from api.identity.tables import ROLES as STORED_ROLES
from tests.api.makers import MINIMAL, Api


def caller(role: str, provider_id: str | None = None) -> Caller:
    return Caller("key_1", role, provider_id, "test")


@pytest.mark.parametrize("role", ["", "Admin", "auditor", "provider "])
def test_an_undeclared_role_has_no_scope(role: str):
    assert not any(caller(role).may(scope) for scope in Scope)
    assert not caller(role).sees_scores
    assert not caller(role).may_access("H456")
    assert not caller(role).may_access(None)
    with pytest.raises(PermissionError):
        caller(role).claim_filter()


@pytest.mark.parametrize(
    ("of", "claim_of", "allowed"),
    [
        (caller(PROVIDER, "H456"), "H456", True),
        (caller(PROVIDER, "H456"), "H457", False),
        (caller(PROVIDER, "H456"), None, False),
        # A provider's key without a provider would otherwise access the claims of all.
        (caller(PROVIDER, None), "H456", False),
        (caller(PROVIDER, None), None, False),
        (caller("admin"), "H456", True),
        (caller("admin"), None, True),
        (caller("admin", "H456"), "H457", False),
        (caller("admin", "H456"), "H456", False),
    ],
)
def test_only_a_provider_is_bound_to_a_provider(of: Caller, claim_of: str | None, allowed: bool):
    assert of.may_access(claim_of) is allowed


def test_only_provider_keys_filter_claims():
    assert caller(PROVIDER, "H456").claim_filter() == {"provider_id": "H456"}
    assert caller("admin").claim_filter() == {}
    with pytest.raises(PermissionError):
        caller(PROVIDER).claim_filter()


def test_the_database_accepts_exactly_the_declared_roles():
    assert set(ROLES) == set(STORED_ROLES)


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
