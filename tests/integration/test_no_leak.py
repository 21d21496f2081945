"""No test person touches anything fitted; validation people touch only what they may choose."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_demo import configure, snakemake

from snpgen.io.panel import load_panel
from snpgen.io.plink import open_fileset, write_fileset

SELECTED = [
    "pcs/loadings.tsv",
    "pcs/eigenvalues.tsv",
    "gwas/null_model.npz",
    "gwas/loco.npz",
    "gwas/sumstats.tsv.gz",
    "panel/variants.tsv",
    "panel/loci.tsv",
    "synthetic/independent.bed",
    "synthetic/copula.bed",
    "synthetic/mosaic.bed",
]
CHOSEN_WITH_VALIDATION = [
    "panel/variance_explained.tsv",
    "model/vae.safetensors",
    "model/diffusion.safetensors",
    "model/guidance.json",
    "model/shift.safetensors",
    "synthetic/snpgen.bed",
    "synthetic/snpgen.pheno.tsv",
    "synthetic/snpgen_balanced.bed",
    "synthetic/reconstruction.bed",
    "synthetic/cvae.bed",
]
FILES = SELECTED + CHOSEN_WITH_VALIDATION
PANEL = "panel/genotypes.npz"  # everybody's genotypes, from which all that follows reads
TARGETS = [f"results/demo/{name}" for name in [*FILES, PANEL]]


def replace_people(source: Path, target: Path, individuals: set[str], seed: int) -> None:
    """Copy a cohort with random genotypes, phenotypes and covariates for some of its people."""
    rng = np.random.default_rng(seed)
    fileset = open_fileset(str(source / "cohort"), ["1"])
    dosages = fileset.read(np.arange(len(fileset.variants)), np.arange(len(fileset.samples)))
    rows = fileset.samples.IID.isin(individuals).to_numpy()
    dosages[rows] = rng.integers(0, 3, (rows.sum(), dosages.shape[1]))
    target.mkdir(parents=True)
    write_fileset(str(target / "cohort"), dosages, fileset.samples, fileset.variants)
    table = pd.read_csv(source / "phenotypes.tsv", sep="\t", dtype=str, keep_default_na=False)
    rows = table.IID.isin(individuals).to_numpy()
    table.loc[rows, "trait"] = rng.integers(0, 2, rows.sum()).astype(str)
    table.loc[rows, "age"] = rng.integers(20, 90, rows.sum()).astype(str)
    table.loc[rows, "centre"] = "elsewhere"
    table.to_csv(target / "phenotypes.tsv", sep="\t", index=False)
    shutil.copy(source / "causal.tsv", target / "causal.tsv")


@pytest.fixture(scope="module")
def runs(run: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of three runs: as it was, other test people, other validation people."""
    simulated = run / "results" / "cohort" / "simulated"
    split = pd.read_csv(run / "results" / "demo" / "split.tsv", sep="\t", dtype=str)
    folders = {}
    for replaced in ("none", "test", "validation"):
        folder = tmp_path_factory.mktemp(replaced)
        individuals = set(split[split.split == replaced].IID)
        replace_people(simulated, folder / "data", individuals, seed=1)
        split.to_csv(folder / "split.tsv", sep="\t", index=False)
        cohort = {"genotypes": "data/cohort", "table": "data/phenotypes.tsv"}
        changes = {"cohort": cohort, "split": {"file": "split.tsv"}, "gwas": {"loco": True}}
        configure(folder, {"causal": "data/causal.tsv"}, **changes)
        finished = snakemake(folder, "--cores", "1", *TARGETS)  # sums of one thread have one order
        assert finished.returncode == 0, finished.stdout + finished.stderr
        folders[replaced] = folder / "results" / "demo"
    return folders


def changed(runs: dict[str, Path], replaced: str) -> set[str]:
    """Names of the files of a run that are others than without replaced people."""
    pairs = {name: [runs[key] / name for key in ("none", replaced)] for name in FILES}
    return {
        name for name, (before, after) in pairs.items() if before.read_bytes() != after.read_bytes()
    }


@pytest.mark.parametrize("replaced", ["test", "validation"])
def test_those_replaced_and_nobody_else_are_others_in_what_was_read(
    runs: dict[str, Path], replaced: str
) -> None:
    before, after = (load_panel(str(runs[key] / PANEL)) for key in ("none", replaced))
    assert (before.iid == after.iid).all() and (before.split == after.split).all()
    rows = before.split == replaced
    assert rows.sum() > 50
    assert (before.dosages[rows] != after.dosages[rows]).mean() > 0.2
    assert (before.phenotype[rows] != after.phenotype[rows]).mean() > 0.2
    assert (before.dosages[~rows] == after.dosages[~rows]).all()
    assert (before.phenotype[~rows] == after.phenotype[~rows]).all()


def test_other_test_people_change_nothing(runs: dict[str, Path]) -> None:
    assert changed(runs, "test") == set()


def test_other_validation_people_change_only_what_they_may_choose(runs: dict[str, Path]) -> None:
    files = changed(runs, "validation")
    assert files <= set(CHOSEN_WITH_VALIDATION)
    assert "panel/variance_explained.tsv" in files  # which tells what the panel explains in them
