"""A person at the console over HTTP: follows links and sends forms that its pages offer, and counts both."""

from collections.abc import Mapping
from types import TracebackType
from typing import Final
from urllib.parse import urlsplit

import httpx

from cli.demo.case.pages import ConsolePage, DemoPageError

_LONGEST_ANSWER_S: Final = 30.0


class ServerTime:
    """The time that servers took for requests."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def add(self, response: httpx.Response) -> None:
        """Add the time from sending a request to having its response."""
        self.seconds += response.elapsed.total_seconds()


class ConsoleBrowser:
    """The browser of one person. A link that is followed and a form that is sent is one click each."""

    def __init__(self, api: str, taken: ServerTime) -> None:
        self.clicks = 0
        self._taken = taken
        self._page: ConsolePage | None = None
        self._http = httpx.Client(
            base_url=api,
            timeout=_LONGEST_ANSWER_S,
            headers={"Origin": api.rstrip("/"), "Sec-Fetch-Site": "same-origin"},
            trust_env=False,
        )

    def __enter__(self) -> "ConsoleBrowser":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    @property
    def page(self) -> ConsolePage:
        """The page that is shown. Raises `DemoPageError` before the first."""
        if self._page is None:
            raise DemoPageError("no page is open yet")
        return self._page

    @property
    def cookies(self) -> dict[str, str]:
        """Those of the session."""
        return dict(self._http.cookies)

    def open(self, address: str) -> ConsolePage:
        """Type an address, as of a bookmark: no click."""
        return self._shown(self._send("GET", address))

    def follow(self, label: str) -> ConsolePage:
        """Follow a link of the page."""
        return self._click("GET", self.page.link(label))

    def save(self, label: str) -> bytes:
        """Follow a link to a file; the page stays."""
        self.clicks += 1
        response = self._send("GET", self.page.link(label))
        if not response.is_success:
            raise DemoPageError(f"{response.url} answered with {response.status_code}")
        return response.content

    def submit(
        self, button: str = "", fields: Mapping[str, str] | None = None, *, having: Mapping[str, str] | None = None
    ) -> ConsolePage:
        """Fill in fields of the form with a button, and press it; `having`: content that tells forms apart.

        Raises `DemoPageError` where the page has no such form or field, and where the form is refused.
        """
        form, pressed = self.page.form(button, **(having or {}))
        entered = dict(fields or {})
        if unknown := entered.keys() - form.allowed:
            raise DemoPageError(f"the form {button!r} of {self.page.url} has no field {min(unknown)}")
        content = {**form.fields, **entered}
        if pressed.name is not None:
            content[pressed.name] = pressed.value
        return self._click(form.method.upper(), pressed.address or form.address, content)

    def _click(self, method: str, address: str, content: Mapping[str, str] | None = None) -> ConsolePage:
        self.clicks += 1
        return self._shown(self._send(method, address, content))

    def _shown(self, response: httpx.Response) -> ConsolePage:
        while response.next_request is not None:
            response = self._send("GET", str(response.next_request.url))
        page = ConsolePage(str(response.url), response.text)
        if not response.is_success:
            detail = page.problem() or f": {page.text()[:300]}"
            raise DemoPageError(
                f"{response.request.method} {response.url} answered with {response.status_code}{detail}"
            )
        self._page = page
        return page

    def _send(self, method: str, address: str, content: Mapping[str, str] | None = None) -> httpx.Response:
        parts = urlsplit(address)
        target = parts.path if method == "GET" and content is not None else parts._replace(fragment="").geturl()
        sent = {"params": content} if method == "GET" and content is not None else {"data": content}
        response = self._http.request(method, target, **sent)
        self._taken.add(response)
        return response
