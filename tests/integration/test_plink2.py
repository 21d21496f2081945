"""PLINK 2 genotypes give the same cohort as PLINK 1 genotypes, and errors name the PLINK 2 files."""

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

N, M = 45, 120  # samples, variants per chromosome


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with chr1 and chr2 as PLINK 1 and PLINK 2 filesets, the latter with .pvar.zst for chr2."""
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
        dosages[3, : M // 2] = MISSING  # a sample with too few calls
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
    """Run check_cohort and return what the console shows, with the logs."""
    finished = snakemake(configured(folder, genotypes), "results/cohort/samples.tsv")
    logs = sorted((folder / "logs").rglob("*.log"))
    return finished.stdout + finished.stderr + "".join(log.read_text() for log in logs)


def test_plink_2_gives_the_cohort_of_plink_1(data: Path, tmp_path: Path) -> None:
    shutil.copytree(data, tmp_path, dirs_exist_ok=True)
    shown = check_cohort(tmp_path, "chr{chromosome}.pgen")
    assert (tmp_path / "results/cohort/samples.tsv").exists(), shown
    fileset = open_fileset(str(data / "chr{chromosome}"), ["1", "2"])
    samples, funnel = check_samples(fileset, np.arange(2 * M), 0.95, threads=1)
    assert len(samples) == N - 1 and "003" not in set(samples.IID)
    for table, name in ((samples, "samples"), (funnel, "funnel")):
        written = (tmp_path / f"results/cohort/{name}.tsv").read_text()
        assert written == table.to_csv(sep="\t", index=False)
    for name in ("1", "2"):
        converted = tmp_path / f"results/cohort/plink/chr{name}.bed"
        assert converted.read_bytes() == (data / f"chr{name}.bed").read_bytes()


def test_errors_name_the_users_files(data: Path, tmp_path: Path) -> None:
    shutil.copytree(data, tmp_path, dirs_exist_ok=True)
    psam = tmp_path / "chr2.psam"
    head, *individuals = psam.read_text().splitlines()
    psam.write_text("\n".join([head, *reversed(individuals)]) + "\n")
    shown = check_cohort(tmp_path, "chr{chromosome}.pgen")
    assert "[G06] chr2.psam: " in shown
    assert not (tmp_path / "results/cohort/plink/chr2.bed").exists()
    psam.unlink()
    shown = check_cohort(tmp_path, "chr{chromosome}.pgen")
    assert "[F01] chr2.psam, cohort.genotypes: " in shown
    shown = check_cohort(tmp_path, "chr{chromosome}.vcf.gz")
    assert "[G01] cohort.genotypes: " in shown
