"""A small simulated cohort for the tests of association."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from snpgen.io.plink import MISSING, Fileset, open_fileset, write_fileset

needs_plink2 = pytest.mark.skipif(not shutil.which("plink2"), reason="plink2 is not on PATH")


def simulate_dosages(n: int, m: int, rng: np.random.Generator, missing: float = 0.0) -> np.ndarray:
    """Dosages in short-range LD: an allele is copied from the previous variant or sampled."""
    frequency = np.repeat(rng.uniform(0.05, 0.95, (m + 4) // 5), 5)[:m]
    alleles = (rng.random((2 * n, m)) < frequency).astype(np.int8)
    copied = rng.random((2 * n, m)) < 0.8
    for j in range(1, m):
        if j % 5:
            alleles[copied[:, j], j] = alleles[copied[:, j], j - 1]
    dosages = alleles[:n] + alleles[n:]
    dosages[rng.random((n, m)) < missing] = MISSING
    return dosages


def make_variants(m: int, chromosome: str = "1", spacing: int = 2000) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "chromosome": chromosome,
            "variant_id": [f"rs{chromosome}{j:05d}" for j in range(m)],
            "position": 10_000 + spacing * np.arange(m),
            "effect_allele": "A",
            "other_allele": "G",
        }
    )


def make_samples(n: int) -> pd.DataFrame:
    ids = [f"{i:05d}" for i in range(n)]
    return pd.DataFrame(
        {"FID": ids, "IID": ids, "father": "0", "mother": "0", "sex": "0", "phenotype": "-9"}
    )


def write_cohort(prefix: Path, dosages: np.ndarray, variants: pd.DataFrame) -> Fileset:
    write_fileset(str(prefix), dosages, make_samples(len(dosages)), variants)
    return open_fileset(str(prefix), [])


def simulate_phenotype(
    dosages: np.ndarray,
    covariates: pd.DataFrame,
    effects: dict[int, float],
    rng: np.random.Generator,
) -> np.ndarray:
    """Cases (1) and controls (0) by a logistic model: `effects` by variant, 0.4 per SD of a covariate."""
    standardised = (covariates - covariates.mean()) / covariates.std()
    log_odds = -0.7 + 0.4 * standardised.sum(axis=1).to_numpy()
    for variant, effect in effects.items():
        dosage = np.where(dosages[:, variant] == MISSING, 1, dosages[:, variant])
        log_odds += effect * (dosage - dosage.mean())
    return (rng.random(len(dosages)) < 1 / (1 + np.exp(-log_odds))).astype(np.int8)


def simulate_covariates(n: int, rng: np.random.Generator) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "sex": rng.integers(1, 3, n),
            "age": rng.integers(40, 70, n),
            "PC1": 0.01 * rng.normal(size=n),
        }
    )


def run_plink2(*arguments: str | Path) -> None:
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    subprocess.run(
        ["plink2", "--threads", "1", *map(str, arguments)],
        check=True,
        capture_output=True,
        env=environment,
    )
