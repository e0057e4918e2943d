"""The pictures of `docs/guides/investigator.md`: `make screenshots` works a case and takes them in Chromium.

Needs Playwright, of the dependency group `dev`, and the program `chromium`.
"""

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cli.demo.case import WorkedCase, case_tour
from cli.demo.case.people import INVESTIGATOR, LEAD
from cli.demo.progress import StepLog
from cli.progress import console
from core.logging import configure_logging
from core.settings import settings

IMAGES: Final = Path(__file__).parent.parent / "docs" / "images"
CLAIMS: Final = 20_000
WIDTH: Final = 1_280
COLOURS: Final = 128
"""Of a picture: text and charts look the same, at a third of the size."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture: where, and how much of the page from the top."""

    path: str
    height: int = 900
    follow: str = ""
    """Selector of the link to follow from there."""
    role: str = INVESTIGATOR.role


def shots(case: WorkedCase) -> Mapping[str, Shot]:
    """Name of a picture → its page; that of a claim is the first one in review."""
    return {
        "queue": Shot("/console/queue?tab=mine"),
        "claim": Shot("/console/in-review", 1_300, follow="table a[href^='/console/claims/']"),
        "provider": Shot(f"/console/providers/{case.provider_id}", 1_200),
        "case": Shot(f"/console/cases/{case.case_id}", 1_200),
        "evidence": Shot(f"/console/cases/{case.case_id}/evidence"),
        "sample": Shot(case.sample_path, 1_100),
        "team": Shot("/console/team", 1_100, role=LEAD.role),
    }


def take(case: WorkedCase, chromium: str, folder: Path) -> None:
    """Take the pictures, and write them to `folder` as `console-<name>.png`."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        pages = {}
        for role, cookies in case.cookies.items():
            context = browser.new_context(base_url=case.api_url, color_scheme="light")
            context.add_cookies(
                [{"name": name, "value": value, "url": case.api_url} for name, value in cookies.items()]
            )
            pages[role] = context.new_page()
        for name, shot in shots(case).items():
            page = pages[shot.role]
            page.set_viewport_size({"width": WIDTH, "height": shot.height})
            response = page.goto(shot.path)
            if response is None or not response.ok or urlsplit(page.url).path.endswith("/sign-in"):
                raise RuntimeError(f"{shot.path} could not be opened: {page.url}")
            if shot.follow:
                page.locator(shot.follow).first.click()
                page.wait_for_load_state()
            file = folder / f"console-{name}.png"
            page.screenshot(path=file)
            _reduce(file)
        browser.close()


def _reduce(file: Path) -> None:
    from PIL import Image

    with Image.open(file) as image:
        reduced = image.convert("RGB").quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    reduced.save(file, optimize=True)


def main() -> None:
    """Work a case, and write the pictures."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("chromium is missing; install it (Debian: apt-get install chromium) and run `make screenshots` again")
    configure_logging("ERROR")
    log = StepLog(console())

    def visit(case: WorkedCase) -> None:
        with log.step(f"Take {len(shots(case))} pictures") as step:
            take(case, chromium, IMAGES)
            step.result(str(IMAGES))

    case_tour(settings(), log, claims=CLAIMS, visit=visit)


if __name__ == "__main__":
    main()
