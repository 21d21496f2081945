"""Standard error of KING-robust kinship against the spread of kinship of unrelated individuals."""

import math

import numpy as np
import pandas as pd
import pytest
from example_association import make_variants, write_cohort

from snpgen.genetics.kinship import king_robust
from snpgen.genetics.kinship_error import detectable_degree, smallest_kinship, standard_error
from snpgen.genetics.packed import pack_planes


def spread(dosages: np.ndarray) -> float:
    """Standard deviation of the kinship of all pairs, given their mean number of heterozygous genotypes."""
    values = dosages.astype(float)
    squares = np.square(values).sum(axis=1)
    distance = squares[:, None] + squares - 2 * values @ values.T
    heterozygous = (dosages == 1).sum(axis=1)
    kinship = 0.5 - distance / (2 * (heterozygous[:, None] + heterozygous))
    return float(kinship[np.triu_indices(len(dosages), 1)].std())


def two_chromosomes(n: int) -> pd.DataFrame:
    return pd.concat([make_variants(n // 2, name) for name in ("1", "2")], ignore_index=True)


@pytest.mark.parametrize("copies", [1, 2])
def test_standard_error_is_the_spread_of_unrelated_individuals(tmp_path, copies: int) -> None:
    # Each variant has `copies` neighbours in complete LD.
    rng = np.random.default_rng(1)
    n, m = 500, 1_000
    frequency = rng.uniform(0.05, 0.95, m)
    dosages = rng.binomial(2, frequency, (n, m)).astype(np.int8).repeat(copies, axis=1)
    fileset = write_cohort(tmp_path / "set", dosages, two_chromosomes(m * copies))
    error = standard_error(fileset, np.arange(m * copies), np.arange(n), 1)
    assert error == pytest.approx(spread(dosages), rel=0.03)
    weight = frequency * (1 - frequency)
    expected = math.sqrt(0.75 * np.square(weight).sum()) / weight.sum()
    assert error == pytest.approx(expected, rel=0.03)


def test_partial_ld_increases_the_standard_error(tmp_path) -> None:
    rng = np.random.default_rng(2)
    n, m = 400, 1_000
    # In groups of five variants, a haplotype carries the allele of the group with probability 0.7.
    shared = (rng.random((2 * n, m // 5)) < 0.4).repeat(5, axis=1)
    own = rng.random((2 * n, m)) < 0.4
    alleles = np.where(rng.random((2 * n, m)) < 0.7, shared, own).astype(np.int8)
    dosages = alleles[:n] + alleles[n:]
    fileset = write_cohort(tmp_path / "set", dosages, two_chromosomes(m))
    error = standard_error(fileset, np.arange(m), np.arange(n), 1)
    assert error == pytest.approx(spread(dosages), rel=0.03)
    assert error > 1.2 * math.sqrt(0.75 / m)


def test_population_structure_does_not_count_as_ld(tmp_path) -> None:
    rng = np.random.default_rng(3)
    n, m = 300, 2_000
    frequency = np.clip(rng.uniform(0.3, 0.7, m) + rng.normal(0, 0.15, (2, m)), 0.05, 0.95)
    dosages = rng.binomial(2, frequency.repeat(n, axis=0)).astype(np.int8)
    fileset = write_cohort(tmp_path / "set", dosages, two_chromosomes(m))
    error = standard_error(fileset, np.arange(m), np.arange(2 * n), 1)
    assert error == pytest.approx(spread(dosages[:n]), rel=0.06)
    assert spread(dosages) > 1.5 * error


def test_largest_kinship_of_unrelated_individuals_is_just_below_the_limit(tmp_path) -> None:
    ratios = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        dosages = rng.binomial(2, rng.uniform(0.1, 0.9, 500), (200, 500)).astype(np.int8)
        fileset = write_cohort(tmp_path / "set", dosages, two_chromosomes(500))
        limit = smallest_kinship(standard_error(fileset, np.arange(500), np.arange(200), 1), 200)
        planes = pack_planes(dosages)
        ratios.append(king_robust(planes, planes)[np.triu_indices(200, 1)].max() / limit)
    assert 0.7 < np.mean(ratios) < 0.9 and max(ratios) < 1


def test_without_variants_no_kinship_is_large_enough(tmp_path) -> None:
    dosages = np.zeros((10, 20), dtype=np.int8)
    fileset = write_cohort(tmp_path / "set", dosages, make_variants(20))
    for variants in (np.arange(20), np.arange(0)):
        assert math.isinf(standard_error(fileset, variants, np.arange(10), 1))


def test_detectable_degree() -> None:
    assert detectable_degree(0.02) == "third"
    assert detectable_degree(0.08) == "second"
    assert detectable_degree(0.2) == "first"
    assert detectable_degree(0.3) == ""
