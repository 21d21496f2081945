"""SNPgen as a module of another workflow, from a clone, with and without a prefix."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_demo import REPOSITORY, configure, rules_run

from snpgen.io.plink import write_fileset

SNAKEFILE = """
configfile: "config/config.yaml"

module snpgen:
    snakefile: "{clone}/workflow/Snakefile"
    config: config
    {prefix}

use rule * from snpgen {names}

rule count_words:
    default_target: True
    input: "{folder}results/demo/report.html"
    output: "words.txt"
    shell: "wc -w {{input}} > {{output}}"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A user's folder with 400 samples and 300 variants."""
    rng = np.random.default_rng(1)
    n, m = 400, 300
    iid = np.array([f"p{number}" for number in range(n)])
    samples = pd.DataFrame({"FID": iid, "IID": iid, "father": "0", "mother": "0", "sex": "1"})
    samples["phenotype"] = "-9"
    position = np.arange(m) % 100 * 10_000 + 1
    variants = pd.DataFrame({"chromosome": np.repeat(["1", "2", "3"], 100), "position": position})
    variants["variant_id"] = [f"rs{number}" for number in range(m)]
    variants["effect_allele"], variants["other_allele"] = "A", "G"
    (tmp_path / "data").mkdir()
    dosages = np.asfortranarray(rng.binomial(2, 0.3, (n, m)).astype(np.int8))
    write_fileset(str(tmp_path / "data/cohort"), dosages, samples, variants)
    table = pd.DataFrame({"IID": iid, "trait": np.arange(n) % 2, "age": rng.integers(40, 70, n)})
    table.to_csv(tmp_path / "data/phenotypes.tsv", sep="\t", index=False)
    cohort = {"genotypes": "data/cohort", "table": "data/phenotypes.tsv"}
    trait = {"covariates": ["age"], "categorical": [], "causal": None}
    trait |= {"evaluation": {"group": None}}
    configure(tmp_path, trait, cohort=cohort)
    phenotype = tmp_path / "config/phenotypes/demo.yaml"
    phenotype.write_text(phenotype.read_text().replace("causal: null\n", ""))
    return tmp_path


def snakemake(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def write_snakefile(folder: Path, prefix: str = "", names: str = "") -> None:
    text = SNAKEFILE.format(
        clone=REPOSITORY,
        prefix=f'prefix: "{prefix}"' if prefix else "",
        names=names,
        folder=f"{prefix}/" if prefix else "",
    )
    (folder / "Snakefile").write_text(text)


def planned(finished: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """The number of jobs of each rule in a dry run."""
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return dict(re.findall(r"^(\w+) +(\d+)$", finished.stdout, flags=re.MULTILINE))


def test_the_jobs_are_those_without_a_module(folder: Path) -> None:
    write_snakefile(folder)
    in_module = planned(snakemake(folder, "--dry-run"))
    assert in_module.pop("count_words") == "1"
    plain = ["--snakefile", str(REPOSITORY / "workflow/Snakefile"), "results/demo/report.html"]
    alone = planned(snakemake(folder, "--dry-run", *plain))
    assert int(in_module.pop("total")) == int(alone.pop("total")) + 1
    assert in_module == alone and "train_vae" in alone


def test_a_prefix_applies_to_results_but_not_to_the_users_files(folder: Path) -> None:
    write_snakefile(folder, "genotypes", "as snpgen_*")
    ran = snakemake(folder, "snpgen_check", "genotypes/results/demo/split.tsv")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "snpgen_check_inputs" in rules_run(ran)
    assert re.search(r"400 genotyped, 400 .*\n(.*\n)+.*\(train_vae\)", ran.stdout)
    split = pd.read_csv(folder / "genotypes/results/demo/split.tsv", sep="\t")
    assert len(split) == 400
    assert not (folder / "results").exists() and not (folder / "logs").exists()


def test_the_simulated_cohort_is_written_and_read_under_a_prefix(folder: Path) -> None:
    configure(folder, {"covariates": ["age"], "categorical": []})
    write_snakefile(folder, "genotypes", "as snpgen_*")
    ran = snakemake(folder, "genotypes/results/demo/samples.tsv")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert (folder / "genotypes/results/cohort/simulated/cohort.bed").exists()
