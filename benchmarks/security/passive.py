"""What a passive scan looks for in responses: rules equivalent to those of ZAP, with its numbers.

https://www.zaproxy.org/docs/alerts/ describes them. Rules for technologies that are not there (ViewState, WSDL, JSF,
ASP.NET, Java serialization) are left out; `docs/adr/0264-a-passive-scan-of-our-own.md` says why the scan is our own.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import httpx

from benchmarks.security.attempts import AttackClass, Attempt
from benchmarks.security.browser import PAGES, signed_in
from benchmarks.security.scene import AttackScene
from benchmarks.security.values import unknown_id

Finding = Callable[[httpx.Response], str | None]
"""What is wrong with a response; `None`: nothing."""


@dataclass(frozen=True, slots=True)
class PassiveRule:
    """One rule and its number at ZAP."""

    number: str
    name: str
    finding: Finding


def passive(scene: AttackScene) -> Iterator[Attempt]:
    """Every rule on every page, every read of the API and problems of several kinds."""
    responses = list(_responses(scene))
    for rule in RULES:
        for response in responses:
            found = rule.finding(response)
            name = f"{rule.number} {rule.name}: {response.request.method} {response.request.url.path}"
            yield Attempt(AttackClass.PASSIVE, name, found is None, found or "")


def _responses(scene: AttackScene) -> Iterator[httpx.Response]:
    with signed_in(scene) as (browser, answer):
        yield answer
        for path in (
            *PAGES,
            f"/console/claims/{scene.foreign['claim_id']}",
            "/console/none",
            "/console/static/console.css",
        ):
            yield browser.get(path)
    for operation in scene.operations:
        if operation.method == "GET":
            values = {name: scene.foreign.get(name, unknown_id(name, "x")) for name in operation.names}
            yield scene.send("GET", operation.at(values), "admin")
            yield scene.send("GET", operation.at(values))
    yield scene.send("POST", "/v1/claims", "admin", content=b"{")
    yield scene.send("POST", "/v1/claims", "admin", json={})
    yield scene.send("GET", "/none")
    yield scene.send("PATCH", "/v1/claims", "admin")


def _is_page(response: httpx.Response) -> bool:
    return "text/html" in response.headers.get("content-type", "")


def _header(name: str, *, pages: bool = False, unless: Callable[[str], bool]) -> Finding:
    """A rule on a header of every response, or of pages alone: wrong unless the value fulfils the condition."""

    def finding(response: httpx.Response) -> str | None:
        if pages and not _is_page(response):
            return None
        value = response.headers.get(name, "")
        return None if unless(value) else f"{name}: {value or 'missing'}"

    return finding


def _text(pattern: str, *, pages: bool = False, flags: re.RegexFlag = re.NOFLAG) -> Finding:
    """A rule on the text of a response: wrong where the pattern is found."""
    compiled = re.compile(pattern, flags)

    def finding(response: httpx.Response) -> str | None:
        if pages and not _is_page(response):
            return None
        found = compiled.search(response.text)
        return None if found is None else found.group(0)[:80]

    return finding


def _cookie(attribute: str) -> Finding:
    """A rule on every cookie that is set. Without TLS none can be `Secure`; `tests/api/test_tls.py` reads those."""

    def finding(response: httpx.Response) -> str | None:
        for cookie in response.headers.get_list("set-cookie"):
            plain = attribute == "secure" and response.request.url.scheme == "http"
            if attribute not in cookie.lower() and not plain:
                return cookie.partition("=")[0]
        return None

    return finding


def _content_type(response: httpx.Response) -> str | None:
    if response.status_code == 304 or not response.content:
        return None
    value = response.headers.get("content-type", "")
    if not value:
        return "no Content-Type"
    return None if not value.startswith("text/") or "charset=utf-8" in value.lower() else value


def _caching(response: httpx.Response) -> str | None:
    value = response.headers.get("cache-control", "")
    if response.request.url.path.startswith(("/console/static", "/docs", "/openapi.json")):
        return None  # files of the package, the same for everyone
    return None if "no-store" in value or "no-cache" in value else f"Cache-Control: {value or 'missing'}"


def _forms(response: httpx.Response) -> str | None:
    """A form of a session's page that is sent with POST and has no token."""
    if not _is_page(response) or "sign-out" not in response.text:
        return None
    for form in re.findall(r"<form[^>]*method=\"post\".*?</form>", response.text, re.DOTALL | re.IGNORECASE):
        if 'type="hidden"' not in form:
            return str(form[:80])
    return None


_PRIVATE: Final = r"\b(?:10\.\d{1,3}|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.\d{1,3}\.\d{1,3}\b"
RULES: Final[tuple[PassiveRule, ...]] = (
    PassiveRule("2", "private address", _text(_PRIVATE)),
    PassiveRule("3", "session in the address", _text(r"[?&](?:session|sid|token|api_key)=\w{16,}")),
    PassiveRule("10010", "cookie without HttpOnly", _cookie("httponly")),
    PassiveRule("10011", "cookie without Secure", _cookie("secure")),
    PassiveRule("10015", "response that may be stored", _caching),
    PassiveRule("10017", "script of another site", _text(r"<script[^>]+src=\"(?:https?:)?//", pages=True)),
    PassiveRule("10019", "missing media type or character set", _content_type),
    PassiveRule(
        "10020",
        "page in a frame",
        _header("content-security-policy", pages=True, unless=lambda v: "frame-ancestors 'none'" in v),
    ),
    PassiveRule(
        "10021", "media type that may be sniffed", _header("x-content-type-options", unless=lambda v: v == "nosniff")
    ),
    PassiveRule("10023", "debugging message", _text(r"Traceback \(most recent|Internal Server Error at|DEBUG = True")),
    PassiveRule(
        "10027", "suspicious comment", _text(r"<!--.*(?:TODO|FIXME|BUG|XXX|password)", pages=True, flags=re.IGNORECASE)
    ),
    PassiveRule("10033", "list of a folder", _text(r"Index of /|Directory listing for", pages=True)),
    PassiveRule("10036", "version of the server", _header("server", unless=lambda v: not re.search(r"\d", v))),
    PassiveRule("10037", "X-Powered-By", _header("x-powered-by", unless=lambda v: not v)),
    PassiveRule(
        "10038", "page without a content security policy", _header("content-security-policy", pages=True, unless=bool)
    ),
    PassiveRule("10040", "mixed content", _text(r"<(?:img|script|link|iframe)[^>]+(?:src|href)=\"http://", pages=True)),
    PassiveRule("10054", "cookie without SameSite", _cookie("samesite")),
    PassiveRule(
        "10055",
        "loose content security policy",
        _header(
            "content-security-policy",
            pages=True,
            unless=lambda v: "unsafe" not in v and "*" not in v and "default-src" in v,
        ),
    ),
    PassiveRule("10062", "social security number", _text(r"\b\d{3}-\d{2}-\d{4}\b(?!-)")),
    PassiveRule("10063", "page without a permissions policy", _header("permissions-policy", pages=True, unless=bool)),
    PassiveRule("10097", "stored hash of a password", _text(r"\$argon2(?:id|i|d)\$|\$2[aby]\$\d\d\$")),
    PassiveRule("10098", "any origin may read", _header("access-control-allow-origin", unless=lambda v: not v)),
    PassiveRule(
        "10099", "source code", _text(r"^\s*(?:def |import |from \w+ import )\w+", pages=True, flags=re.MULTILINE)
    ),
    PassiveRule(
        "10108", "link that shares its window", _text(r"<a(?![^>]*noopener)[^>]*target=\"_blank\"", pages=True)
    ),
    PassiveRule(
        "10110", "dangerous call of a script", _text(r"\beval\(|document\.write\(|\.innerHTML\s*=", pages=True)
    ),
    PassiveRule("10202", "form without a token", _forms),
    PassiveRule(
        "90004",
        "window shared with others",
        _header("cross-origin-opener-policy", pages=True, unless=lambda v: v == "same-origin"),
    ),
    PassiveRule(
        "90022",
        "error of the application",
        lambda response: str(response.status_code) if response.status_code == 500 else None,
    ),
)
