"""Haplotype frequencies against the likelihood, parents against simulated dependence."""

import numpy as np
import pytest
from example_cohorts import frequencies, independent, linked
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit

from snpgen.generator.blocks import PADDING, make_blocks
from snpgen.generator.parents import Parents, choose_parents, mutual_information, pair_haplotypes


def parents_of(dosages: np.ndarray, size: int, chromosomes: np.ndarray | None = None) -> Parents:
    """Parents within blocks of `size` variants, by default of one chromosome."""
    chromosomes = np.full(dosages.shape[1], "1") if chromosomes is None else chromosomes
    return choose_parents(dosages, make_blocks(chromosomes, size), chromosomes)


def unphased(haplotypes: np.ndarray) -> np.ndarray:
    """Dosages int8 (n, m) of individuals with haplotypes i and n + i."""
    half = len(haplotypes) // 2
    return (haplotypes[:half] + haplotypes[half:]).astype(np.int8)


def genotype_distribution(haplotypes: np.ndarray) -> np.ndarray:
    """Probabilities (3, 3) of genotypes from haplotype frequencies (2, 2), Hardy-Weinberg."""
    probability = np.zeros((3, 3))
    for a, b, c, d in np.ndindex(2, 2, 2, 2):
        probability[a + c, b + d] += haplotypes[a, b] * haplotypes[c, d]
    return probability


def maximum_likelihood(counts: np.ndarray) -> float:
    """The maximum log likelihood on a grid; allele frequencies are those observed."""
    n = counts.sum()
    p = (counts * np.arange(3)[:, None]).sum() / (2 * n)
    q = (counts * np.arange(3)).sum() / (2 * n)
    both = np.linspace(max(0, p + q - 1), min(p, q), 4001)
    return max(likelihood(np.array([[1 - p - q + x, q - x], [p - x, x]]), counts) for x in both)


def likelihood(haplotypes: np.ndarray, counts: np.ndarray) -> float:
    probability = genotype_distribution(haplotypes.clip(0))
    return float((counts * np.log(np.maximum(probability, 1e-300)))[counts > 0].sum())


@settings(max_examples=15, deadline=None)
@given(arrays(np.float64, 4, elements=st.floats(0.02, 1)))
def test_haplotype_frequencies_are_recovered(weights):
    true_value = (weights / weights.sum()).reshape(2, 2)
    genotypes = genotype_distribution(true_value)
    found = pair_haplotypes(10_000 * genotypes)
    assert likelihood(found, genotypes) >= maximum_likelihood(genotypes) - 1e-6
    assert found.sum(axis=1) == pytest.approx(true_value.sum(axis=1))
    assert found.sum(axis=0) == pytest.approx(true_value.sum(axis=0))


def test_haplotype_frequencies_maximise_the_likelihood():
    rng = np.random.default_rng(1)
    true_values = rng.dirichlet(np.full(4, 0.7), 12).reshape(12, 2, 2)
    chance = np.array([genotype_distribution(one).ravel() for one in true_values])
    tables = rng.multinomial(300, chance).reshape(-1, 3, 3)
    for found, counts in zip(pair_haplotypes(tables), tables, strict=True):
        assert likelihood(found, counts) >= maximum_likelihood(counts) - 1e-3


@pytest.mark.parametrize(
    ("genotypes", "expected"),
    [
        ({(0, 0): 5}, [[1, 0], [0, 0]]),
        ({(0, 0): 5, (0, 2): 5}, [[0.5, 0.5], [0, 0]]),
        ({(2, 0): 3, (2, 1): 6, (2, 2): 3}, [[0, 0], [0.5, 0.5]]),
        ({(0, 0): 4, (2, 2): 4}, [[0.5, 0], [0, 0.5]]),
        # A saddle point: the phase is not identifiable.
        ({(1, 1): 7}, [[0.25, 0.25], [0.25, 0.25]]),
    ],
)
def test_degenerate_tables(genotypes, expected):
    counts = np.zeros((3, 3))
    for cell, samples in genotypes.items():
        counts[cell] = samples
    assert pair_haplotypes(counts) == pytest.approx(np.array(expected))


def test_mutual_information_of_known_pairs():
    same, apart = np.eye(2) / 2, np.full((2, 2), 0.25)
    monomorphic = np.array([[0.3, 0.7], [0.0, 0.0]])
    found = mutual_information(np.array([same, apart, monomorphic]))
    assert found == pytest.approx([np.log(2), 0, 0], abs=1e-12)


def simulated_haplotypes(n, parents, seed):
    """Haplotypes (2n, m): a copy of the parent with probability 0.9, otherwise 0 or 1 at random."""
    rng = np.random.default_rng(seed)
    haplotypes = rng.integers(0, 2, (2 * n, len(parents)))
    for j, parent in enumerate(parents):
        if parent != PADDING:
            haplotypes[:, j] = np.where(
                rng.random(2 * n) < 0.9, haplotypes[:, parent], haplotypes[:, j]
            )
    return haplotypes


def test_a_tree_is_recovered_with_its_conditional_frequencies():
    true_parents = np.array([-1, 0, 0, 2, 1, 4, 3, 6, -1, 8, 8, 10])
    chromosomes = np.repeat(["1", "2"], [8, 4])
    haplotypes = simulated_haplotypes(6_000, true_parents, 1)
    found = parents_of(unphased(haplotypes), 4, chromosomes)
    rooted = true_parents != PADDING
    assert (found.parents[rooted, 0] == true_parents[rooted]).all()
    assert found.frequency == pytest.approx(haplotypes.mean(axis=0), abs=1e-6)
    for j in np.flatnonzero(rooted):
        true = [haplotypes[haplotypes[:, true_parents[j]] == a, j].mean() for a in (0, 1)]
        assert expit(found.log_odds[j]) == pytest.approx(true, abs=0.015)


def test_all_parents_are_recovered_and_no_others():
    """A variant depends on three others, which are independent."""
    rng = np.random.default_rng(7)
    haplotypes = rng.integers(0, 2, (16_000, 8))
    copied = rng.integers(0, 4, 16_000)  # with probability 1/4 its own allele
    haplotypes[:, 6] = np.choose(copied, [*haplotypes[:, [1, 3, 4]].T, haplotypes[:, 6]])
    found = parents_of(unphased(haplotypes), 8).parents
    assert set(found[6]) == {1, 3, 4}
    assert (np.delete(found, 6, axis=0) == PADDING).all()


def test_a_proxy_of_a_parent_is_not_a_second_parent():
    rng = np.random.default_rng(8)
    first = rng.integers(0, 2, 8_000)
    copy = np.where(rng.random(8_000) < 0.999, first, 1 - first)
    last = np.where(rng.random(8_000) < 0.8, first, rng.integers(0, 2, 8_000))
    found = parents_of(unphased(np.column_stack([first, copy, last])), 8).parents
    assert (found[2] != PADDING).sum() == 1


@pytest.mark.parametrize("block_size", [1, 3, 16])
def test_parents_come_before_and_from_the_same_chromosome(block_size):
    chromosomes = np.repeat(["1", "2", "X"], [17, 1, 12])
    dosages = linked(400, frequencies(30), 2, chromosome=30)  # in LD across chromosomes too
    found = parents_of(dosages, block_size, chromosomes)
    rooted = np.flatnonzero(found.parents[:, 0] != PADDING)
    assert len(rooted) > 20 and not set(rooted) & {0, 17, 18}  # first on their chromosome
    for j in rooted:
        parents = found.parents[j][found.parents[j] != PADDING]
        assert len(set(parents)) == len(parents)
        for parent in parents:
            assert 0 <= parent < j and chromosomes[parent] == chromosomes[j]


@pytest.mark.parametrize(("gap", "seen"), [(60, True), (80, False)])
def test_parents_are_searched_within_the_window(gap, seen):
    """A copy of the first variant after `gap` independent ones, in blocks of 16."""
    rng = np.random.default_rng(3)
    dosages = independent(4_000, np.full(gap + 2, 0.4), 4)
    dosages[:, -1] = np.where(rng.random(4_000) < 0.8, dosages[:, 0], dosages[:, -1])
    assert (parents_of(dosages, 16).parents[-1, 0] == 0) == seen


def test_independent_variants_have_no_parent():
    dosages = independent(2_000, frequencies(60), 4)
    found = parents_of(dosages, 16)
    alone = found.parents[:, 0] == PADDING
    assert alone.mean() > 0.8
    expected = np.repeat(dosages.mean(axis=0)[alone, None] / 2, 2, axis=1)
    assert expit(found.log_odds[alone]) == pytest.approx(expected, abs=1e-3)


def test_a_monomorphic_variant_stays_almost_certain():
    dosages = np.repeat([[0, 2, 1]], 50, axis=0).astype(np.int8)
    dosages[:25, 2] = 0
    log_odds = parents_of(dosages, 16).log_odds
    assert (expit(log_odds[0]) < 0.01).all() and (expit(log_odds[1]) > 0.99).all()
    assert np.isfinite(log_odds).all()
