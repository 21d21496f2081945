"""Test individuals change nothing that is fitted; validation individuals change only what they may select."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_demo import configure, snakemake

from snpgen.io.panel import load_panel
from snpgen.io.plink import open_fileset, write_fileset

FITTED = [
    "pcs/loadings.tsv",
    "pcs/eigenvalues.tsv",
    "gwas/null_model.npz",
    "gwas/loco.npz",
    "gwas/sumstats.tsv.gz",
    "panel/selected.tsv",
    "panel/variants.tsv",
    "panel/target.npz",
    "panel/prior.tsv",
    "panel/loci.tsv",
    "synthetic/independent.bed",
    "synthetic/copula.bed",
    "synthetic/mosaic.bed",
]
VARIANCE = "panel/variance_explained.tsv"  # estimated in the validation individuals
SELECTED_BY_VALIDATION = [
    VARIANCE,
    "model/vae.safetensors",
    "model/diffusion.safetensors",
    "model/guidance.json",
    "model/shift.safetensors",
    "synthetic/snpgen.bed",
    "synthetic/snpgen.pheno.tsv",
    "synthetic/snpgen_balanced.bed",
    "synthetic/reconstruction.bed",
    "synthetic/cvae.bed",
    "synthetic/mixture.bed",
]
PANEL = "panel/genotypes.npz"  # genotypes of all individuals, the input of all later stages
TARGETS = {
    "test": [*FITTED, *SELECTED_BY_VALIDATION, PANEL],
    "validation": [*FITTED, VARIANCE, PANEL],
}


def replace_samples(source: Path, target: Path, iids: set[str], seed: int) -> None:
    """Copy a cohort with random genotypes, phenotypes and covariates for the samples in `iids`."""
    rng = np.random.default_rng(seed)
    fileset = open_fileset(str(source / "cohort"), ["1"])
    dosages = fileset.read(np.arange(len(fileset.variants)), np.arange(len(fileset.samples)))
    rows = fileset.samples.IID.isin(iids).to_numpy()
    dosages[rows] = rng.integers(0, 3, (rows.sum(), dosages.shape[1]))
    target.mkdir(parents=True)
    write_fileset(str(target / "cohort"), dosages, fileset.samples, fileset.variants)
    table = pd.read_csv(source / "phenotypes.tsv", sep="\t", dtype=str, keep_default_na=False)
    rows = table.IID.isin(iids).to_numpy()
    table.loc[rows, "trait"] = rng.integers(0, 2, rows.sum()).astype(str)
    table.loc[rows, "age"] = rng.integers(20, 90, rows.sum()).astype(str)
    table.loc[rows, "centre"] = "elsewhere"
    table.to_csv(target / "phenotypes.tsv", sep="\t", index=False)
    shutil.copy(source / "causal.tsv", target / "causal.tsv")


@pytest.fixture(scope="module")
def replaced(run: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Results with other test individuals, and with other validation individuals, than the shared run."""
    split = pd.read_csv(run / "results/demo/split.tsv", sep="\t", dtype=str)
    folders = {}
    for name, targets in TARGETS.items():
        folder = tmp_path_factory.mktemp(name)
        iids = set(split[split.split == name].IID)
        replace_samples(run / "results/cohort/simulated", folder / "data", iids, seed=1)
        split.to_csv(folder / "split.tsv", sep="\t", index=False)
        cohort = {"genotypes": "data/cohort", "table": "data/phenotypes.tsv"}
        configure(folder, {"causal": "data/causal.tsv"}, cohort=cohort, split={"file": "split.tsv"})
        executed = snakemake(folder, *(f"results/demo/{target}" for target in targets))
        assert executed.returncode == 0, executed.stderr
        folders[name] = folder / "results/demo"
    return folders


def changed(run: Path, replaced: dict[str, Path], name: str) -> set[str]:
    """The targets that differ from those of the shared run."""
    return {
        target
        for target in TARGETS[name]
        if (run / "results/demo" / target).read_bytes() != (replaced[name] / target).read_bytes()
    }


@pytest.mark.parametrize("name", TARGETS)
def test_only_the_replaced_samples_differ_in_the_panel(
    run: Path, replaced: dict[str, Path], name: str
) -> None:
    before, after = (
        load_panel(str(folder / PANEL)) for folder in (run / "results/demo", replaced[name])
    )
    assert (before.iid == after.iid).all() and (before.split == after.split).all()
    rows = before.split == name
    assert rows.sum() > 50
    assert (before.dosages[rows] != after.dosages[rows]).mean() > 0.2
    assert (before.phenotype[rows] != after.phenotype[rows]).mean() > 0.2
    assert (before.dosages[~rows] == after.dosages[~rows]).all()
    assert (before.phenotype[~rows] == after.phenotype[~rows]).all()


def test_test_individuals_change_nothing_that_is_fitted(
    run: Path, replaced: dict[str, Path]
) -> None:
    assert changed(run, replaced, "test") == {PANEL}


def test_validation_individuals_change_only_what_they_may_select(
    run: Path, replaced: dict[str, Path]
) -> None:
    assert changed(run, replaced, "validation") == {PANEL, VARIANCE}
