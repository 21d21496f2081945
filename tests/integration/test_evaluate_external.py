"""An external cohort is evaluated as our own cohort is, without a generator."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from small_demo import configure, rules_run, snakemake

from snpgen.report.estimates import read_metrics

RESULTS = Path("results/demo")
# Results that the external cohort leaves as they are.
UNCHANGED = ["results/cohort", *(RESULTS / name for name in ("gwas", "keep", "funnel"))]
UNCHANGED += [RESULTS / f"{name}.tsv" for name in ("samples", "split", "covariates")]
UNCHANGED += [RESULTS / "split.json", RESULTS / "panel" / "lists.tsv"]
UNCHANGED += [RESULTS / name / "comparators.tsv" for name in ("evaluation", "restricted")]


@pytest.fixture(scope="module")
def evaluated(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the synthetic cohort of the shared run is evaluated as an external cohort."""
    folder = tmp_path_factory.mktemp("external")
    for place in UNCHANGED:
        target = folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (run / place).is_dir() else shutil.copy2
        copy(run / place, target)
    cohort = str(run / RESULTS / "synthetic" / "snpgen")
    configure(folder, external_cohort=cohort, baselines=["independent"])
    finished = snakemake(folder, "evaluate", "--rerun-triggers", "mtime")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert not {"run_gwas", "train_vae", "sample_cohort"} & rules_run(finished)
    return folder


def test_no_generator_is_trained(evaluated: Path) -> None:
    assert not (evaluated / RESULTS / "model").exists()
    assert not (evaluated / RESULTS / "release").exists()
    assert 'id="generator"' not in (evaluated / RESULTS / "report.html").read_text()


def test_metrics_are_those_of_the_same_cohort_as_snpgen(run: Path, evaluated: Path) -> None:
    ours, theirs = (
        read_metrics(str(folder / RESULTS / "metrics.tsv")) for folder in (run, evaluated)
    )
    key = ["domain", "metric", "stratum"]
    snpgen = ours[ours.subject == "snpgen"].set_index(key)
    external = theirs[theirs.subject == "external"].set_index(key)
    absent = snpgen.index.difference(external.index)
    assert set(absent.get_level_values("domain")) <= {"cost", "privacy"}
    assert len(external) > 100
    columns = ["value", "ci_low", "ci_high", "n", "ceiling", "floor"]
    pd.testing.assert_frame_equal(external[columns], snpgen.loc[external.index, columns])


def test_the_panel_is_limited_to_the_variants_of_the_cohort(run: Path, evaluated: Path) -> None:
    panels = [
        pd.read_csv(folder / RESULTS / "panel" / "variants.tsv", sep="\t")
        for folder in (run, evaluated)
    ]
    assert panels[0].variant_id.tolist() == panels[1].variant_id.tolist()
    assert set(panels[1].reason) == {"included"}
    funnel = pd.read_csv(evaluated / RESULTS / "funnel" / "matched.tsv", sep="\t")
    assert funnel.kept.tolist() == [100, 100, 100]
    assert json.loads((evaluated / RESULTS / "split.json").read_text())["splits"]["train"][
        "samples"
    ]
