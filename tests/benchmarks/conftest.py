"""The cohort, its null models and the GWAS results shared by benchmarks."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from example_biobank import N_FEW_SAMPLES, write_cohort
from example_processes import (
    THREADS,
    glm,
    measure,
    plink2,
    read_glm,
    read_scan,
    scan_command,
    write_null_model,
)

FEW_ALLELES = 50  # variants with fewer minor alleles are compared by Firth regression


@pytest.fixture
def say(capsys) -> Callable[[str], None]:
    """Print a line although pytest captures the output."""

    def show(line: str) -> None:
        with capsys.disabled():
            print(f"\n    {line}", flush=True)

    return show


@pytest.fixture(scope="session")
def folder() -> Path:
    if not shutil.which("plink2"):
        pytest.skip("plink2 is not on PATH")
    return write_cohort()


@pytest.fixture(scope="session")
def ten(folder, tmp_path_factory) -> Path:
    """Ten rare variants, whose GWAS takes the time of start-up."""
    prefix = tmp_path_factory.mktemp("ten") / "ten"
    rare = ["--max-maf", 0.005, "--thin-count", 10, "--seed", 1]
    plink2("--bfile", folder / "big", *rare, "--make-bed", "--out", prefix)
    return prefix


@pytest.fixture(scope="session")
def null(folder, ten, tmp_path_factory) -> Path:
    """The null model; a GWAS has been run with it, so that compiled code is cached."""
    path = tmp_path_factory.mktemp("null") / "common.npz"
    write_null_model(folder, "common", path)
    measure(scan_command(ten, path, path.with_name("ten.tsv.gz")), THREADS)
    return path


@pytest.fixture(scope="session")
def null_rare(folder, tmp_path_factory) -> Path:
    return write_null_model(folder, "rare", tmp_path_factory.mktemp("null") / "rare.npz")


@pytest.fixture(scope="session")
def null_5k(folder, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("null") / "few.npz"
    return write_null_model(folder, "common", path, N_FEW_SAMPLES)


def _scan_and_glm(
    folder: Path, prefix: Path, null: Path, output: Path, firth_mac: float, mode: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    measure(scan_command(prefix, null, output / "ours.tsv.gz", 1.0, firth_mac), THREADS)
    glm(folder, prefix, "common", output / "theirs", mode)
    return read_scan(output / "ours.tsv.gz"), read_glm(output / "theirs")


@pytest.fixture(scope="session", params=["big", "missing25k"])
def ml_tables(request, folder, null, tmp_path_factory) -> tuple[str, pd.DataFrame, pd.DataFrame]:
    """Fileset, our results and those of PLINK 2; Firth only if the likelihood has no maximum."""
    output = tmp_path_factory.mktemp("ml")
    prefix = folder / request.param
    return request.param, *_scan_and_glm(folder, prefix, null, output, 0, "firth-fallback")


@pytest.fixture(scope="session")
def rare_prefix(folder, tmp_path_factory) -> Path:
    """Variants of the cohort with fewer than `FEW_ALLELES` minor alleles."""
    prefix = tmp_path_factory.mktemp("rare") / "rare"
    plink2(
        *["--bfile", folder / "big", "--max-mac", FEW_ALLELES - 1, "--make-bed", "--out", prefix]
    )
    return prefix


@pytest.fixture(scope="session")
def firth_tables(folder, rare_prefix, null) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Our results and those of PLINK 2 at the rarest variants, all by Firth regression."""
    return _scan_and_glm(folder, rare_prefix, null, rare_prefix.parent, 1e9, "firth")
