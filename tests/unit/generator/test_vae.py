"""The decoder against enumeration, the KL divergence against torch.distributions."""

from copy import deepcopy
from itertools import product

import numpy as np
import pytest
import torch
from example_cohorts import frequencies
from example_generator import allele_logits, log_likelihood, one_hot, outbred, random_vae
from example_plain_loss import plain_loss
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal, kl_divergence

from snpgen.generator.blocks import PADDING, make_blocks
from snpgen.generator.decoding import decode, sample_independently
from snpgen.generator.parents import Parents, choose_parents
from snpgen.generator.vae import VAE


def test_an_allele_depends_on_earlier_alleles_of_its_haplotype_in_its_block_and_the_previous_one():
    vae = random_vae(["1"] * 12 + ["2"] * 4)
    rng = np.random.default_rng(1)
    haplotypes = torch.from_numpy(rng.integers(0, 2, (1, 2, 16)))
    latents, conditions = torch.randn(1, 3), torch.tensor([[0.0, 1.0]])
    start = allele_logits(vae, latents, haplotypes, conditions)[0]
    for haplotype, changed in product(range(2), range(16)):
        other = haplotypes.clone()
        other[0, haplotype, changed] = 1 - other[0, haplotype, changed]
        moved = allele_logits(vae, latents, other, conditions)[0] != start
        block = changed // 4
        own = set(range(changed + 1, 4 * block + 4))
        following = set(range(4 * block + 4, 4 * block + 8)) if block in (0, 1) else set()
        assert set(torch.nonzero(moved[haplotype]).flatten().tolist()) == own | following
        assert not moved[1 - haplotype].any()


def test_the_architecture_rebuilds_a_network_of_any_size():
    sizes = {"summary_width": 8, "prior_components": 3, "max_parents": 2}
    vae = VAE(["1"] * 6, 2, 4, 3, 12, **sizes, positions=list(range(6)))
    VAE(**vae.architecture).load_state_dict(vae.state_dict())


@pytest.mark.parametrize("block_size", [1, 4, 16])
@pytest.mark.parametrize("inbred", [True, False])
def test_loss_and_gradients_are_those_of_the_definition(block_size, inbred):
    vae = random_vae(["1"] * 37 + ["2"] + ["3"] * 20, block_size, inbred=inbred)
    for value in vae.parameters():
        value.data.mul_(0.3)
    exact = deepcopy(vae).double()
    rng, n = np.random.default_rng(5), 40
    haplotypes = torch.from_numpy(rng.integers(0, 2, (n, 2, 58)).astype(np.int8))
    haplotypes[:10, 1] = haplotypes[:10, 0]
    inputs = (
        haplotypes.sum(dim=1, dtype=torch.int8),
        torch.from_numpy(rng.random((n, 58)) < 0.9),
        haplotypes,
        torch.from_numpy(one_hot(np.arange(n) % 2)),
        torch.randn(n, 3),
    )
    found = vae(*inputs)
    expected = plain_loss(exact, *inputs[:3], *(values.double() for values in inputs[3:]))
    for part, value in zip(found, expected, strict=True):
        assert torch.allclose(part.double(), value, rtol=1e-5, atol=1e-4)
    for parts in (found, expected):
        (parts[0].mean() + parts[1].mean()).backward()
    for own, plain in zip(vae.parameters(), exact.parameters(), strict=True):
        error = (own.grad - plain.grad).abs().max()
        assert error <= 1e-5 + 1e-4 * plain.grad.abs().max()


@pytest.mark.parametrize("inbred", [True, False])
def test_compiled_and_parallel_likelihood_have_the_same_values_and_gradients(inbred):
    vae = random_vae(["1"] * 37 + ["2"] + ["3"] * 20, 4, inbred=inbred)
    n, n_slots = 150, vae.blocks.numel()
    generator = torch.Generator().manual_seed(1)
    dosages = torch.randint(0, 3, (n_slots, n), generator=generator, dtype=torch.int8)
    called = torch.rand(n_slots, n, generator=generator) < 0.9
    called[[j for j in range(n_slots) if j not in vae.slots]] = False
    logits, latents = torch.randn(n_slots, 2, n), torch.randn(n, 3)
    weight = torch.rand(n, generator=generator)
    found = []
    for likelihood in (vae.compiled_likelihood, vae.parallel_likelihood):
        vae.zero_grad()
        inputs = logits.clone().requires_grad_(), latents.clone().requires_grad_()
        values = likelihood(inputs[0], dosages, called, inputs[1])
        (weight * values).sum().backward()
        chain = [] if vae.inbreeding is None else list(vae.inbreeding.parameters())
        gradients = [x.grad for x in (*inputs, *chain) if x.grad is not None]
        found.append([values.detach(), *gradients])
    assert len(found[0]) == len(found[1]) == (7 if inbred else 2)
    for compiled, parallel in zip(*found, strict=True):
        assert torch.allclose(compiled, parallel, rtol=1e-4, atol=1e-5 * parallel.abs().max())


def without_encoder(vae: VAE) -> VAE:
    """All latents are 0 (without noise)."""
    vae.encoder_out.weight.data.zero_()
    vae.encoder_out.bias.data.zero_()
    return vae


@pytest.mark.parametrize(
    ("chromosomes", "block_size"), [(["1"], 4), (["1", "1"], 4), (["1", "1"], 1), (["1", "2"], 4)]
)
def test_the_likelihood_of_genotypes_is_the_sum_over_all_pairs_of_haplotypes(
    chromosomes, block_size
):
    m = len(chromosomes)
    vae = without_encoder(random_vae(chromosomes, block_size))
    pairs = torch.tensor(list(product(range(2), repeat=2 * m))).view(-1, 2, m)
    conditions = torch.tensor([[0.3, 0.7]])
    repeated = conditions.expand(len(pairs), -1)
    chance = log_likelihood(vae, torch.zeros(len(pairs), 3), pairs, repeated).sum(dim=1).exp()
    total = 0.0
    for genotypes in product(range(3), repeat=m):
        dosages = torch.tensor([genotypes])
        matching = (pairs.sum(dim=1) == dosages).all(dim=1)
        phased = pairs[matching][:1]
        called = torch.ones(1, m, dtype=torch.bool)
        loss = vae(dosages, called, phased, conditions, torch.zeros(1, 3)).reconstruction
        found = float((-loss).exp().detach())
        assert found == pytest.approx(float(chance[matching].sum()), rel=1e-4)
        total += found
    assert total == pytest.approx(1, abs=1e-5)


def test_missing_genotypes_do_not_count_and_the_others_add_up():
    vae = random_vae(["1"] * 5 + ["2"])
    rng = np.random.default_rng(2)
    haplotypes = torch.from_numpy(rng.integers(0, 2, (4, 2, 6)))
    dosages, noise = haplotypes.sum(dim=1), torch.randn(4, 3)
    conditions = torch.from_numpy(one_hot(np.array([0, 1, 0, 1])))

    def loss(called: torch.Tensor) -> torch.Tensor:
        return vae(dosages, called, haplotypes, conditions, noise).reconstruction.detach()

    single = torch.stack([loss(row.expand(4, -1)) for row in torch.eye(6, dtype=torch.bool)], dim=1)
    called = torch.from_numpy(rng.random((4, 6)) < 0.6)
    assert torch.allclose(loss(called), (single * called).sum(dim=1), rtol=1e-5)
    assert (single >= 0).all() and single.any() and not loss(torch.zeros_like(called)).any()


def test_the_kl_estimate_is_the_log_ratio_of_posterior_and_mixture():
    vae = random_vae(["1"] * 4)
    mean, log_variance, noise = torch.randn(3, 50, 3)
    spread = (log_variance / 2).exp()
    latents = mean + noise * spread
    parts = Independent(Normal(vae.prior_mean, (vae.prior_log_variance / 2).exp()), 1)
    prior = MixtureSameFamily(Categorical(logits=vae.prior_logit), parts)
    expected = Independent(Normal(mean, spread), 1).log_prob(latents) - prior.log_prob(latents)
    found = vae.kl_estimate(latents, noise, log_variance)
    assert torch.allclose(found, expected, atol=1e-4)


def test_the_mean_kl_estimate_for_one_gaussian_is_the_closed_form():
    vae = random_vae(["1"] * 4)
    vae.prior_mean.data[:] = torch.tensor([0.5, -1.0, 0.0])
    vae.prior_log_variance.data[:] = torch.tensor([0.3, -0.2, 0.0])
    n = 200_000
    mean, log_variance = torch.tensor([[0.2, 0.1, -0.3]]), torch.tensor([[-1.0, -2.0, 0.1]])
    noise = torch.randn(n, 3, generator=torch.Generator().manual_seed(1))
    latents = mean + noise * (log_variance / 2).exp()
    found = vae.kl_estimate(latents, noise, log_variance).mean().detach()
    posterior = Normal(mean[0], (log_variance[0] / 2).exp())
    prior = Normal(vae.prior_mean[0].detach(), (vae.prior_log_variance[0].detach() / 2).exp())
    assert len(vae.prior_mean) == vae.architecture["prior_components"]
    assert float(found) == pytest.approx(float(kl_divergence(posterior, prior).sum()), abs=0.02)


def decode_untrained(
    dosages: np.ndarray, chromosomes: np.ndarray, n: int
) -> tuple[Parents, np.ndarray]:
    """Initial values of the decoder, and haplotypes (n, 2, m) decoded with them."""
    start = choose_parents(dosages, make_blocks(chromosomes, 8), chromosomes)
    vae = VAE(chromosomes.tolist(), 2, 8, latents=4, hidden=16, start=start)
    conditions = torch.from_numpy(one_hot(np.arange(n) % 2))
    choose = sample_independently(outbred(len(chromosomes), n), torch.Generator().manual_seed(5))
    return start, decode(vae, torch.randn(n, 4), conditions, choose).numpy()


def test_the_untrained_decoder_reproduces_training_frequencies_and_the_ld_of_a_tree():
    rng = np.random.default_rng(3)
    chromosomes = np.repeat(["1", "2"], [24, 16])
    copied = rng.random((12_000, 40)) < 0.8  # of the previous variant
    copied[:, [0, 24]] = False
    haplotypes = (rng.random((12_000, 40)) < frequencies(40)).astype(np.int8)
    for j in range(1, 40):
        haplotypes[:, j] = np.where(copied[:, j], haplotypes[:, j - 1], haplotypes[:, j])
    dosages = haplotypes[:6_000] + haplotypes[6_000:]
    start, decoded = decode_untrained(dosages, chromosomes, 15_000)
    assert decoded.mean(axis=(0, 1)) == pytest.approx(dosages.mean(axis=0) / 2, abs=0.02)
    first = start.parents[:, 0]
    assert (first != PADDING).sum() == 38
    for j in np.flatnonzero(first != PADDING):
        pair = [first[j], j]
        found, expected = (
            np.corrcoef(side.reshape(-1, 40)[:, pair].T)[0, 1] for side in (decoded, haplotypes)
        )
        assert found == pytest.approx(expected, abs=0.03)


def test_swapped_latents_change_the_reconstruction_only():
    vae = random_vae(["1"] * 6)
    haplotypes = torch.from_numpy(np.random.default_rng(3).integers(0, 2, (3, 2, 6)))
    dosages, called = haplotypes.sum(dim=1), torch.ones(3, 6, dtype=torch.bool)
    conditions, noise = torch.from_numpy(one_hot(np.array([0, 1, 1]))), torch.randn(3, 3)
    own = vae(dosages, called, haplotypes, conditions, noise)
    swapped = vae(dosages, called, haplotypes, conditions, noise, swap=True)
    assert torch.equal(own.kl, swapped.kl)
    assert (own.reconstruction != swapped.reconstruction).all()
