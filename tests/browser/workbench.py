"""The API on a real port, and people at its console in a browser."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from playwright.sync_api import Browser, ConsoleMessage, Page

from api.app import create_app
from core.postgres import as_api_role
from tests.api.makers import Api, running_api
from tests.api.servers import on_a_port

_Made = TypeVar("_Made")
Scheme = Literal["light", "dark"]


@dataclass
class Workbench:
    """A served platform."""

    address: str
    url: str
    """Of its database."""
    keys: dict[str, str]
    """By role."""


def in_a_loop(work: Coroutine[Any, Any, _Made]) -> _Made:
    """The result of a coroutine, in a thread: the loop of Playwright runs in that of the test."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


@contextmanager
def serving(url: str, prepare: Callable[[Api], Awaitable[_Made]]) -> Iterator[tuple[Workbench, _Made]]:
    """The API over the database at `url`, and what `prepare` made in it before."""

    async def prepared() -> tuple[Api, _Made]:
        async with running_api(url, signed_requests="accepted") as api:
            return api, await prepare(api)

    api, made = in_a_loop(prepared())
    with on_a_port(create_app(api.dependencies.settings, as_api_role(url))) as address:
        yield Workbench(address, url, api.keys), made


@dataclass
class Person:
    """A browser window, with the keys that were pressed in it and what the browser complained about."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    pressed: int = 0

    def hear(self, message: ConsoleMessage) -> None:
        """Note an error or warning of the browser, a violation of the content security policy among them."""
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def press(self, *keys: str) -> None:
        """Press keys, one after the other; `Control+Enter` counts as two."""
        for key in keys:
            self.pressed += key.count("+") + 1
            self.page.keyboard.press(key)

    def note(self, text: str) -> None:
        """Type a note, which is not counted."""
        self.page.keyboard.type(text)


def sign_in(
    browser: Browser,
    bench: Workbench,
    role: str = "investigator",
    *,
    width: int = 1280,
    scheme: Scheme = "light",
    bypass_csp: bool = False,
    to: str = "/console/in-review",
) -> Person:
    """A window in which the key of a role is signed in, at the page `to`.

    `bypass_csp` lets a test add its own scripts.
    """
    context = browser.new_context(
        base_url=bench.address, viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=bypass_csp
    )
    person = Person(context.new_page())
    person.page.on("console", person.hear)
    person.page.on("pageerror", lambda error: person.complaints.append(str(error)))
    person.page.goto(f"/console/sign-in?next={to}")
    person.page.fill("#api_key", bench.keys[role])
    person.page.keyboard.press("Control+Enter")
    person.page.wait_for_url(f"{bench.address}{to}")
    return person
