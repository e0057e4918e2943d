import pytest

from api.identity import ROLES, Scope, service
from core import clock
from tests.api.makers import Api


async def test_a_secret_is_not_stored(api: Api):
    _, secret = await service.create_key(api.database, name="x", role="admin")
    assert secret.startswith("gnj_")
    assert secret not in str(api.rows("SELECT k::text FROM api_keys AS k"))


async def test_a_revoked_key_is_refused_once_the_cache_expires(api: Api):
    api_key_id, api.keys["new"] = await service.create_key(api.database, name="x", role="admin")
    assert (await api.get("/v1/claims", role="new")).status_code == 200
    assert await service.revoke_key(api.database, api_key_id)
    assert not await service.revoke_key(api.database, api_key_id)
    fresh = service.Authenticator(api.database)
    with pytest.raises(service.Unauthorized):
        await fresh.authenticate(api.keys["new"])


async def test_a_key_is_replaced_together_with_the_earlier_ones_of_its_name_and_role(api: Api):
    _, other = await service.create_key(api.database, name="ginja up", role="investigator")
    secrets = [(await service.replace_key(api.database, name="ginja up", role="admin"))[1] for _ in range(2)]
    fresh = service.Authenticator(api.database)
    with pytest.raises(service.Unauthorized):
        await fresh.authenticate(secrets[0])
    assert (await fresh.authenticate(secrets[1])).role == "admin"
    assert (await fresh.authenticate(other)).role == "investigator"


async def test_an_expired_key_is_refused(api: Api):
    _, api.keys["old"] = await service.create_key(api.database, name="x", role="admin", expires_at=clock.now())
    assert (await api.get("/v1/claims", role="old")).status_code == 401


@pytest.mark.parametrize(("role", "provider_id"), [("king", None), ("provider", None), ("admin", "H456")])
async def test_a_key_with_invalid_attributes_is_not_created(api: Api, role, provider_id):
    with pytest.raises(ValueError, match=r"role|provider"):
        await service.create_key(api.database, name="x", role=role, provider_id=provider_id)


def test_no_provider_sees_scores():
    assert Scope.SCORES not in ROLES["provider"]
    assert [role for role, scopes in ROLES.items() if Scope.SCORES not in scopes] == ["provider"]
