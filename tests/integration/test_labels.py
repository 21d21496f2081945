"""The demo with three classes, sex and centre as conditions, and with a quantitative trait."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_demo import REPOSITORY, configure, snakemake

from snpgen.io.plink import open_fileset


@pytest.fixture(scope="module")
def folder(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which both ran to their reports, on the cohort of the small demo."""
    folder = tmp_path_factory.mktemp("conditions")
    cohort = {
        "genotypes": str(run / "results" / "cohort" / "simulated" / "cohort"),
        "table": str(run / "results" / "cohort" / "simulated" / "phenotypes.tsv"),
        "kinship": str(run / "results" / "cohort" / "kinship.tsv"),
    }
    examples = REPOSITORY / "config" / "examples" / "demo"
    phenotypes = sorted(map(str, examples.glob("*.yaml")))
    quiet = {"noise": 0}  # what so few people need would hide the frequencies looked for below
    configure(folder, cohort=cohort, phenotypes=phenotypes, calibration=quiet)
    finished = snakemake(folder)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return folder


def read(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / "results" / name, sep="\t")


def dosages(prefix: Path) -> np.ndarray:
    fileset = open_fileset(str(prefix), ["1"])
    return fileset.read(np.arange(len(fileset.variants)), np.arange(len(fileset.samples)))


def test_classes_sex_and_centre_go_together_as_in_training(folder: Path) -> None:
    split = read(folder, "severity/split.tsv")
    columns = ["class", "sex", "group", "phenotype"]
    training = split[split.split == "train"].value_counts(columns).sort_index()
    for cohort in ("snpgen", "independent", "reconstruction"):
        individuals = read(folder, f"severity/synthetic/{cohort}.pheno.tsv")
        pd.testing.assert_series_equal(individuals.value_counts(columns).sort_index(), training)
    balanced = read(folder, "severity/release/snpgen_balanced.pheno.tsv")
    counts = balanced["class"].value_counts()
    assert len(counts) == 3 and counts.max() - counts.min() <= 1


def test_each_class_has_frequencies_of_its_own(folder: Path) -> None:
    results = folder / "results" / "severity"
    labels = read(folder, "severity/synthetic/snpgen.pheno.tsv")["class"].to_numpy()
    drawn = dosages(results / "synthetic" / "snpgen")
    with np.load(results / "panel" / "genotypes.npz") as panel:
        real = np.where(panel["dosages"] < 0, np.nan, panel["dosages"])[panel["split"] == "train"]
        truth = panel["label"][panel["split"] == "train"]
    for index, name in ((1, "mild"), (2, "severe")):
        differences = [
            drawn[labels == name].mean(axis=0) - drawn[labels == "none"].mean(axis=0),
            np.nanmean(real[truth == index], axis=0) - np.nanmean(real[truth == 0], axis=0),
        ]
        assert np.corrcoef(*differences)[0, 1] > 0.7, name


def test_values_rise_with_the_same_alleles_as_in_training(folder: Path) -> None:
    results = folder / "results" / "biomarker"
    split = read(folder, "biomarker/split.tsv")
    for cohort in ("snpgen", "snpgen_balanced"):
        individuals = read(folder, f"biomarker/release/{cohort}.pheno.tsv")
        assert list(individuals) == ["FID", "IID", "phenotype", "value"]
        assert (individuals.phenotype == (individuals.value >= 5.8)).all()
    assert individuals.phenotype.mean() == pytest.approx(0.5, abs=0.001)
    individuals = read(folder, "biomarker/release/snpgen.pheno.tsv")
    training = split[split.split == "train"]
    assert individuals.value.quantile([0.1, 0.5, 0.9]).to_numpy() == pytest.approx(
        training.value.quantile([0.1, 0.5, 0.9]).to_numpy(), abs=0.05
    )
    drawn = dosages(results / "release" / "snpgen").astype(float)
    with np.load(results / "panel" / "genotypes.npz") as panel:
        real = np.where(panel["dosages"] < 0, np.nan, panel["dosages"])[panel["split"] == "train"]
    real = np.where(np.isnan(real), np.nanmean(real, axis=0), real)
    covariances = [
        (values - values.mean()) @ (genotypes - genotypes.mean(axis=0)) / len(values)
        for values, genotypes in ((individuals.value, drawn), (training.value, real))
    ]
    assert np.corrcoef(*covariances)[0, 1] > 0.7


@pytest.mark.parametrize("name", ["severity", "biomarker"])
def test_report_and_card_are_there(folder: Path, name: str) -> None:
    results = folder / "results" / name
    assert (results / "report.html").stat().st_size > 100_000
    column = "| class |" if name == "severity" else "| value |"
    assert column in (results / "release" / "model_card.md").read_text()
