"""Simulated GWAS, panels selected by it, and synthetic cohorts of independent variants, for tests of attacks."""

from typing import NamedTuple

import numpy as np

from snpgen.association.forecast import (
    Differences,
    Exposure,
    Sampling,
    make_differences,
    measure_exposure,
)
from snpgen.association.shrinkage import Prior, fit_prior

SYSTEMATIC = Sampling()


class Study(NamedTuple):
    """A panel selected by a GWAS of the training individuals.

    Genotypes int8 at the panel and phenotypes int8 of training individuals, of others, and of a reference
    sample; z (m,) of the panel and the prior fitted to all variants.
    """

    train: tuple[np.ndarray, np.ndarray]
    others: tuple[np.ndarray, np.ndarray]
    reference: tuple[np.ndarray, np.ndarray]
    z: np.ndarray
    prior: Prior


def simulate_study(
    seed: int,
    n: int = 2_000,
    tested: int = 10_000,
    causal: int = 300,
    size: int = 512,
    share: float = 0.35,
    heritability: float = 0.5,
) -> Study:
    """As many others and reference individuals as training individuals; a `share` of all are cases.

    The liability of `heritability` is the sum of effects at independent `causal` variants.
    """
    rng = np.random.default_rng(seed)
    p = rng.uniform(0.05, 0.95, tested).astype(np.float32)
    effect = rng.normal(size=causal) if causal else np.zeros(0)
    effect *= np.sqrt(heritability / max(1, causal) / (2 * p[:causal] * (1 - p[:causal])))

    def genotypes(rows: np.ndarray) -> np.ndarray:
        uniform = rng.random((2, n, len(rows)), dtype=np.float32)
        return (uniform < p[rows]).sum(axis=0, dtype=np.int8)

    def label(dosages: np.ndarray) -> np.ndarray:
        genetic = (dosages[:, :causal] - 2 * p[:causal]) @ effect
        liability = genetic + rng.normal(0, np.sqrt(1 - heritability * (causal > 0)), n)
        return (liability > np.quantile(liability, 1 - share)).astype(np.int8)

    train = genotypes(np.arange(tested))
    phenotype = label(train)
    z = score_z(train, phenotype)
    panel = np.sort(np.argsort(-np.abs(z))[:size])
    samples = []
    for _ in range(2):
        rows = np.union1d(panel, np.arange(causal))
        dosages = genotypes(rows)
        samples.append((dosages[:, np.isin(rows, panel)], label(dosages)))
    return Study((train[:, panel], phenotype), *samples, z[panel], fit_prior(z))


def score_z(dosages: np.ndarray, phenotype: np.ndarray) -> np.ndarray:
    """z-scores (m,) of the differences between cases and controls."""
    n, cases = len(phenotype), int(phenotype.sum())
    case, control = (dosages[phenotype == label].mean(axis=0) for label in (1, 0))
    mean = dosages.mean(axis=0)
    spread = np.sqrt((dosages.astype(np.float32) ** 2).mean(axis=0) - mean**2)
    return np.sqrt(cases * (n - cases) / n) * (case - control) / spread


def differences_of(
    study: Study, kept: np.ndarray | None = None, shrunken: bool = True
) -> Differences:
    return make_differences(study.z, [study.prior], kept, shrunken)


def strata(phenotype: np.ndarray) -> dict[str, np.ndarray]:
    return {"all": phenotype >= 0, "case": phenotype == 1, "control": phenotype == 0}


def exposure_of(study: Study) -> Exposure:
    dosages, phenotype = study.train
    return measure_exposure(dosages, phenotype, 2, strata(phenotype))


def release(
    study: Study, differences: Differences, sampling: Sampling, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Genotypes and phenotypes of a synthetic cohort with these differences between cases and controls."""
    rng, size = np.random.default_rng(seed), int(sampling.size)
    dosages, phenotype = study.train
    n, cases = len(phenotype), int(phenotype.sum())
    mean, spread = dosages.mean(axis=0), dosages.std(axis=0)
    unit = differences.released[0] * spread / np.sqrt(cases * (n - cases) / n)
    parts = []
    for label, number, share in ((0, n - cases, -cases / n), (1, cases, 1 - cases / n)):
        frequency = ((mean + share * unit) / 2).clip(0, 1)
        haplotypes = 2 * size * number
        if sampling.systematic:
            count = np.floor(haplotypes * frequency + rng.random(len(frequency))).astype(int)
            alleles = np.arange(haplotypes)[:, None] < count
            alleles = rng.permuted(alleles, axis=0)
        else:
            alleles = rng.random((haplotypes, len(frequency))) < frequency
        own = alleles[: size * number].astype(np.int8) + alleles[size * number :]
        parts.append((own, np.full(len(own), label, np.int8)))
    return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))
