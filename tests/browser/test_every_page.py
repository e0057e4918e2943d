"""Every page of the console in Chromium, with hostile texts: they stay text, fit a phone, and axe finds nothing."""

from collections.abc import Iterator, Mapping
from urllib.parse import quote

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from api.console.routes import console_app
from tests.api.conftest import NewDatabase
from tests.browser.everything import everything
from tests.browser.workbench import Person, Scheme, Workbench, serving, sign_in

FILES = (".csv", ".json", ".pdf", ".txt", "/content")
OWN = "/own"
"""Pages of providers and members."""
NO_PAGES = {"/oidc/callback"}
"""Leads on to another page."""
QUERIES = {
    "/claims": "?set=all&provider=H456",
    "/queue": "?tab=mine",
    "/search": "?q=none",
    "/cases": "?status=open",
}
STATUS = {"/search": 404}
OPEN_ALL = "document.querySelectorAll('details').forEach(one => { one.removeAttribute('name'); one.open = true })"
UNREACHABLE = """() => [...document.querySelectorAll('a[href], button, input, select, textarea, summary')]
  .filter(one => one.checkVisibility() && !one.matches('.skip, .visually-hidden, .visually-hidden *'))
  .filter(one => { const box = one.getBoundingClientRect(); return box.left < -1 || box.right > innerWidth + 1; })
  .filter(one => { for (let at = one.parentElement; at; at = at.parentElement)
    if (at.scrollWidth > at.clientWidth && ['auto', 'scroll'].includes(getComputedStyle(at).overflowX)) return false;
    return true; })
  .map(one => one.outerHTML.slice(0, 120))"""


@pytest.fixture(scope="module")
def stored(new_database: NewDatabase, seeded_template: str) -> Iterator[tuple[Workbench, Mapping[str, str]]]:
    """A platform with something on every page; its tests only read."""
    with new_database(seeded_template) as url, serving(url, everything) as (bench, (key, values)):
        bench.keys["admin"] = key
        yield bench, values


def paths() -> list[str]:
    """Templates of the addresses of all pages."""
    found = [one.path for one in console_app().routes if "GET" in (getattr(one, "methods", None) or ())]
    return sorted({one for one in found if not one.endswith(FILES)} - NO_PAGES)


def pages(
    browser: Browser,
    stored: tuple[Workbench, Mapping[str, str]],
    *,
    width: int = 1280,
    scheme: Scheme = "light",
    bypass_csp: bool = False,
) -> Iterator[tuple[Person, str]]:
    """Each page with every section open, and its path: an administrator's, and those of a provider."""
    bench, values = stored
    looks = {"width": width, "scheme": scheme, "bypass_csp": bypass_csp}
    staff = sign_in(browser, bench, "admin", **looks)  # type: ignore[arg-type]
    provider = sign_in(browser, bench, "provider", to="/console/own", **looks)  # type: ignore[arg-type]
    for person in (staff, provider):
        person.page.on("dialog", lambda dialog, person=person: person.complaints.append(f"dialog {dialog.message}"))
    for path in paths():
        person, address = (provider if path.startswith(OWN) else staff), path
        if person is provider:
            address = address.replace("{claim_id}", values["own_claim_id"])
        for name, value in values.items():
            address = address.replace(f"{{{name}}}", quote(value, safe=""))
        person.complaints.clear()
        answer = person.page.goto(f"/console{address}{QUERIES.get(path, '')}")
        assert answer is not None
        assert answer.status == STATUS.get(path, 200), f"{path}: {answer.status}"
        person.page.evaluate(OPEN_ALL)
        yield person, path


def test_no_text_becomes_markup_and_no_page_complains(
    browser: Browser, stored: tuple[Workbench, Mapping[str, str]]
) -> None:
    found: dict[str, list[str]] = {}
    shown = set[str]()
    for person, path in pages(browser, stored):
        if "owned" in person.page.title() or person.page.locator("main img, main [onmouseover]").count():
            person.complaints.append("markup of a text")
        if "<script>document" in person.page.locator("main").inner_text():
            shown.add(path)
        if complaints := [one for one in person.complaints if path not in STATUS or "status of" not in one]:
            found[path] = complaints
    assert found == {}
    assert {"/claims/{claim_id}", "/cases/{case_id}", "/providers/{provider_id}", "/tasks", "/dead-letters"} <= shown


def test_every_page_fits_a_phone_and_every_control_can_be_reached(
    browser: Browser, stored: tuple[Workbench, Mapping[str, str]]
) -> None:
    found: dict[str, object] = {}
    for person, path in pages(browser, stored, width=390):
        width = person.page.evaluate("document.documentElement.scrollWidth")
        unreachable = person.page.evaluate(UNREACHABLE)
        if width > 390 or unreachable:
            found[path] = (width, unreachable)
    assert found == {}


def serious(page: Page) -> list[str]:
    """Serious and critical findings of axe on a page."""
    findings = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {node['html'][:160]} {node['failureSummary'][:300]}"
        for one in findings
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"][:3]
    ]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_axe_finds_nothing_serious_on_any_page(
    browser: Browser, stored: tuple[Workbench, Mapping[str, str]], scheme: Scheme, width: int
) -> None:
    found: dict[str, list[str]] = {}
    for person, path in pages(browser, stored, scheme=scheme, width=width, bypass_csp=True):
        if findings := serious(person.page):
            found[path] = findings
    assert found == {}
