"""`ginja users` and `ginja tokens`: the first administrator, and what an operator does for others."""

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from tests.api.makers import ENCRYPTION_KEY, Api, running_api
from tests.api.signing_in import PASSWORD, Person, get_me, refresh, with_second_factor


async def run(api: Api, *words: str) -> Result:
    env = {"GINJA_DATABASE_URL": api.url, "GINJA_ENCRYPTION_KEYS": ENCRYPTION_KEY}
    return await asyncio.to_thread(CliRunner().invoke, main, [*words], env=env)


async def created(api: Api, tmp_path: Path, role: str = "admin") -> Person:
    file = tmp_path / "password.txt"
    file.write_text(f"{PASSWORD}\n")
    words = ("--login", "Ann@Insurer.example", "--name", "Ann", "--role", role, "--password-file", str(file))
    done = await run(api, "users", "create", *words, "--json")
    assert done.exit_code == 0, done.output
    made = json.loads(done.stdout)
    assert made["password"] is None
    assert PASSWORD not in done.output
    return Person(api, made["user_id"], made["login"])


async def test_the_first_administrator_is_created_signs_in_and_creates_another_user(database_url, tmp_path: Path):
    async with running_api(database_url) as api:
        admin = await with_second_factor(await created(api, tmp_path))
        token = (await admin.sign_in())["access_token"]
        body = {"login": "ben@insurer.example", "display_name": "Ben", "role": "operator"}
        headers = {"Authorization": f"Bearer {token}"}
        assert (await api.client.post("/v1/users", json=body, headers=headers)).status_code == 201
        listed = json.loads((await run(api, "users", "list", "--json")).stdout)["users"]
        assert [(one["login"], one["role"]) for one in listed] == [
            ("ann@insurer.example", "admin"),
            ("ben@insurer.example", "operator"),
        ]
        assert "password" not in json.dumps(listed).replace("must_change_password", "")


async def test_a_generated_password_is_printed_once_and_changed_first(database_url: str):
    async with running_api(database_url) as api:
        words = ("--login", "a@b.example", "--name", "A", "--role", "operator")
        done = await run(api, "users", "create", *words, "--json")
        one = Person(api, "", "a@b.example", json.loads(done.stdout)["password"])
        assert (await one.send("token")).json()["next"] == "change-password"
        assert one.password not in (await run(api, "users", "list", "--json")).output
        reset = await run(api, "users", "reset-password", "A@b.example", "--reason", "forgotten", "--json")
        assert json.loads(reset.stdout)["password"] != one.password
        assert (await one.send("token")).status_code == 401


async def test_a_disabled_user_is_out_until_enabled(database_url: str, tmp_path: Path):
    async with running_api(database_url) as api:
        one = await created(api, tmp_path, "operator")
        tokens = await one.sign_in()
        assert (await run(api, "users", "disable", "ann@insurer.example", "--by", "ben")).exit_code == 0
        assert (await get_me(api, tokens["access_token"])).status_code == 401
        assert (await refresh(api, tokens["refresh_token"])).status_code == 401
        assert (await one.send("token")).status_code == 401
        assert (await run(api, "users", "enable", "ann@insurer.example")).exit_code == 0
        assert (await refresh(api, tokens["refresh_token"])).status_code == 401
        assert await one.sign_in()
        assert ("ben", "user.change") in api.rows("SELECT name, act FROM audit_log")


async def test_a_second_factor_is_reset_with_its_recovery_codes(database_url: str, tmp_path: Path):
    async with running_api(database_url) as api:
        one = await with_second_factor(await created(api, tmp_path))
        done = await run(api, "users", "reset-totp", "ann@insurer.example", "--reason", "lost phone", "--json")
        assert json.loads(done.stdout)["user_id"] == one.user_id
        assert (await one.send("token", recovery_code=one.recovery_codes[0])).json()["next"] == "enrol-second-factor"


async def test_rotating_keys_names_the_new_one(database_url: str):
    async with running_api(database_url) as api:
        kid = json.loads((await run(api, "tokens", "rotate-keys", "--by", "ben", "--json")).stdout)["kid"]
        (key,) = (await api.client.get("/v1/auth/keys")).json()["keys"]
        assert key["kid"] == kid


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("create", "--login", "nobody", "--name", "A", "--role", "admin"), "login must be one e-mail address"),
        (("create", "--login", "a@b.example", "--name", "A", "--role", "provider"), "provider_id is required"),
        (("create", "--login", "a@b.example", "--name", "A", "--role", "king"), "king"),
        (("disable", "nobody@insurer.example"), "user not found"),
        (("reset-totp", "nobody@insurer.example"), "--reason"),
    ],
)
async def test_what_cannot_be_done_says_why(database_url: str, words: tuple[str, ...], message: str):
    async with running_api(database_url) as api:
        refused = await run(api, "users", *words)
        assert (refused.exit_code, message in refused.output) == (2, True), refused.output


async def test_a_login_belongs_to_one_user_and_a_weak_password_is_refused(database_url: str, tmp_path: Path):
    async with running_api(database_url) as api:
        await created(api, tmp_path)
        again = await run(api, "users", "create", "--login", "ann@insurer.example", "--name", "A", "--role", "operator")
        assert (again.exit_code, "there is a user with this login" in again.output) == (2, True)
        file = tmp_path / "weak.txt"
        file.write_text("short\n")
        words = ("--login", "c@b.example", "--name", "C", "--role", "operator", "--password-file", str(file))
        weak = await run(api, "users", "create", *words)
        assert (weak.exit_code, "password must have 15 to 256 characters" in weak.output) == (2, True)
        assert "short" not in weak.output


async def test_a_user_is_linked_with_one_person_of_an_issuer(database_url: str, tmp_path: Path):
    async with running_api(database_url) as api:
        one = await created(api, tmp_path, "operator")
        issuer = ("--issuer", "https://login.example")
        done = await run(api, "users", "link", one.login, "--subject", "7d1c", *issuer, "--by", "ben", "--json")
        assert json.loads(done.stdout) == {
            "user_id": one.user_id,
            "login": one.login,
            "issuer": "https://login.example",
        }
        again = await run(api, "users", "link", one.login, "--subject", "8e2d", *issuer)
        assert (again.exit_code, "unlink it first" in again.output) == (2, True)
        words = ("--login", "c@b.example", "--name", "C", "--role", "operator")
        await run(api, "users", "create", *words, "--json")
        taken = await run(api, "users", "link", "c@b.example", "--subject", "7d1c", *issuer)
        assert (taken.exit_code, "linked with another user" in taken.output) == (2, True)
        wrong = await run(api, "users", "link", "c@b.example", "--subject", "two words", *issuer)
        assert (wrong.exit_code, "subject must be" in wrong.output) == (2, True)
        missing = await run(api, "users", "link", "c@b.example", "--subject", "x")
        assert (missing.exit_code, "--issuer is required" in missing.output) == (2, True)
        assert (await run(api, "users", "unlink", one.login, *issuer, "--by", "ben")).exit_code == 0
        assert (await run(api, "users", "unlink", one.login, *issuer)).exit_code == 2
        acts = api.rows("SELECT name, act FROM audit_log WHERE act IN ('user.link', 'user.unlink') ORDER BY audit_id")
        assert acts == [("ben", "user.link"), ("ben", "user.unlink")]
