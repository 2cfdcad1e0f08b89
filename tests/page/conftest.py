"""One browser for all tests of the page, without a network; where there is none, they skip."""

import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
FILE = ROOT / "page" / "approxlab.html"
NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def browser():
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="no playwright: pip install -e '.[browser]'"
    )
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("no browser: apt-get install chromium")
    with sync_api.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield found
        found.close()


class Visit:
    """The page as one reader has it open; it must ask for nothing and complain about nothing."""

    def __init__(self, browser, address="", **options):
        options = {"viewport": {"width": 1024, "height": 900}, "reduced_motion": "reduce"} | options
        self.context = browser.new_context(offline=True, **options)
        self.asked, self.wrong = [], []
        self.page = self.context.new_page()
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda message: self.wrong.append(message.text))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.goto(FILE.as_uri() + address)
        self.page.wait_for_function("window.page !== undefined")

    def ask(self, expression, *values):
        """The value of a function of the page: `ask("(x) => page.sigmoid(x)", 1.0)`."""
        return self.page.evaluate(f"(all) => ({expression})(...all)", list(values))

    def read(self, section):
        """The sentence under the picture of a section."""
        return self.page.locator(f"#{section} .reading").inner_text()

    def control(self, section, label):
        return self.page.locator(f"#{section}").get_by_label(label, exact=True)

    def close(self):
        outside = [url for url in self.asked if not url.startswith(("file:", "data:", "blob:"))]
        self.context.close()
        assert not outside, f"the page asked for {outside}"
        assert not self.wrong, f"the page complained: {self.wrong}"


@pytest.fixture
def visit(browser):
    """`visit(address, **options)` opens the page; at the end nothing may have gone wrong."""
    visits = []

    def opened(address="", **options):
        visits.append(Visit(browser, address, **options))
        return visits[-1]

    yield opened
    for each in visits:
        each.close()


@pytest.fixture(scope="module")
def numbers(browser):
    """A page for questions about numbers, shared by the tests of a module."""
    found = Visit(browser)
    yield found
    found.close()
