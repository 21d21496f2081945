"""Decoded haplotypes against the enumerated distribution of the decoder, phases against their posterior."""

from itertools import product

import numpy as np
import pytest
import torch
from example_generator import allele_logits, log_likelihood, one_hot, outbred, random_vae
from torch import Tensor

from snpgen.generator.decoding import decode, sample_independently, sample_systematically
from snpgen.generator.phasing import filter_weights, phase, sample_phase
from snpgen.generator.vae import VAE


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("block_size", [1, 3, 4, 16])
def test_sequential_decoding_computes_the_log_odds_of_the_parallel_decoder(block_size):
    chromosomes = ["1"] * 9 + ["2"] + ["3"] * 5
    vae = random_vae(chromosomes, block_size)
    known = torch.from_numpy(np.random.default_rng(1).integers(0, 2, (6, 2, 15)))
    latents, conditions = torch.randn(6, 3), torch.from_numpy(one_hot(np.arange(6) % 2))
    seen = torch.full((6, 2, 15), torch.nan)

    def choose(logits: Tensor, variants: Tensor) -> Tensor:
        seen[:, :, variants] = logits.permute(1, 2, 0)
        return known[:, :, variants].permute(2, 0, 1).float()

    assert torch.equal(decode(vae, latents, conditions, choose).long(), known)
    assert torch.allclose(seen, allele_logits(vae, latents, known, conditions), atol=1e-4)


@pytest.mark.parametrize(("block_size", "systematic"), [(4, False), (2, False), (2, True)])
def test_haplotypes_follow_the_probabilities_of_the_decoder(block_size, systematic):
    vae = random_vae(["1", "1", "1"], block_size)
    n = 40_000
    latents = torch.randn(1, 3).repeat(n, 1)
    conditions = torch.tensor([[1.0, 0.0]]).repeat(n, 1)
    strata = torch.zeros(n, dtype=torch.int64)
    effects = torch.randn(1, 6, generator=seeded(7))
    choose = sample_independently(outbred(3, n), seeded(3))
    if systematic:
        choose = sample_systematically(strata, effects, outbred(3, n), seeded(3))
    sampled = decode(vae, latents, conditions, choose).long()
    every = torch.tensor(list(product(range(2), repeat=6))).view(-1, 2, 3)
    some = slice(len(every))
    expected = log_likelihood(vae, latents[some], every, conditions[some]).sum(dim=1).exp()
    codes = sampled.flatten(1) @ 2 ** torch.arange(5, -1, -1)
    found = torch.bincount(codes, minlength=64) / n
    assert float(expected.sum()) == pytest.approx(1, abs=1e-5)
    assert (found - expected).abs().max() < 5 * (0.25 / n) ** 0.5


def test_systematic_counts_are_as_expected_in_each_stratum_and_on_each_haplotype():
    n, k = 900, 40
    strata = torch.from_numpy(np.random.default_rng(1).integers(0, 3, n))
    odds = torch.randn(k, n, 2, generator=seeded(1)) + strata.view(1, -1, 1)
    effects = torch.randn(3, k, generator=seeded(3))
    choose = sample_systematically(strata, effects, outbred(k, n), seeded(2))
    alleles = choose(odds, torch.arange(k))
    surplus = alleles.double() - odds.sigmoid().double()
    assert set(alleles.unique().tolist()) == {0.0, 1.0}
    for stratum in range(3):
        assert surplus[:, strata == stratum].sum(dim=1).abs().max() < 1 + 1e-6
    assert surplus.sum(dim=(1, 2)).abs().max() < 1 + 1e-6


def test_each_allele_keeps_its_probability_and_the_two_of_an_individual_are_not_correlated():
    n, repeats = 12, 6_000
    strata = torch.arange(n) % 3
    odds = torch.linspace(-3, 2, 2 * n).view(1, n, 2).repeat(repeats, 1, 1)
    choose = sample_systematically(strata, torch.zeros(3, repeats), outbred(repeats, n), seeded(4))
    alleles = choose(odds, torch.arange(repeats))
    probability = odds[0].sigmoid()
    error = (probability * (1 - probability) / repeats).sqrt()
    assert ((alleles.mean(dim=0) - probability) / error).abs().max() < 4.5

    many = 3_000
    chance = torch.full((200, many, 2), 0.0)
    choose = sample_systematically(
        torch.arange(many) % 2, torch.zeros(2, 200), outbred(200, many), seeded(5)
    )
    sampled = choose(chance, torch.arange(200))
    product = ((sampled[..., 0] - 0.5) * (sampled[..., 1] - 0.5)).mean(dim=1) / 0.25
    assert abs(float(product.mean())) < 5 / (200 * many) ** 0.5


def test_variants_of_equal_probability_are_independent():
    # With the same order at both, every individual would get the same alleles at two such variants.
    n, k = 3_000, 12
    choose = sample_systematically(torch.arange(n) % 2, torch.zeros(2, k), outbred(k, n), seeded(6))
    odds = torch.full((k, n, 2), -0.4)
    parts = [choose(odds, torch.arange(k)) for _ in range(2)]
    haplotypes = torch.cat(parts).flatten(1).numpy()
    r = np.corrcoef(haplotypes)[np.triu_indices(2 * k, 1)]
    assert np.abs(r).max() < 5 / np.sqrt(2 * n)


def test_scores_have_little_chance_correlation_with_later_alleles():
    n, k = 4_000, 60
    strata = torch.arange(n) % 2
    odds = torch.zeros(1, n, 2)
    found = {}
    for name, size in (("scored", 1.0), ("not", 0.0)):
        effects = torch.randn(2, k, generator=seeded(8))
        choose = sample_systematically(strata, size * effects, outbred(k, n), seeded(9))
        dosages = torch.stack([choose(odds, torch.tensor([j]))[0].sum(dim=1) for j in range(k)])
        score = (effects[:, :, None] * (dosages - 1)).cumsum(dim=1)  # strata, variants, individuals
        found[name] = [
            float(np.corrcoef(score[s, j, strata == s], dosages[j + 1, strata == s])[0, 1])
            for s in range(2)
            for j in range(9, k - 1)
        ]
    spread = {name: np.std(r) for name, r in found.items()}
    assert spread["not"] == pytest.approx((2 / n) ** 0.5, rel=0.3)
    assert spread["scored"] < 0.4 * spread["not"]


def test_phases_sum_to_the_genotypes():
    vae = random_vae(["1"] * 7 + ["2"] * 3)
    dosages = torch.from_numpy(np.random.default_rng(5).integers(0, 3, (300, 10)).astype(np.int8))
    conditions = torch.from_numpy(one_hot(np.arange(300) % 2))
    phased = phase(vae, dosages, conditions, seeded(1))
    assert phased.dtype == torch.int8 and torch.equal(phased.sum(dim=1), dosages.long())
    assert torch.equal(phased, phase(vae, dosages, conditions, seeded(1)))


def test_phases_do_not_depend_on_threads_or_on_other_individuals():
    vae = random_vae(["1"] * 21 + ["2"] * 9, inbred=True)
    n = 450
    dosages = torch.from_numpy(np.random.default_rng(6).integers(0, 3, (n, 30)).astype(np.int8))
    conditions = torch.from_numpy(one_hot(np.arange(n) % 2))
    threads, phased = torch.get_num_threads(), []
    for count in (1, 3):
        torch.set_num_threads(count)
        phased.append(phase(vae, dosages, conditions, seeded(3)))
        assert torch.get_num_threads() == count
    torch.set_num_threads(threads)
    assert torch.equal(*phased)
    inputs = dosages, torch.randn(n, 3), conditions
    every, few = (
        sample_phase(vae, filter_weights(vae), *(x[:size] for x in inputs), 8, torch.arange(size))
        for size in (n, 13)
    )
    assert torch.equal(every[:13], few)


def phase_frequencies(vae: VAE, n: int, count: int) -> tuple[Tensor, Tensor]:
    """Frequency of each phase of an individual heterozygous at all variants, and its probability."""
    m = vae.n_variants
    latents, conditions = torch.randn(1, 3), torch.tensor([[0.0, 1.0]])
    inputs = torch.ones(n, m, dtype=torch.int8), latents.repeat(n, 1), conditions.repeat(n, 1)
    seeds = torch.randint(2**62, (n,), generator=seeded(2))
    phased = sample_phase(vae, filter_weights(vae), *inputs, count, seeds).long()
    assert (phased.sum(dim=1) == 1).all()
    first = torch.tensor(list(product(range(2), repeat=m)))
    orders = torch.stack([first, 1 - first], dim=1)
    every = (row.repeat(len(orders), 1) for row in (latents, conditions))
    chance = log_likelihood(vae, next(every), orders, next(every)).sum(dim=1).exp()
    codes = phased[:, 0] @ 2 ** torch.arange(m - 1, -1, -1)
    return torch.bincount(codes, minlength=2**m) / n, chance / chance.sum()


def test_many_particles_sample_the_posterior_of_the_phase_and_one_does_not():
    """One particle suffices for two variants of one block."""
    vae = random_vae(["1"] * 5, block_size=2)
    vae.parent_effect.data[2:, :3] = 1.5
    n = 20_000
    error = 5 * (0.25 / n) ** 0.5
    found, expected = phase_frequencies(vae, n, 32)
    alone, _ = phase_frequencies(vae, n, 1)
    assert (found - expected).abs().max() < error
    assert (alone - expected).abs().max() > 2 * error
    alone, expected = phase_frequencies(random_vae(["1", "1"]), n, 1)
    assert (alone - expected).abs().max() < error
