"""Genotypes of PLINK 2 become a cohort as those of PLINK 1 do, and what is wrong is told by their names."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import zstandard
from small_demo import configure, snakemake

from snpgen.cohort.qc import check_samples
from snpgen.io.plink import MISSING, open_fileset, write_fileset

N, M = 45, 120  # people, variants a chromosome


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with chr1 and chr2 as PLINK 1 and PLINK 2 filesets, that of chr2 with a packed .pvar."""
    if not shutil.which("plink2"):
        pytest.skip("plink2 is not on PATH")
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(1)
    iid = [f"{number:03}" for number in range(N)]
    samples = pd.DataFrame({"FID": iid, "IID": iid, "father": "0", "mother": "0"})
    samples = samples.assign(sex=np.resize(["1", "2", "0"], N), phenotype="-9")
    for name in ("1", "2"):
        variants = pd.DataFrame({"variant_id": [f"rs{name}{number:03}" for number in range(M)]})
        variants = variants.assign(chromosome=name, position=1_000 * np.arange(1, M + 1))
        variants = variants.assign(effect_allele="C", other_allele="T")
        dosages = rng.binomial(2, rng.uniform(0.1, 0.9, M), (N, M)).astype(np.int8)
        dosages[rng.random(dosages.shape) < 0.02] = MISSING
        dosages[3, : M // 2] = MISSING  # somebody with too few calls
        prefix = str(folder / f"chr{name}")
        write_fileset(prefix, dosages, samples, variants)
        make_pgen = ["plink2", "--bfile", prefix, "--make-pgen", "--out", prefix]
        subprocess.run(make_pgen, check=True, capture_output=True)
    pvar = folder / "chr2.pvar"
    Path(f"{pvar}.zst").write_bytes(zstandard.compress(pvar.read_bytes()))
    pvar.unlink()
    samples[["IID"]].assign(trait="0").to_csv(folder / "phenotypes.tsv", sep="\t", index=False)
    return folder


def configured(folder: Path, genotypes: str) -> Path:
    cohort = {"genotypes": genotypes, "chromosomes": "1-2", "table": "phenotypes.tsv"}
    return configure(folder, {"causal": None}, cohort=cohort)


def check_cohort(folder: Path, genotypes: str) -> str:
    """Make the tables of the cohort; what the console shows, and the logs."""
    finished = snakemake(configured(folder, genotypes), "results/cohort/samples.tsv")
    logs = sorted((folder / "logs").rglob("*.log"))
    return finished.stdout + finished.stderr + "".join(log.read_text() for log in logs)


def test_cohort_of_plink_2_is_that_of_plink_1(data: Path, tmp_path: Path) -> None:
    shutil.copytree(data, tmp_path, dirs_exist_ok=True)
    shown = check_cohort(tmp_path, "chr{chromosome}.pgen")
    assert (tmp_path / "results/cohort/samples.tsv").exists(), shown
    fileset = open_fileset(str(data / "chr{chromosome}"), ["1", "2"])
    samples, funnel = check_samples(fileset, np.arange(2 * M), 0.95, threads=1)
    assert len(samples) == N - 1 and "003" not in set(samples.IID)
    for table, name in ((samples, "samples"), (funnel, "funnel")):
        ours = (tmp_path / f"results/cohort/{name}.tsv").read_text()
        assert ours == table.to_csv(sep="\t", index=False)
    for name in ("1", "2"):
        converted = tmp_path / f"results/cohort/plink/chr{name}.bed"
        assert converted.read_bytes() == (data / f"chr{name}.bed").read_bytes()


def test_faults_are_told_by_the_names_of_the_users_files(data: Path, tmp_path: Path) -> None:
    shutil.copytree(data, tmp_path, dirs_exist_ok=True)
    psam = tmp_path / "chr2.psam"
    head, *individuals = psam.read_text().splitlines()
    psam.write_text("\n".join([head, *reversed(individuals)]) + "\n")
    shown = check_cohort(tmp_path, "chr{chromosome}.pgen")
    assert "Error: chr2.psam lists other people, or another order, than chr1.psam" in shown
    assert not (tmp_path / "results/cohort/plink/chr2.bed").exists()
    psam.unlink()
    shown = check_cohort(tmp_path, "chr{chromosome}.pgen")
    assert "chr2.psam does not exist: correct cohort.genotypes in the configuration" in shown
    shown = check_cohort(tmp_path, "chr{chromosome}.vcf.gz")
    assert "chr{chromosome}.vcf.gz is not a PLINK fileset: convert it with plink2" in shown
