"""The console in a real Chromium, over a database for each test."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.api.conftest import seeded_template, seeded_url

__all__ = ["browser", "seeded_template", "seeded_url"]


@pytest.fixture
def browser(chromium: str) -> Iterator[Browser]:
    """Debian's Chromium; the test is skipped where there is none."""
    with sync_playwright() as play:
        launched = play.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield launched
        launched.close()
