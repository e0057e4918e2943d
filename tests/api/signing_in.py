"""Users that sign in to the API of a test."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
import pyotp

from api.identity import Caller
from api.users import UserIn
from core import clock
from tests.api.makers import Api

PASSWORD = "the tide comes in twice a day"
OPERATOR = Caller("command line", "operator", None, "tests")


@dataclass
class Person:
    """A user with what the person knows and has."""

    api: Api
    user_id: str
    login: str
    password: str = PASSWORD
    secret: str | None = None
    recovery_codes: list[str] = field(default_factory=list)

    def code(self, at: datetime | None = None) -> str:
        assert self.secret is not None
        return pyotp.TOTP(self.secret).at(at or clock.now())

    @property
    def proof(self) -> dict[str, str]:
        return {"login": self.login, "password": self.password}

    async def send(self, path: str, **body: Any) -> httpx.Response:
        return await send(self.api, path, **self.proof | body)

    async def sign_in(self, **body: Any) -> dict[str, Any]:
        """Tokens, with a code where the person has a second factor."""
        code = {"code": self.code()} if self.secret is not None and "recovery_code" not in body else {}
        response = await self.send("token", **code | body)
        assert response.status_code == 200, response.text
        tokens: dict[str, Any] = response.json()
        return tokens


async def send(api: Api, path: str, client: httpx.AsyncClient | None = None, **body: Any) -> httpx.Response:
    """POST to a route of signing in, without an API key."""
    return await (client or api.client).post(f"/v1/auth/{path}", json=body)


async def refresh(api: Api, token: str) -> httpx.Response:
    return await send(api, "refresh", refresh_token=token)


async def get_me(api: Api, access_token: str) -> httpx.Response:
    return await api.client.get("/v1/me", headers={"Authorization": f"Bearer {access_token}"})


async def person(api: Api, role: str = "operator", login: str = "", **attributes: Any) -> Person:
    """A user of a role that needs no second factor, unless it is set up by `with_second_factor`."""
    login = login or f"{role}@insurer.example"
    sent = UserIn(login=login, display_name=f"Name of {role}", role=role, **attributes)  # type: ignore[arg-type]
    user, _ = await api.dependencies.users.create(OPERATOR, sent, PASSWORD)
    return Person(api, user.user_id, user.login)


async def with_second_factor(one: Person) -> Person:
    """Set up the second factor with the code of the step before, so that the current code can be used."""
    made = await one.send("totp")
    assert made.status_code == 200, made.text
    one.secret = made.json()["secret"]
    with clock.held(clock.now()):  # no step begins between the making of the code and its check
        confirmed = await one.send("totp/confirm", code=one.code(clock.now() - timedelta(seconds=30)))
    assert confirmed.status_code == 200, confirmed.text
    one.recovery_codes = confirmed.json()["recovery_codes"]
    return one


async def investigator(api: Api, login: str = "") -> Person:
    """An investigator with a second factor."""
    return await with_second_factor(await person(api, "investigator", login))


def client_from(api: Api, address: str) -> httpx.AsyncClient:
    """A client of the API at another address."""
    transport = httpx.ASGITransport(api.app, raise_app_exceptions=False, client=(address, 1))
    return httpx.AsyncClient(transport=transport, base_url="http://claims")
