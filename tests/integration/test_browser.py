"""Pages as a reader sees them: in Chromium, at the width of a laptop and of a phone."""

import os
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from browser import CHROMIUM, LOOK, Browser
from small_demo import rules_run, snakemake

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
WIDTHS = [1280, 480]
RERUN = ("--rerun-triggers", "mtime")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    running = Browser()
    yield running
    running.close()


@pytest.fixture(scope="module")
def two(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished run with its phenotype twice, and the page that compares the two."""
    folder = tmp_path_factory.mktemp("two") / "run"
    shutil.copytree(run, folder, symlinks=True)
    for top in ("results", "benchmarks", "config"):
        for path in sorted((folder / top).rglob("*demo*")):
            if path.exists():  # the folder before its files
                twin = path.with_name(path.name.replace("demo", "twin"))
                (shutil.copytree if path.is_dir() else shutil.copy2)(path, twin)
    metrics = folder / "results/twin/metrics.tsv"
    written = metrics.stat().st_mtime_ns
    metrics.write_text(re.sub("^demo\t", "twin\t", metrics.read_text(), flags=re.MULTILINE))
    os.utime(metrics, ns=(written, written))
    config = folder / "config/config.yaml"
    settings = yaml.safe_load(config.read_text())
    settings["phenotypes"] = [f"config/phenotypes/{name}.yaml" for name in ("demo", "twin")]
    config.write_text(yaml.safe_dump(settings))
    made = snakemake(folder, *RERUN)
    assert made.returncode == 0, made.stdout + made.stderr
    assert {"compare_phenotypes"} <= rules_run(made) <= {"compare_phenotypes", "all"}
    return folder


@pytest.fixture(scope="module")
def own_report(two: Path) -> Path:
    """Snakemake's own report on that run."""
    made = snakemake(two, *RERUN, "--report", "own.zip")
    assert made.returncode == 0, made.stderr
    zipfile.ZipFile(two / "own.zip").extractall(two)
    return two / "own" / "report.html"


def test_a_page_with_faults_is_seen_through(browser: Browser, tmp_path: Path) -> None:
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
    browser.open(tmp_path / "bad.html", 1280)
    seen = browser.run(LOOK)
    missing = [re.search(r'id="(\w+)"', text)[1] for text in seen["missing"]]
    assert missing == ["empty", "hidden", "lost"] and seen["figures"] == 5
    assert seen["excess"] > 500
    assert [word for word in ("first", "second") if word in " ".join(browser.faults)] == [
        "first",
        "second",
    ]
    assert set(browser.requests) == {"https://example.org/lost.png", "http://example.org/x"}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    ("page", "figures"),
    [("demo/report.html", 12), ("comparison.html", 15), ("demo/release/model_card.html", 0)],
)
def test_pages_are_drawn_whole_and_ask_for_nothing(
    browser: Browser, two: Path, page: str, figures: int, width: int
) -> None:
    browser.open(two / "results" / page, width)
    seen = browser.run(LOOK)
    assert seen["figures"] >= figures
    assert seen["missing"] == []
    assert seen["excess"] <= 0  # the page is not wider than its window
    assert browser.faults == []
    assert browser.requests == []


def test_the_comparison_leads_to_each_report(browser: Browser, two: Path) -> None:
    browser.open(two / "results/comparison.html", WIDTHS[0])
    links = browser.run("[...document.querySelectorAll('main a[href]')].map(one => one.href)")
    reports = {link for link in links if link.startswith("file:") and "#" not in link}
    assert reports == {
        (two / f"results/{name}/report.html").resolve().as_uri() for name in ("demo", "twin")
    }
    browser.click("document.querySelector('main a[href$=\"twin/report.html\"]')")
    assert browser.run("location.href").endswith("/results/twin/report.html")
    assert browser.run("document.querySelector('h1').innerText").startswith("Synthetic genotypes")


@pytest.mark.parametrize("width", WIDTHS)
def test_snakemakes_own_report_shows_every_figure(
    browser: Browser, two: Path, own_report: Path, width: int
) -> None:
    shown = set()
    for category, phenotypes in {
        **dict.fromkeys(
            ("Fidelity", "Association", "Utility", "Privacy", "Generator"), ("demo", "twin")
        ),
        "Report": ("all phenotypes", "demo"),
    }.items():
        for phenotype in phenotypes:
            browser.open(own_report, width)
            for text in (category, phenotype):
                browser.click(
                    "[...document.querySelectorAll('*')].findLast(one => one.children.length === 0"
                    f" && one.textContent.trim() === '{text}')"
                )
            eyes = browser.run("document.querySelectorAll('a[iconname=eye]').length")
            for i in range(eyes):
                browser.click(f"document.querySelectorAll('a[iconname=eye]')[{i}]")
                shown |= set(
                    browser.run(
                        "[...document.querySelectorAll('img, iframe')].filter(one =>"
                        " one.getBoundingClientRect().width > 0 && one.naturalWidth !== 0)"
                        ".map(one => one.getAttribute('src'))"
                    )
                )
            assert browser.faults == []
            external = [
                url for url in browser.requests if not url.startswith(own_report.parent.as_uri())
            ]
            assert external == []
    names = [
        src.removeprefix("data/raw/").split("/")[-1] for src in shown if src.startswith("data/raw")
    ]
    figures = {path.name for path in (two / "results/demo/figures").glob("*.svg")}
    assert {name for name in names if name.endswith(".svg")} == figures
    assert all(names.count(figure) == 2 for figure in figures)  # one of each phenotype
    assert {"comparison.html", "report.html"} <= set(names)
