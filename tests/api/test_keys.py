import pytest

from api.identity import ROLES, Caller, service
from core import clock
from tests.api.makers import Api


async def test_a_secret_is_not_stored(api: Api):
    _, secret = await service.create_key(api.database, name="x", role="admin")
    assert secret.startswith("gja_live_")
    assert secret not in str(api.rows("SELECT k::text FROM api_keys AS k"))


async def test_a_revoked_key_is_refused_once_the_cache_expires(api: Api):
    api_key_id, api.keys["new"] = await service.create_key(api.database, name="x", role="admin")
    assert (await api.get("/v1/claims", role="new")).status_code == 200
    revoked = await api.post(f"/v1/keys/{api_key_id}/revoke", {})
    assert (revoked.status_code, revoked.json()["state"]) == (200, "revoked")
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


@pytest.mark.parametrize(
    ("role", "provider_id", "member_id"),
    [
        ("king", None, None),
        ("provider", None, None),
        ("provider", "H456", "M123"),
        ("member", None, None),
        ("member", "H456", None),
        ("member", "H456", "M123"),
        ("admin", "H456", None),
        ("admin", None, "M123"),
    ],
)
async def test_a_key_with_invalid_attributes_is_not_created(api: Api, role, provider_id, member_id):
    with pytest.raises(ValueError, match=r"role|provider|member"):
        await service.create_key(api.database, name="x", role=role, provider_id=provider_id, member_id=member_id)


async def test_monitoring_reads_metrics_and_readiness_and_no_claims(api: Api):
    claim_id = (await api.submit()).json()["claim_id"]
    assert (await api.get(f"/v1/claims/{claim_id}", role="monitoring")).status_code == 403
    for role in ("monitoring", "operator", "admin"):
        assert "ginja_scorer_breaker" in (await api.get("/metrics", role=role)).text
        ready = (await api.get("/readyz", role=role)).json()
        assert (ready["ready"], ready["database"], ready["scorer_breaker"]) == (True, "ready", "closed")


@pytest.mark.parametrize("role", ["provider", "claims_system", "investigator", "lead_investigator", None])
async def test_others_see_only_whether_the_api_is_ready(api: Api, role):
    headers = {} if role is None else {"Authorization": f"Bearer {api.keys[role]}"}
    assert (await api.client.get("/metrics", headers=headers)).status_code == (401 if role is None else 403)
    ready = await api.client.get("/readyz", headers=headers)
    assert (ready.status_code, set(ready.json()) - {"instance"}) == (200, {"ready"})


async def test_a_key_of_monitoring_still_reads_metrics_while_the_database_fails(api: Api, monkeypatch):
    """Keys seen in the last hour only, and no other key."""
    monkeypatch.setattr(service, "CACHE_S", 0.0)  # each request looks its key up
    for role in ("monitoring", "claims_system"):
        await api.dependencies.authenticator.authenticate(api.keys[role])
    api.execute("ALTER TABLE api_keys RENAME TO api_keys_away")
    assert (await api.get("/metrics", role="monitoring")).status_code == 200
    assert (await api.get("/readyz", role="monitoring")).json()["scorer_breaker"] == "closed"
    assert (await api.get("/v1/claims", role="claims_system")).status_code >= 500
    monkeypatch.setattr(service, "MONITOR_GRACE_S", 0.0)
    assert (await api.get("/metrics", role="monitoring")).status_code >= 500


def test_providers_and_members_see_no_scores():
    without = [role for role in ROLES if not Caller("key_1", role, None, "x").sees_scores]
    assert without == ["provider", "member", "monitoring", "operator"]
