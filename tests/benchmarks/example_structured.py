"""Simulated cohorts with population structure, admixture or inbreeding.

They use the populations and the kind of trait of the demo (`snpgen.cohort`), on 8 chromosomes of 150 cM, without
relatives and missing calls. Each has further individuals for the evaluation, in the same proportions of groups.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from snpgen.cohort.coalescent import RECOMBINATION_RATE, simulate_haplotypes
from snpgen.cohort.populations import AFRICAN, NORTH, SOUTH, Composition
from snpgen.cohort.simulation import Samples, simulate_liability, simulate_samples, simulate_trait
from snpgen.evaluation.cohorts import Cohort
from snpgen.job import derive_seed

CHROMOSOMES = [str(number) for number in range(1, 9)]
LENGTH = 1.5  # Morgans
N_VARIANTS = 3_000  # per chromosome, as in the demo
CAUSAL = 96
DEMO_PREVALENCE = 0.25
EUROPEAN, ADMIXED = {"European": 1.0}, {"Admixed": 1.0}
NO_INBREEDING: dict[str, dict[float, float]] = {}


class StructuredCohort(NamedTuple):
    """Numbers of individuals of a cohort and of further individuals, and the composition of both.

    `source` is the population with which the other ancestry is compared: features of local ancestry use
    differences of allele frequencies between the two.
    """

    samples: int
    further: int
    composition: Composition
    source: int = AFRICAN


class Further(NamedTuple):
    """Further individuals of a panel, and allele frequencies (2, m) in two sources of ancestry."""

    cohort: Cohort
    sources: np.ndarray


# Further individuals include 3,000 of each group that is judged, or of all non-majority groups together.
STRUCTURED = {
    "demo": StructuredCohort(12_000, 25_000, Composition()),
    "admixed": StructuredCohort(
        6_000, 3_000, Composition(ADMIXED, (4, 3), 0, {"Admixed": {0: 0.9, 1 / 8: 0.1}})
    ),
    "minority": StructuredCohort(
        6_000,
        37_500,
        Composition({"European": 0.92, "African": 0.03, "Admixed": 0.05}, (4, 3), 0, NO_INBREEDING),
    ),
    "cousins": StructuredCohort(
        12_000,
        3_000,
        Composition(EUROPEAN, inbreeding={"European": {0: 2 / 3, 1 / 16: 1 / 3}}),
        SOUTH,
    ),
    "lines": StructuredCohort(
        4_000, 3_000, Composition(EUROPEAN, inbreeding={"European": {0.9: 1.0}}), SOUTH
    ),
}


def simulate_individuals(kind: str, seed: int) -> Samples:
    """The individuals of the cohort, then the further individuals."""
    recipe = STRUCTURED[kind]
    own = derive_seed(seed, "individuals", kind)
    return simulate_samples(recipe.samples + recipe.further, 0, own, recipe.composition)


def simulate_dosages(kind: str, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Dosages int8 (n_variants, n) of the minor allele, chromosomes (n_variants,) and positions."""
    individuals = simulate_individuals(kind, seed)
    n = len(individuals.table)
    dosages = np.empty((N_VARIANTS * len(CHROMOSOMES), n), dtype=np.int8)
    beyond = round(LENGTH / RECOMBINATION_RATE) + 1_000_000
    avoid = pd.DataFrame({"chromosome": CHROMOSOMES, "start": beyond, "end": 10**9})
    position = []
    for number, name in enumerate(CHROMOSOMES):
        own = derive_seed(seed, "chromosome", kind, name)
        haplotypes = simulate_haplotypes(name, individuals.founders, N_VARIANTS, avoid, own)
        part = dosages[number * N_VARIANTS : (number + 1) * N_VARIANTS]
        np.add(haplotypes.alleles[:, ::2], haplotypes.alleles[:, 1::2], out=part, casting="unsafe")
        major = part.mean(axis=1) > 1
        part[major] = 2 - part[major]
        position.append(haplotypes.position)
    return dosages, np.repeat(np.array(CHROMOSOMES), N_VARIANTS), np.concatenate(position)


def simulate_phenotype(kind: str, genetic: np.ndarray, seed: int) -> np.ndarray:
    """Cases (1) and controls (0), int8 (n,), given the `genetic` values (n,) of all individuals."""
    individuals = simulate_individuals(kind, seed)
    own = derive_seed(seed, "liability", kind)
    liability = simulate_liability(genetic, individuals.table, individuals.southern, own)
    return simulate_trait(liability, DEMO_PREVALENCE)


def source_frequencies(kind: str, dosages: np.ndarray, seed: int) -> np.ndarray:
    """Allele frequencies (2, m) of the `source` of a cohort and of the remaining European ancestry.

    They are the coefficients of a linear regression of the dosages (n, m) of all individuals on the true
    proportions of ancestry. Individuals with South or East Asian ancestry are left out.
    """
    proportions = simulate_individuals(kind, seed).founders.proportions.mean(axis=1)
    used = np.isclose(proportions[:, [AFRICAN, NORTH, SOUTH]].sum(axis=1), 1)
    share = proportions[used, STRUCTURED[kind].source]
    design = np.column_stack([share, 1 - share])
    return np.clip(np.linalg.lstsq(design, dosages[used] / 2)[0], 0, 1)
