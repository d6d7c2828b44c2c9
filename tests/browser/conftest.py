"""A JupyterLab server and a browser for the tests of this folder; both end with them."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from jupyter_in_browser import Lab, browser
from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    server = Lab(tmp_path_factory.mktemp("lab") / "home", extra_path=ROOT / "tests")
    yield server
    server.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with browser() as opened:
        yield opened


@pytest.fixture
def photograph() -> Callable[[Page, str], None]:
    """Save a screenshot where GALWIDGET_SCREENSHOTS says; nothing where it is unset."""
    folder = os.environ.get("GALWIDGET_SCREENSHOTS")

    def save(page: Page, name: str, selector: str | None = None) -> None:
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            target = page.locator(selector).first if selector else page
            target.screenshot(path=Path(folder) / f"{name}.png")

    return save
