"""Test individuals change nothing that is fitted; validation individuals change only what they may select.

This holds for each phenotype of a run with several phenotypes.
"""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_demo import PHENOTYPES, configure_run, snakemake

from snpgen.io.panel import load_panel
from snpgen.io.plink import open_fileset, write_fileset


def expand(*names: str) -> list[str]:
    """The files with these names of each phenotype."""
    return [f"results/{phenotype}/{name}" for phenotype in PHENOTYPES for name in names]


FITTED = [
    "results/cohort/pcs/loadings.tsv",
    "results/cohort/pcs/eigenvalues.tsv",
    *expand(
        "gwas/null_model.npz",
        "gwas/sumstats.tsv.gz",
        "panel/selected.tsv",
        "panel/frequencies.tsv",
        "panel/loci.tsv",
    ),
    "results/demo/gwas/loco.npz",
    "results/demo/synthetic/mosaic.bed",
]
VARIANCE = expand("panel/variance_explained.tsv")  # estimated in the validation individuals
SELECTED_BY_VALIDATION = [
    *VARIANCE,
    *expand(
        "panel/variants.tsv",
        "panel/target.npz",
        "panel/prior.tsv",
        "model/vae.safetensors",
        "model/diffusion.safetensors",
        "model/guidance.json",
        "model/shift.safetensors",
        "synthetic/snpgen.bed",
        "synthetic/snpgen.pheno.tsv",
    ),
    "results/demo/synthetic/snpgen_balanced.bed",
    "results/demo/synthetic/reconstruction.bed",
    "results/demo/synthetic/independent.bed",
    "results/demo/synthetic/copula.bed",
    "results/demo/synthetic/cvae.bed",
    "results/demo/synthetic/mixture.bed",
]
# Genotypes and phenotypes of all individuals, the input of all later stages
PANELS = expand("panel/genotypes.npz")
GENOTYPES = [*PANELS, *expand("panel/genotypes.npy")]
TARGETS = {
    "test": [*FITTED, *SELECTED_BY_VALIDATION, *GENOTYPES],
    "validation": [*FITTED, *VARIANCE, *GENOTYPES],
}


def replace_samples(source: Path, target: Path, iids: set[str], seed: int) -> None:
    """Copy a cohort with random genotypes, phenotypes and covariates for the samples in `iids`.

    Samples without a phenotype remain without it, since the split would not contain them otherwise.
    """
    rng = np.random.default_rng(seed)
    fileset = open_fileset(str(source / "cohort"), ["1"])
    dosages = fileset.read(np.arange(len(fileset.variants)), np.arange(len(fileset.samples)))
    rows = fileset.samples.IID.isin(iids).to_numpy()
    dosages[rows] = rng.integers(0, 3, (rows.sum(), dosages.shape[1]))
    target.mkdir(parents=True)
    write_fileset(str(target / "cohort"), dosages, fileset.samples, fileset.variants)
    table = pd.read_csv(source / "phenotypes.tsv", sep="\t", dtype=str, keep_default_na=False)
    rows = table.IID.isin(iids).to_numpy()
    for column, values in (
        ("trait", ["0", "1"]),
        ("severity", ["none", "mild", "severe"]),
        ("biomarker", ["1.5", "5.7", "9.9"]),
    ):
        there = rows & ~table[column].isin(["", "NA"]).to_numpy()
        table.loc[there, column] = rng.choice(values, there.sum())
    table.loc[rows, "age"] = rng.integers(20, 90, rows.sum()).astype(str)
    table.loc[rows, "centre"] = "elsewhere"
    table.to_csv(target / "phenotypes.tsv", sep="\t", index=False)
    shutil.copy(source / "causal.tsv", target / "causal.tsv")


@pytest.fixture(scope="module")
def replaced(run: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Results with other test individuals, and with other validation individuals, than the shared run."""
    split = pd.read_csv(run / "results/cohort/split.tsv", sep="\t", dtype=str)
    folders = {}
    for name, targets in TARGETS.items():
        folder = tmp_path_factory.mktemp(name)
        iids = set(split[split.split == name].IID)
        replace_samples(run / "results/cohort/simulated", folder / "data", iids, seed=1)
        split.to_csv(folder / "split.tsv", sep="\t", index=False)
        cohort = {"genotypes": "data/cohort", "table": "data/phenotypes.tsv"}
        own = {"causal": "data/causal.tsv"}
        configure_run(folder, own, cohort=cohort, split={"file": "split.tsv"})
        executed = snakemake(folder, *targets)
        assert executed.returncode == 0, executed.stderr
        folders[name] = folder
    return folders


def changed(run: Path, replaced: dict[str, Path], name: str) -> set[str]:
    """The targets that differ from those of the shared run."""
    return {
        target
        for target in TARGETS[name]
        if (run / target).read_bytes() != (replaced[name] / target).read_bytes()
    }


@pytest.mark.parametrize("target", PANELS)
@pytest.mark.parametrize("name", TARGETS)
def test_only_the_replaced_samples_differ_in_the_panel(
    run: Path, replaced: dict[str, Path], name: str, target: str
) -> None:
    before, after = (load_panel(str(folder / target)) for folder in (run, replaced[name]))
    assert (before.iid == after.iid).all() and (before.split == after.split).all()
    rows = before.split == name
    assert rows.sum() > 50
    assert (before.dosages[rows] != after.dosages[rows]).mean() > 0.2
    assert (before.label[rows] != after.label[rows]).mean() > 0.2
    assert (before.dosages[~rows] == after.dosages[~rows]).all()
    assert (before.label[~rows] == after.label[~rows]).all()


def test_no_individual_is_in_different_sets(run: Path) -> None:
    tables = [
        pd.read_csv(run / f"results/{name}/split.tsv", sep="\t", dtype=str) for name in PHENOTYPES
    ]
    together = pd.concat(tables).drop_duplicates(["IID", "split"])
    assert len(pd.concat(tables)) > 2 * len(together)
    assert not together.IID.duplicated().any()


def test_test_individuals_change_nothing_that_is_fitted(
    run: Path, replaced: dict[str, Path]
) -> None:
    assert changed(run, replaced, "test") == set(GENOTYPES)


def test_validation_individuals_change_only_what_they_may_select(
    run: Path, replaced: dict[str, Path]
) -> None:
    assert changed(run, replaced, "validation") == {*GENOTYPES, *VARIANCE}
