"""The recipe of the shared run, executed in another folder."""

import hashlib
import re
import shutil
from pathlib import Path

import pandas as pd
from small_demo import PHENOTYPES, read_checksums, snakemake


def test_the_recipe_gives_the_same_bytes_elsewhere(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run / "results/recipe", tmp_path / "recipe")
    files = ["snpgen.bed", "snpgen.bim", "snpgen.fam", "snpgen.pheno.tsv"]
    targets = [f"results/biomarker/synthetic/{name}" for name in files]
    config = str(tmp_path / "recipe/config.yaml")
    finished = snakemake(tmp_path, *targets, "--configfile", config)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    expected = read_checksums(tmp_path / "recipe/expected/biomarker.SHA256SUMS")
    for name, target in zip(files, targets, strict=True):
        assert hashlib.sha256((tmp_path / target).read_bytes()).hexdigest() == expected[name], name


def test_the_recipe_has_the_released_files_of_each_phenotype_and_no_individuals(run: Path) -> None:
    recipe = run / "results/recipe"
    names = {path.relative_to(recipe).as_posix() for path in recipe.rglob("*") if path.is_file()}
    for name in PHENOTYPES:
        released = read_checksums(run / f"results/{name}/release/SHA256SUMS")
        expected = read_checksums(recipe / f"expected/{name}.SHA256SUMS")
        assert {"snpgen.bed", "variants.tsv"} <= expected.keys()
        assert expected.items() <= released.items()
        assert {f"panel/{name}.tsv", f"phenotypes/{name}.yaml"} <= names
    iids = set(pd.read_csv(run / "results/cohort/split.tsv", sep="\t", dtype=str).IID)
    for name in names:
        text = (recipe / name).read_text()
        assert str(run) not in text, name
        assert not iids & set(re.findall(r"\w+", text)), name
