"""Report, comparison, model card and Snakemake's own report in Chromium, at the width of a laptop and of a phone."""

import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright
from small_demo import snakemake

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
WIDTHS = [1280, 480]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
NO_NETWORK = "--host-resolver-rules=MAP * ~NOTFOUND"
PHENOTYPES = ("demo", "severity", "biomarker")

# All plots of the page after its folded parts are opened; those that are invisible or empty; the
# pixels by which the page is wider than its window.
INSPECT = """() => {
  document.querySelectorAll('details').forEach(part => { part.open = true; });
  const visible = element => {
    const box = element.getBoundingClientRect(), style = getComputedStyle(element);
    return box.width > 0 && box.height > 0 && style.visibility === 'visible' && style.opacity > 0;
  };
  const drawn = plot => plot.tagName === 'IMG'
    ? plot.complete && plot.naturalWidth > 0
    : [...plot.querySelectorAll('path, use, image, rect, circle, line, text')].some(part => {
        const box = part.getBoundingClientRect();
        return box.width > 0 || box.height > 0;
      });
  const plots = [...document.querySelectorAll('svg, img')]
    .filter(plot => !plot.parentElement.closest('svg'));
  const page = document.documentElement;
  return {
    plots: plots.length,
    missing: plots.filter(plot => !visible(plot) || !drawn(plot)).map(plot => plot.id || plot.outerHTML.slice(0, 200)),
    excess: page.scrollWidth - page.clientWidth,
  };
}"""
# Paths of the results that Snakemake's own report shows.
SHOWN = """() => [...document.querySelectorAll('img, iframe')]
  .filter(element => element.getBoundingClientRect().width > 0 && element.naturalWidth !== 0)
  .map(element => element.getAttribute('src'))"""


class View:
    """A page in a window of a given width, its errors, and its requests beside those for itself."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        self.requests: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._note)
        page.on("request", lambda request: self.requests.append(request.url))

    def _note(self, message) -> None:
        if message.type in ("error", "assert"):
            self.errors.append(message.text)

    def open(self, path: Path, width: int) -> None:
        self.page.set_viewport_size({"width": width, "height": 900})
        self.page.goto("about:blank")
        self.errors.clear()
        self.requests.clear()
        self.page.goto(path.resolve().as_uri())
        self.page.wait_for_load_state("networkidle")
        own = (path.resolve().as_uri(), "data:", "blob:", "about:")
        self.requests[:] = [url for url in self.requests if not url.startswith(own)]

    def inspect(self) -> dict:
        return self.page.evaluate(INSPECT)


@pytest.fixture(scope="module")
def view() -> Iterator[View]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, NO_NETWORK])
        yield View(browser.new_page())
        browser.close()


@pytest.fixture(scope="module")
def own_report(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Snakemake's own report on the run."""
    folder = tmp_path_factory.mktemp("own")
    made = snakemake(run, "--report", str(folder / "own.zip"))
    assert made.returncode == 0, made.stderr
    zipfile.ZipFile(folder / "own.zip").extractall(folder)
    return folder / "own" / "report.html"


def test_faults_of_a_page_are_detected(view: View, tmp_path: Path) -> None:
    (tmp_path / "bad.html").write_text(
        """<!DOCTYPE html><html lang="en"><title>bad</title>
        <svg id="good" width="9" height="9"><path d="M0 0H9V9"/></svg>
        <svg id="empty" width="9" height="9"></svg>
        <svg id="hidden" width="9" height="9" style="display:none"><path d="M0 0H9V9"/></svg>
        <details><svg id="folded" width="9" height="9"><path d="M0 0H9V9"/></svg></details>
        <img id="lost" src="https://example.org/lost.png" width="9" height="9" alt="">
        <div style="width: 2000px">wide</div>
        <script>console.error("first"); fetch("http://example.org/x").catch(() => 0); throw Error("second")</script>
        """
    )
    view.open(tmp_path / "bad.html", 1280)
    seen = view.inspect()
    assert seen["missing"] == ["empty", "hidden", "lost"] and seen["plots"] == 5
    assert seen["excess"] > 500
    assert {"first", "second"} <= set(view.errors)
    assert set(view.requests) == {"https://example.org/lost.png", "http://example.org/x"}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    ("page", "plots"),
    [
        ("demo/report.html", 12),
        ("severity/report.html", 12),
        ("biomarker/report.html", 12),
        ("comparison.html", 15),
        ("demo/release/model_card.html", 0),
        ("demo/release/checklist.html", 0),
    ],
)
def test_pages_are_complete_and_request_nothing(
    view: View, run: Path, page: str, plots: int, width: int
) -> None:
    view.open(run / "results" / page, width)
    seen = view.inspect()
    assert seen["plots"] >= plots
    assert seen["missing"] == []
    assert seen["excess"] <= 0
    assert view.errors == []
    assert view.requests == []


def test_the_comparison_links_to_each_report(view: View, run: Path) -> None:
    view.open(run / "results/comparison.html", WIDTHS[0])
    links = view.page.locator("main a[href]").evaluate_all("all => all.map(link => link.href)")
    reports = {link for link in links if link.startswith("file:") and "#" not in link}
    expected = [run / f"results/{name}/report.html" for name in PHENOTYPES]
    assert reports == {path.resolve().as_uri() for path in expected}
    view.page.locator("main a[href$='severity/report.html']").first.click()
    view.page.wait_for_url("**/results/severity/report.html")
    assert view.page.locator("h1").is_visible()


def test_snakemakes_own_report_shows_every_plot(view: View, run: Path, own_report: Path) -> None:
    domains = ("Fidelity", "Association", "Utility", "Privacy", "Generator", "By ancestry")
    menu = dict.fromkeys(domains, PHENOTYPES) | {"Report": ("all phenotypes", "demo")}
    shown = []
    for category, phenotypes in menu.items():
        for phenotype in phenotypes:
            view.open(own_report, WIDTHS[0])
            for text in (category, phenotype):
                view.page.get_by_text(text, exact=True).last.dispatch_event("click")
            eyes = view.page.locator("a[iconname=eye]")
            eyes.first.wait_for()
            seen: set[str] = set()
            for number in range(eyes.count()):
                eyes.nth(number).dispatch_event("click")
                seen |= wait_for_new(view.page, seen)
            shown += [src.removeprefix("data/raw/").split("/")[-1] for src in sorted(seen)]
            assert view.errors == []
            own = (own_report.parent.as_uri(), "data:", "blob:")
            assert [url for url in view.requests if not url.startswith(own)] == []
    plots = {path.name for path in (run / "results/demo/figures").glob("*.svg")}
    assert {name for name in shown if name.endswith(".svg")} == plots
    assert all(shown.count(plot) == len(PHENOTYPES) for plot in plots)
    assert {"comparison.html", "report.html"} <= set(shown)


def wait_for_new(page: Page, seen: set[str]) -> set[str]:
    """The results that the page shows once there is a new one; tables are no results here."""
    for _ in range(20):
        results = {src for src in page.evaluate(SHOWN) if src and src.startswith("data/raw")}
        if results - seen:
            return results
        page.wait_for_timeout(100)
    return set()
