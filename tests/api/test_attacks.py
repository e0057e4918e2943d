"""The attacks of `python -m benchmarks.security` on the application itself, on a real port."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from api.app import create_app
from api.database import Database
from api.identity import create_key
from benchmarks.security.attempts import Attack, AttackClass, Attempt
from benchmarks.security.objects import objects
from benchmarks.security.run import ATTACKS, SecurityFigures
from benchmarks.security.scene import ROLES, AttackScene, set_scene
from benchmarks.security.wire import exhaustion
from core.settings import Settings
from tests.api.makers import MINIMAL
from tests.api.servers import on_a_port
from tests.api.signing import SIGNER, register

OWN = MINIMAL | {"claim_amount": "40.00", "procedure_code": "P002"}


async def keys_in(url: str) -> dict[str, str]:
    database = Database(url)
    made = {role: (await create_key(database, name=role, role=role))[1] for role in ROLES}
    made["provider"] = (await create_key(database, name="attacker", role="provider", provider_id="H456"))[1]
    await database.close()
    return made


@pytest.fixture(scope="module")
def attacked(new_database, seeded_template) -> Iterator[AttackScene]:
    with new_database(seeded_template) as url, on_a_port(create_app(Settings(scorer_port=1), url)) as address:
        keys = asyncio.run(keys_in(url))
        with httpx.Client(base_url=address, timeout=30.0) as client:
            port = int(address.rpartition(":")[2])
            register(url, keys["admin"])
            yield set_scene(client, port, keys, OWN, OWN | {"provider_id": "H457"}, SIGNER)


# Slow connections need the clock; tests/core/test_bounded_http.py holds it still.
@pytest.mark.parametrize("attack", [one for one in ATTACKS if one is not exhaustion], ids=lambda one: one.__name__)
def test_every_attack_is_blocked(attacked: AttackScene, attack: Attack) -> None:
    attempts = list(attack(attacked))
    assert [one for one in attempts if not one.blocked] == []
    assert attempts or attack.__name__ == "sqlmap"


def test_an_object_of_others_that_is_shown_is_not_blocked(attacked: AttackScene) -> None:
    """With an admin's key as the provider's everything is shown."""
    shown = replace(attacked, keys={**attacked.keys, "provider": attacked.keys["admin"]})
    assert any(not one.blocked for one in objects(shown))


def test_figures_count_by_class_and_name_what_is_open() -> None:
    attempts = [Attempt(AttackClass.SQL, "a", True, ""), Attempt(AttackClass.SQL, "b", False, "500")]
    document = SecurityFigures(attempts, routes=3, roles=2).as_json()
    assert (document["tried"], document["blocked"]) == (2, 1)
    assert document["by_class"] == {"SQL injection": {"tried": 2, "blocked": 1}}
    assert [one["name"] for one in document["open"]] == ["b"]
