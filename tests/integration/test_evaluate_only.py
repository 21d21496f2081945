"""A cohort made elsewhere is judged as our own would be, without a generator."""

import json
from pathlib import Path

import pandas as pd
import pytest
from small_demo import configure, snakemake

from snpgen.report.estimates import read_metrics

RESULTS = "results/demo"


@pytest.fixture(scope="module")
def given(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the small demo's own cohort was judged as somebody else's."""
    cohort = run / "results" / "cohort" / "simulated"
    folder = configure(
        tmp_path_factory.mktemp("given"),
        {"causal": str(cohort / "causal.tsv")},
        cohort={
            "genotypes": str(cohort / "cohort"),
            "table": str(cohort / "phenotypes.tsv"),
            "kinship": str(run / "results" / "cohort" / "kinship.tsv"),
        },
        split={"file": str(run / RESULTS / "split.tsv")},
        synthetic=str(run / RESULTS / "synthetic" / "snpgen"),
    )
    finished = snakemake(folder, "evaluate")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return folder


def test_no_generator_is_trained(given: Path) -> None:
    assert not (given / RESULTS / "model").exists()
    assert not (given / RESULTS / "release").exists()
    page = (given / RESULTS / "report.html").read_text()
    assert "external cohort" in page and 'id="generator"' not in page


def test_figures_are_those_of_the_run_that_made_it(run: Path, given: Path) -> None:
    ours, theirs = (read_metrics(str(folder / RESULTS / "metrics.tsv")) for folder in (run, given))
    key = ["domain", "metric", "stratum"]
    mine = ours[ours.subject == "snpgen"].set_index(key)
    found = theirs[theirs.subject == "external"].set_index(key)
    left_out = mine.index.difference(found.index)
    assert set(mine.loc[left_out].reset_index().domain) <= {"cost", "privacy"}
    assert len(found) > 100
    expected = mine.loc[found.index]
    columns = ["value", "ci_low", "ci_high", "n"]
    pd.testing.assert_frame_equal(found[columns], expected[columns])
    # The null of the privacy domain halves the test people by families, which a given split lacks.
    same = found.index.get_level_values("domain") != "privacy"
    ends = ["ceiling", "floor"]
    pd.testing.assert_frame_equal(found.loc[same, ends], expected.loc[same, ends])


def test_the_panel_is_all_that_the_cohort_has(run: Path, given: Path) -> None:
    panels = [pd.read_csv(f / RESULTS / "panel" / "variants.tsv", sep="\t") for f in (run, given)]
    assert panels[0].variant_id.tolist() == panels[1].variant_id.tolist()
    assert set(panels[1].reason) == {"included"}
    funnel = pd.read_csv(given / RESULTS / "funnel" / "matched.tsv", sep="\t")
    assert funnel.kept.tolist() == [100, 100, 100]
    assert json.loads((given / RESULTS / "split.json").read_text())["splits"]["train"]["samples"]
