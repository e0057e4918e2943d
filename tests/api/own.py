"""Providers and members at the pages of their own claims, for tests."""

import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final

import httpx

from api.console.own.view import STATUSES
from core import clock
from tests.api.comparing import exactly
from tests.api.console.setting import Browser, without_tokens
from tests.api.console.test_user_sign_in import browser_of
from tests.api.makers import Api

BOUND: Final = ("provider", "member")
HOME: Final = "/console/own"
PAGES: Final = frozenset({HOME, f"{HOME}/claims/{{claim_id}}"})
"""Every page that is read, not sent to."""
_CLAIM_ID: Final = re.compile(r"\b(clm|app)_[0-9a-hjkmnp-tv-z]{26}\b")
_AUTHOR: Final = re.compile(r'name="author" value="[0-9a-f]+"')


@asynccontextmanager
async def at_home(api: Api, role: str) -> AsyncIterator[Browser]:
    """A browser that is signed in by the key of a provider or member."""
    async with browser_of(api) as browser:
        answer = await browser.post("/console/sign-in", data={"api_key": api.keys[role], "next": HOME})
        assert answer.status_code == 303, answer.text
        yield browser


async def pages_shown(api: Api, statements: list[str], role: str, claim_ids: Iterable[str]) -> list[Any]:
    """`PAGES` of a list in every form, and of claims: address, response without random fields, and its statements.

    `statements`: those that were noted so far. The length of a page is one of its tokens as they are compressed.
    """
    today, seen = clock.now().date(), []
    queries = ["", f"?first_day={today - timedelta(days=4)}&last_day={today}", *(f"?status={one}" for one in STATUSES)]
    async with at_home(api, role) as browser:
        for address in (*(HOME + query for query in queries), *(f"{HOME}/claims/{one}" for one in claim_ids)):
            before = len(statements)
            status, headers, body = exactly(await browser.get(address))
            shown = {name: value for name, value in headers.items() if name != "content-length"}
            seen.append((address, "page", status, shown, exact(body.decode()).encode(), sorted({*statements[before:]})))
    return seen


async def read(browser: Browser, claim_id: str) -> httpx.Response:
    return await browser.get(f"{HOME}/claims/{claim_id}")


async def send_appeal(browser: Browser, claim_id: str, **form: str) -> httpx.Response:
    return await browser.post(f"{HOME}/claims/{claim_id}/appeal", data={"reason": "Two separate services."} | form)


def author_in(page: str) -> str:
    """The field by which the form says whose it is."""
    found = _AUTHOR.search(page)
    assert found is not None
    return found[0].split('"')[3]


def exact(page: str) -> str:
    """A page without what is random each time it is shown: its tokens."""
    return _AUTHOR.sub("", without_tokens(page))


def without_particulars(page: str) -> str:
    """A page without the ids, amounts, days and random fields that two claims may differ in."""
    page = _CLAIM_ID.sub(r"\1", exact(page))
    page = re.sub(r"\d[\d,]*\.\d\d", "AMOUNT", page)
    return re.sub(r"20\d\d-\d\d-\d\d", "DAY", page)
