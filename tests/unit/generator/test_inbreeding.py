"""Homozygosity by descent: the likelihood against enumeration, drawn segments, and recovery of what was simulated."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from example_generator import allele_logits, fit, one_hot, outbred, random_vae, small_panel
from torch import Tensor

from snpgen.generator.calibration import match_frequencies
from snpgen.generator.decoding import decode, sample_independently, sample_systematically
from snpgen.generator.dp import PerSampleGradients
from snpgen.generator.fitting import measure_elbo, posterior, validation_arrays
from snpgen.generator.inbreeding import ERROR, MAX_RATE, Inbreeding, genotype_excess
from snpgen.generator.phasing import filter_weights, sample_phase
from snpgen.generator.sampler import reconstruct
from snpgen.generator.training import make_fabric
from snpgen.generator.vae import VAE, genotype_log_likelihood

CHROMOSOMES = np.array(["1"] * 4 + ["2"] + ["3"] * 2)
POSITIONS = [1, 2_000_001, 2_000_001, 9_000_001, 50, 7_000_000, 30_000_000]


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def make_chain(share: float, rate: float, chromosomes=CHROMOSOMES, positions=POSITIONS, inbred=1.0):
    """A chain with the same probability of being inbred for all individuals."""
    chain = Inbreeding(chromosomes, positions, 1)
    set_chain(chain, share, rate, inbred)
    return chain


def set_chain(chain: Inbreeding, share: float, rate: float, inbred: float = 1.0) -> None:
    """Set the parameters; 1 - 1e-6 of all individuals are inbred, if `inbred` is 1."""
    scale = chain.log_odds(torch.zeros(1, len(chain.effect))).detach() / chain.bias.detach()
    for parameter, value in (
        (chain.bias, min(inbred, 1 - 1e-6)),
        (chain.level, share),
        (chain.leaving, rate / MAX_RATE),
    ):
        parameter.data.fill_(float(torch.logit(torch.tensor(value)) / scale))
    chain.effect.data.zero_()


def transition(chain: Inbreeding, share: float, rate: float, states: tuple[int, ...]) -> float:
    """Probability of the states of all variants, from the definition of the chain."""
    total = 1.0
    for j, state in enumerate(states):
        drawn = share if state else 1 - share
        if j == 0 or CHROMOSOMES[j] != CHROMOSOMES[j - 1]:
            total *= drawn
        else:
            stay = np.exp(-rate * (POSITIONS[j] - POSITIONS[j - 1]) / 1e8)
            total *= stay * (state == states[j - 1]) + (1 - stay) * drawn
    return total


def test_the_likelihood_of_genotypes_is_the_sum_over_all_states_of_the_chain():
    vae = random_vae(CHROMOSOMES.tolist(), inbred=True)
    vae = VAE(**vae.architecture | {"positions": POSITIONS})
    vae.load_state_dict(random_vae(CHROMOSOMES.tolist(), inbred=True).state_dict())
    for value in vae.parameters():
        value.data.mul_(0.5)  # the filter and the loss limit log odds to 40
    set_chain(vae.inbreeding, 0.3, 8.0, 0.6)
    n, rng = 6, np.random.default_rng(1)
    haplotypes = torch.from_numpy(rng.integers(0, 2, (n, 2, 7)))
    haplotypes[:3, 1] = haplotypes[:3, 0]  # homozygous individuals
    dosages, noise = haplotypes.sum(dim=1), torch.randn(n, 3)
    called = torch.from_numpy(rng.random((n, 7)) < 0.8)
    conditions = torch.from_numpy(one_hot(np.arange(n) % 2))
    loss = vae(dosages, called, haplotypes, conditions, noise).reconstruction.detach()

    mean, log_variance = vae.encode(dosages)
    latents = (mean + noise * (log_variance / 2).exp()).detach()
    logits = allele_logits(vae, latents, haplotypes, conditions).double()
    for i, genotypes in enumerate(dosages.numpy()):
        (p, s), (q, r) = (values[i].sigmoid().numpy() for values in (logits, -logits))
        hardy = np.stack([q * r, p * r + q * s, p * s])
        same = np.stack([(1 - ERROR) * q, np.full(7, ERROR), (1 - ERROR) * p])
        emission = np.stack([hardy, same])[:, genotypes, np.arange(7)]
        emission[:, ~called[i].numpy()] = 1
        total = sum(
            transition(vae.inbreeding, 0.3, 8.0, states) * emission[states, np.arange(7)].prod()
            for states in product(range(2), repeat=7)
        )
        total = 0.6 * total + 0.4 * emission[0].prod()
        assert float(loss[i]) == pytest.approx(-np.log(total), rel=1e-4, abs=1e-4)


def test_drawn_segments_have_the_share_and_the_leaving_rate_of_the_chain():
    n, m = 60_000, 6
    chain = make_chain(0.2, 12.0, np.array(["1"] * 4 + ["2"] * 2), np.arange(m) * 3_000_000)
    copied = chain.sample(torch.zeros(n, 1), seeded(1)).double()
    error = 5 * (0.25 / n) ** 0.5
    assert (copied.mean(dim=1) - 0.2).abs().max() < error
    for j in range(1, m):
        left = float((1 - copied[j])[copied[j - 1] == 1].mean())
        stay = np.exp(-12.0 * 0.03) if j != 4 else 0.0
        assert left == pytest.approx((1 - stay) * 0.8, abs=error / 0.2**0.5)


def test_segments_are_drawn_for_inbred_individuals_only():
    n, m = 20_000, 50
    chain = make_chain(0.5, 30.0, np.repeat("1", m), np.arange(m) * 10_000_000, inbred=0.5)
    chain.effect.data.fill_(1.0)
    latents = torch.tensor([-0.5, 0.0, 0.5]).repeat_interleave(n).unsqueeze(1)
    expected = chain.log_odds(latents[::n]).sigmoid().detach()
    assert expected[0] < 0.1 and expected[1] == pytest.approx(0.5, abs=1e-4) and expected[2] > 0.9
    copied = chain.sample(latents, seeded(1)).double().mean(dim=0).view(3, n)
    # Chance that an inbred individual has no segment: about 0.5 ** 50.
    assert torch.allclose((copied > 0).double().mean(dim=1), expected.double(), atol=0.02)
    assert torch.allclose(copied.mean(dim=1), (expected / 2).double(), atol=0.02)
    assert torch.allclose(chain.coefficient(latents[::n]), expected / 2, atol=1e-6)


@pytest.mark.parametrize("position", [0, 5])
def test_placeholder_positions_give_finite_gradients(position):
    chain = make_chain(0.3, 5.0, positions=[position] * 7)
    excess = torch.rand(7, 4) * 3 - 0.9
    excess.requires_grad_()
    chain.log_likelihood_gain(excess, chain.stay(), torch.randn(4, 1)).sum().backward()
    assert all(torch.isfinite(value.grad).all() for value in (*chain.parameters(), excess))


def test_copied_alleles_are_those_of_the_first_haplotype_and_are_written_back():
    """The second haplotype continues from copied alleles: its log odds are those of the first."""
    vae = random_vae(["1"] * 8, block_size=2)
    n = 500
    copied = outbred(8, n)
    copied[2:6, ::2] = True
    latents, conditions = torch.randn(n, 3), torch.from_numpy(one_hot(np.arange(n) % 2))
    for choose in (
        sample_independently(copied, seeded(1)),
        sample_systematically(torch.arange(n) % 2, torch.randn(2, 8), copied, seeded(1)),
    ):
        haplotypes = decode(vae, latents, conditions, choose)
        same = (haplotypes[:, 0] == haplotypes[:, 1]).T
        assert same[copied].all() and not same[~copied].all()
        logits = allele_logits(vae, latents, haplotypes.long(), conditions)
        # The previous block and all parents of this variant were copied.
        assert torch.equal(logits[::2, 0, 6], logits[::2, 1, 6])


def test_systematic_counts_with_copies_are_within_one_of_their_expectation():
    n, k = 900, 40
    strata = torch.from_numpy(np.random.default_rng(1).integers(0, 3, n))
    odds = torch.randn(k, n, 2, generator=seeded(1)) + strata.view(1, -1, 1)
    copied = torch.rand(k, n, generator=seeded(2)) < 0.3
    choose = sample_systematically(strata, torch.randn(3, k), copied, seeded(3))
    alleles = choose(odds, torch.arange(k)).double()
    chance = odds.sigmoid().double()
    chance[..., 1] = torch.where(copied, chance[..., 0], chance[..., 1])
    surplus = alleles - chance
    for stratum, haplotype, state in product(range(3), range(2), (True, False)):
        part = surplus[..., haplotype] * (strata == stratum) * (copied == state)
        assert part.sum(dim=1).abs().max() < 1 + 1e-6


def test_matched_frequencies_are_as_exact_with_copies():
    n, m = 4_000, 12
    vae = random_vae(["1"] * 8 + ["2"] * 4, inbred=True)
    set_chain(vae.inbreeding, 0.6, 5.0)
    conditions = torch.from_numpy(one_hot(np.arange(n) % 2))
    target = np.random.default_rng(2).uniform(0.2, 0.8, (2, m))
    latents, generator = torch.randn(n, 3, generator=seeded(1)), seeded(2)
    strata = torch.arange(n) % 2
    shift, haplotypes = match_frequencies(vae, latents, conditions, strata, target, generator)
    found = np.stack([haplotypes[k::2].numpy().mean(axis=(0, 1)) for k in (0, 1)])
    expected = target - shift.numpy() / n  # the ridge penalty of one haplotype
    assert found == pytest.approx(expected, abs=3 / n)  # three alleles in a class
    heterozygous = (haplotypes.sum(dim=1) == 1).double().mean(dim=0).numpy()
    expected = 2 * target * (1 - target)
    assert (heterozygous < 0.65 * expected.mean(axis=0)).all()


def phase_posterior(vae: VAE, latents: Tensor, dosages: Tensor) -> tuple[Tensor, Tensor]:
    """All pairs of haplotypes with these dosages, and their probabilities by enumeration of states.

    The phase of a heterozygous genotype in a segment (a genotyping error) has the odds outside segments.
    """
    m = vae.n_variants
    pairs = torch.tensor(list(product(range(2), repeat=2 * m))).view(-1, 2, m)
    pairs = pairs[(pairs.sum(dim=1) == dosages).all(dim=1)]
    k = len(pairs)
    p = allele_logits(vae, latents.expand(k, -1), pairs, torch.tensor([[0.0, 1.0]]).expand(k, -1))
    logits = p.permute(1, 0, 2)
    genotypes = dosages.expand(k, -1)
    own = genotype_log_likelihood(logits.unbind(), genotypes)
    excess = genotype_excess(logits[1], own, genotypes)
    alleles = torch.distributions.Bernoulli(logits=p).log_prob(pairs.float()).sum(dim=(1, 2))
    chain = vae.inbreeding
    gain = chain.log_likelihood_gain(excess.T, chain.stay(), latents.expand(k, -1)).detach()
    return pairs, (alleles + gain).softmax(dim=0)


def test_many_particles_sample_the_posterior_of_the_phase_with_segments():
    vae = random_vae(["1"] * 5, block_size=1, inbred=True)
    vae.parent_effect.data[2:, :3] = 1.5
    set_chain(vae.inbreeding, 0.5, 5.0, 0.7)
    n, count = 20_000, 32
    latents, dosages = torch.randn(1, 3, generator=seeded(1)), torch.tensor([1, 0, 1, 2, 1])
    pairs, expected = phase_posterior(vae, latents, dosages)
    conditions = torch.tensor([[0.0, 1.0]]).repeat(n, 1)
    inputs = dosages.to(torch.int8).repeat(n, 1), latents.repeat(n, 1), conditions
    seeds = torch.randint(2**62, (n,), generator=seeded(2))
    phased = sample_phase(vae, filter_weights(vae), *inputs, count, seeds).long()
    counts = torch.stack([(phased == pair).all(dim=2).all(dim=1).sum() for pair in pairs])
    assert counts.sum() == n
    found = counts.double() / n
    assert (found - expected).abs().max() < 5 * (0.25 / n) ** 0.5


def test_per_sample_gradients_equal_those_computed_one_by_one():
    vae = random_vae(["1"] * 5 + ["2"] * 4, inbred=True)
    rng = np.random.default_rng(4)
    haplotypes = torch.from_numpy(rng.integers(0, 2, (7, 2, 9)))
    inputs = (
        haplotypes.sum(dim=1),
        torch.from_numpy(rng.random((7, 9)) < 0.9),
        haplotypes,
        torch.from_numpy(one_hot(np.arange(7) % 2)),
        torch.randn(7, 3),
    )
    single = PerSampleGradients(vae)
    total = single(*inputs).reconstruction.sum()
    found = torch.autograd.grad(total, list(single.weights.values()), allow_unused=True)
    for name, gradient in zip(single.weights, found, strict=True):
        if not name.startswith("inbreeding"):
            continue
        for i in range(7):
            vae.zero_grad()
            vae(*(values[i : i + 1] for values in inputs)).reconstruction.sum().backward()
            expected = dict(vae.named_parameters())[name].grad
            assert torch.allclose(gradient[i], expected, rtol=1e-3, atol=1e-5)
        assert (gradient != 0).any()


def inbred_genotypes(p: np.ndarray, share: np.ndarray, rate: float, length: int) -> np.ndarray:
    """Genotypes of n individuals in linkage equilibrium, with shares (n,); 1 cM between variants.

    Allele frequencies `p` (n, m); chromosomes have `length` variants.
    """
    rng = np.random.default_rng(5)
    n, m = p.shape
    first, second = ((rng.random((n, m)) < p).astype(np.int8) for _ in range(2))
    copied = np.zeros((n, m), bool)
    for j in range(m):
        fresh = rng.random(n) < share
        stay = (rng.random(n) < np.exp(-rate * 0.01)) & (j % length > 0)
        copied[:, j] = np.where(stay, copied[:, j - 1], fresh)
    genotypes: np.ndarray = first + np.where(copied, first, second)
    return genotypes


def fit_chain(chain: Inbreeding, excess: Tensor, latents: Tensor) -> None:
    """Maximise the likelihood in as many steps as for a cohort of 2,000 individuals."""
    optimizer = torch.optim.Adam(chain.parameters(), lr=0.01)
    for step in range(400):
        optimizer.param_groups[0]["lr"] = 0.01 * (1 + np.cos(np.pi * step / 400)) / 2
        rows = torch.randint(0, len(latents), (256,), generator=seeded(step))
        optimizer.zero_grad()
        (-chain.log_likelihood_gain(excess[:, rows], chain.stay(), latents[rows]).mean()).backward()
        optimizer.step()


@pytest.mark.parametrize(("shares", "rate"), [((0.0, 0.125), 6.0), ((0.0, 0.9), 20.0)])
def test_coefficients_and_rate_are_recovered_where_a_latent_marks_inbreeding(shares, rate):
    n, m = 4_000, 200
    chromosomes = np.repeat([str(k) for k in range(4)], 50)
    chain = Inbreeding(chromosomes, (1_000_000 * np.arange(m)).tolist(), 2)
    rng = np.random.default_rng(6)
    p = np.tile(rng.uniform(0.1, 0.9, m), (n, 1))
    group = np.arange(n) % 2
    dosages = torch.from_numpy(inbred_genotypes(p, np.array(shares)[group], rate, 50))
    latents = torch.randn(n, 2, generator=seeded(1))
    latents[:, 0] = torch.from_numpy(group * 2.0 - 1)
    logits = torch.logit(torch.from_numpy(p)).float()
    own = genotype_log_likelihood((logits, logits), dosages)
    excess = genotype_excess(logits, own, dosages).T
    fit_chain(chain, excess, latents)
    found = [float(chain.coefficient(latents[group == k]).mean().detach()) for k in (0, 1)]
    assert found[0] < 0.01
    assert found[1] == pytest.approx(shares[1], rel=0.12)
    assert float(chain.rate().detach()) == pytest.approx(rate, rel=0.3)


def test_inbred_individuals_are_found_where_no_latent_marks_them():
    """A third have a coefficient of 1/8: with one share for everyone, they would all have about 1/24."""
    n, m, rate = 4_000, 400, 6.0
    chromosomes = np.repeat([str(k) for k in range(8)], 50)
    chain = Inbreeding(chromosomes, (1_000_000 * np.arange(m)).tolist(), 2)
    p = np.tile(np.random.default_rng(6).uniform(0.1, 0.9, m), (n, 1))
    shares = np.where(np.arange(n) % 3 == 0, 0.125, 0.0)
    dosages = torch.from_numpy(inbred_genotypes(p, shares, rate, 50))
    logits = torch.logit(torch.from_numpy(p)).float()
    own = genotype_log_likelihood((logits, logits), dosages)
    excess = genotype_excess(logits, own, dosages).T
    fit_chain(chain, excess, torch.randn(n, 2, generator=seeded(1)))
    assert float(chain.share().detach()) == pytest.approx(0.125, rel=0.2)
    zero = torch.zeros(1, 2)
    assert float(chain.log_odds(zero).sigmoid().detach()) == pytest.approx(1 / 3, rel=0.25)


def fitted_shares(dosages: np.ndarray, folder: Path, group: np.ndarray, **how: int):
    """Mean share of the training individuals by group, and the panel with both models."""
    panel = small_panel(dosages, np.arange(len(dosages)) // 6 % 2)
    chromosomes = np.repeat(["1", "2", "3", "4"], dosages.shape[1] // 4).tolist()
    vae, _, encoding = fit(panel, chromosomes, folder, spacing=1_000_000, **how)
    train = torch.from_numpy(panel.of("train")[0])
    mean, _ = posterior(vae, train)
    share = vae.inbreeding.coefficient(mean).detach().numpy()
    own = group[panel.split == "train"]
    return [share[own == k].mean() for k in np.unique(own)], panel, vae, encoding


@pytest.mark.parametrize("inbred", [0.125, 0.9])
def test_training_finds_the_inbred_population(tmp_path, inbred):
    n, m = 1_800, 80
    group = np.arange(n) // 6 % 3 // 2  # a third of the individuals
    rng = np.random.default_rng(7)
    p = rng.uniform(0.1, 0.9, (2, m))[group]
    dosages = inbred_genotypes(p, np.where(group, inbred, 0.0), 8.0, 20)
    shares, panel, vae, encoding = fitted_shares(
        dosages, tmp_path, group, steps=300, batch_size=128
    )
    assert shares[0] < 0.02
    assert shares[1] == pytest.approx(inbred, rel=0.25)
    train, own = panel.of("train")[0], group[panel.split == "train"]
    synthetic = reconstruct(vae, train, encoding.encode_split(panel, "train"), 1)
    for k in (0, 1):
        found, expected = ((part[own == k] == 1).mean() for part in (synthetic, train))
        assert found == pytest.approx(expected, rel=0.08, abs=0.01)


def test_without_inbreeding_the_share_vanishes_without_cost(tmp_path, monkeypatch):
    n, m = 1_800, 80
    group = np.zeros(n, int)
    p = np.tile(np.random.default_rng(8).uniform(0.1, 0.9, m), (n, 1))
    dosages = inbred_genotypes(p, np.zeros(n), 8.0, 20)
    losses = []
    for name in ("with", "without"):
        (tmp_path / name).mkdir()
        if name == "without":
            monkeypatch.setattr(Inbreeding, "log_likelihood_gain", lambda *_: 0.0)
        shares, panel, vae, encoding = fitted_shares(
            dosages, tmp_path / name, group, steps=300, batch_size=128
        )
        if name == "with":
            assert shares[0] < 0.005
        arrays = validation_arrays(panel, encoding, 1, make_fabric())
        losses.append(sum(measure_elbo(vae, arrays, 1)).numpy())
    difference = losses[0] - losses[1]
    assert difference.mean() < 0.02 + 3 * difference.std() / len(difference) ** 0.5
