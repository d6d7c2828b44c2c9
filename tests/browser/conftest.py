"""A JupyterLab server and a browser for the tests of this folder; both end with them."""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_in_browser import Lab, Notebook, browser, write_notebook
from playwright.sync_api import Browser, Page
from widget_page import WidgetPage

import galwidget as gw

ROOT = Path(__file__).parents[2]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker("browser")


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    server = Lab(tmp_path_factory.mktemp("lab") / "home", extra_path=ROOT / "tests")
    yield server
    server.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def run_cells(lab: Lab, chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Notebook]]:
    """Opens a notebook of the given cells in JupyterLab, and runs it; it is closed after the tests of the file."""
    opened: list[Notebook] = []

    def run(name: str, cells: Iterable[str], **options: int) -> Notebook:
        opened.append(Notebook(chromium, lab, write_notebook(tmp_path_factory.mktemp(name) / f"{name}.ipynb", cells), **options))
        opened[-1].run_all()
        return opened[-1]

    yield run
    for notebook in opened:
        notebook.close()


@pytest.fixture
def opened(chromium: Browser) -> Iterator[Callable[[Any], WidgetPage]]:
    """Opens a page with a widget alone; nothing may have gone wrong in it by the end of the test."""
    pages: list[WidgetPage] = []

    def show(widget: Any) -> WidgetPage:
        pages.append(WidgetPage(chromium, widget))
        return pages[-1]

    yield show
    for page in pages:
        assert page.console == []
        page.close()


@pytest.fixture(scope="session")
def shipped() -> gw.GalaxyModel:
    """The model that ships with the package, or a skip that says that it is not here."""
    try:
        return gw.load()
    except FileNotFoundError as error:
        pytest.skip(f"the shipped model is not here: {error}")


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
