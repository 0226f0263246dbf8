"""A picture of the console over the bundled sample: ``python -m lab.demo.screenshot FILE.png``.

It needs the extra `browser` and a Chromium, which `HABITUS_TEST_CHROMIUM` names or `PATH` has.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.request import urlopen

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = ("--no-sandbox", "--disable-gpu", "--hide-scrollbars")
_WIDTH, _HEIGHT = 1280, 836
_WAIT_S = 60.0
_AGENT = "invoice-clerk-2"


def take(file: str) -> None:
    """Start the demonstration, open one agent in the console, and save what Chromium shows."""
    with _console() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium(), args=_FLAGS)
        page = browser.new_page(viewport={"width": _WIDTH, "height": _HEIGHT})
        _open(page, url)
        page.screenshot(path=file)
        browser.close()


def _open(page: Page, url: str) -> None:
    page.goto(url)
    page.locator("#agents a", has_text=_AGENT).click()
    page.locator("#detail .chart").wait_for()


@contextmanager
def _console() -> Iterator[str]:
    """Run the demonstration on a free port; give its address once it is ready."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HABITUS_")}
    with tempfile.TemporaryDirectory() as folder:
        demonstration = subprocess.Popen(  # our own interpreter
            [sys.executable, "-m", "pipeline.cli", "demo"],
            env=kept | {"HABITUS_LISTEN": "127.0.0.1:0", "PYTHONUNBUFFERED": "1"},
            cwd=folder,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert demonstration.stdout is not None  # noqa: S101  # of the type: it is a pipe
            line = next(text for text in demonstration.stdout if text.startswith("console http"))
            url = line.split()[1]
            _wait(f"{url.rstrip('/')}/readyz")
            yield url
        finally:
            demonstration.terminate()
            demonstration.communicate(timeout=_WAIT_S)


def _wait(url: str) -> None:
    """Wait until an address answers 200."""
    deadline = time.monotonic() + _WAIT_S
    while True:
        try:
            with urlopen(url, timeout=5):  # noqa: S310  # an address that we started
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _chromium() -> str:
    found = [os.environ.get("HABITUS_TEST_CHROMIUM"), *map(shutil.which, _BROWSERS)]
    path = next(filter(None, found), None)
    if path is None:
        raise SystemExit("no Chromium: name one in HABITUS_TEST_CHROMIUM")
    return path


if __name__ == "__main__":
    take(sys.argv[1])
