"""A phenotype with three classes, sex and centre as conditions, and a quantitative phenotype."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from snpgen.generator.target import load_target
from snpgen.io.panel import load_panel
from snpgen.io.plink import MISSING, open_fileset


def read(run: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(run / "results" / name, sep="\t")


def read_dosages(prefix: Path) -> np.ndarray:
    fileset = open_fileset(str(prefix), ["1"])
    return fileset.read(np.arange(len(fileset.variants)), np.arange(len(fileset.samples)))


def missing_to_nan(dosages: np.ndarray) -> np.ndarray:
    return np.where(dosages == MISSING, np.nan, dosages)


def test_classes_and_conditions_have_the_joint_distribution_of_training(run: Path) -> None:
    split = read(run, "severity/split.tsv")
    columns = ["class", "sex", "group", "phenotype"]
    training = split[split.split == "train"].value_counts(columns).sort_index()
    for cohort in ("independent", "reconstruction"):
        samples = read(run, f"severity/synthetic/{cohort}.pheno.tsv")
        pd.testing.assert_series_equal(samples.value_counts(columns).sort_index(), training)
    released = read(run, "severity/release/snpgen.pheno.tsv").value_counts(columns).sort_index()
    shown = training[training >= 10]  # release.min_cell
    assert released.index.equals(shown.index) and released.sum() == training.sum()
    assert (released >= shown).all()
    balanced = read(run, "severity/release/snpgen_balanced.pheno.tsv")
    counts = balanced["class"].value_counts()
    assert len(counts) == 3 and counts.max() - counts.min() <= 1


def test_gwas_compares_each_class_with_the_first(run: Path) -> None:
    table = read(run, "severity/gwas/sumstats.tsv.gz")
    z = table[["z_mild", "z_severe"]]
    assert z.notna().all(axis=None)
    assert not set(z) & set(read(run, "demo/gwas/sumstats.tsv.gz"))
    # The GWAS compares the first class with both others together.
    assert np.corrcoef(z.sum(axis=1), table.beta / table.standard_error)[0, 1] > 0.8


def test_frequency_differences_between_classes_are_those_of_training(run: Path) -> None:
    results = run / "results" / "severity"
    classes = read(run, "severity/synthetic/snpgen.pheno.tsv")["class"].to_numpy()
    synthetic = read_dosages(results / "synthetic" / "snpgen")
    panel = load_panel(str(results / "panel" / "genotypes.npz"))
    real, labels = missing_to_nan(panel.of("train")[0]), panel.samples("train").label.to_numpy()
    for label, name in ((1, "mild"), (2, "severe")):
        differences = [
            synthetic[classes == name].mean(axis=0) - synthetic[classes == "none"].mean(axis=0),
            np.nanmean(real[labels == label], axis=0) - np.nanmean(real[labels == 0], axis=0),
        ]
        assert np.corrcoef(*differences)[0, 1] > 0.7, name


def test_quantitative_values_covary_with_the_alleles_of_training(run: Path) -> None:
    results = run / "results" / "biomarker"
    split = read(run, "biomarker/split.tsv")
    for cohort in ("snpgen", "snpgen_balanced"):
        samples = read(run, f"biomarker/release/{cohort}.pheno.tsv")
        assert list(samples) == ["FID", "IID", "phenotype", "value"]
        assert (samples.phenotype == (samples.value >= 5.8)).all()
    assert samples.phenotype.mean() == pytest.approx(0.5, abs=0.001)
    samples = read(run, "biomarker/release/snpgen.pheno.tsv")
    training = split[split.split == "train"]
    assert samples.value.quantile([0.1, 0.5, 0.9]).to_numpy() == pytest.approx(
        training.value.quantile([0.1, 0.5, 0.9]).to_numpy(), abs=0.05
    )
    synthetic = read_dosages(results / "release" / "snpgen").astype(float)
    real = missing_to_nan(load_panel(str(results / "panel" / "genotypes.npz")).of("train")[0])
    real = np.where(np.isnan(real), np.nanmean(real, axis=0), real)
    covariances = [
        (values - values.mean()) @ (dosages - dosages.mean(axis=0)) / len(values)
        for values, dosages in ((samples.value, synthetic), (training.value, real))
    ]
    assert np.corrcoef(*covariances)[0, 1] > 0.7


@pytest.mark.parametrize(("name", "column"), [("severity", "class"), ("biomarker", "value")])
def test_report_and_model_card_are_written(run: Path, name: str, column: str) -> None:
    results = run / "results" / name
    assert (results / "report.html").stat().st_size > 100_000
    assert f"| {column} |" in (results / "release" / "model_card.md").read_text()


def test_phenotypes_with_almost_the_same_training_set_have_the_same_overall_frequencies(
    run: Path,
) -> None:
    names = ["demo", "biomarker", "severity"]
    splits = [read(run, f"{name}/split.tsv") for name in names]
    training = [set(split.IID[split.split == "train"]) for split in splits]
    assert training[0] != training[1]
    for name in names:
        assert set(read(run, f"{name}/keep/frequencies.txt").IID) == set.union(*training)
    own, other = (
        read(run, f"{name}/panel/frequencies.tsv").set_index("variant_id") for name in names[:2]
    )
    both = own.index.intersection(other.index)
    assert len(both) > 5 and (own.shared[both] == other.shared[both]).all()
    assert (own.training[both] != other.training[both]).any()
    panel = load_panel(str(run / "results/demo/panel/genotypes.npz"))
    share = panel.samples("train").phenotype.mean()
    classes = load_target(str(run / "results/demo/panel/target.npz")).classes
    overall = share * classes[1] + (1 - share) * classes[0]
    np.testing.assert_allclose(overall, own.shared, atol=1e-9)
    assert (own.shared != own.training).any()
