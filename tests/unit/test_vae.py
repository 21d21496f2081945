from itertools import product

import numpy as np
import torch

from snpgen.generator.vae import VAE, log_genotype_frequency
from snpgen.plink import MISSING


def random_vae(chromosomes: list[str], block_size: int = 4, hidden: int = 12) -> VAE:
    torch.manual_seed(0)
    vae = VAE(chromosomes, 2, block_size, channels=2, hidden=hidden)
    for value in vae.parameters():
        value.data.normal_(0, 0.7)
    return vae


def test_a_genotype_sees_only_earlier_ones_of_its_block_and_the_block_before() -> None:
    vae = random_vae(["1"] * 12 + ["2"] * 4)
    rng = np.random.default_rng(1)
    dosages = torch.from_numpy(rng.integers(0, 3, (1, 16)))
    latents, labels = torch.randn(1, *vae.latent_shape), torch.tensor([1])
    start = vae.decode(latents, vae.tokens(dosages), labels).flatten(1, 2)
    for changed in range(16):
        other = dosages.clone()
        other[0, changed] = (other[0, changed] + 1) % 3
        moved = vae.decode(latents, vae.tokens(other), labels).flatten(1, 2) != start
        seen_by = set(torch.nonzero(moved.any(dim=2)[0]).flatten().tolist())
        block = changed // 4
        own = set(range(changed + 1, 4 * block + 4))
        following = set(range(4 * block + 4, 4 * block + 8)) if block in (0, 1) else set()
        assert seen_by == own | following


def test_draws_follow_the_probabilities_of_the_decoder() -> None:
    vae = random_vae(["1", "1", "1"], block_size=2)
    n = 40_000
    latents = torch.randn(1, *vae.latent_shape).repeat(n, 1, 1)
    labels = torch.zeros(n, dtype=torch.int64)
    drawn = vae.draw(latents, labels, 1.0, torch.Generator().manual_seed(3)).long()
    every = torch.tensor(list(product(range(3), repeat=3)))
    logits = vae.decode(latents[: len(every)], vae.tokens(every), labels[: len(every)]).detach()
    logits = logits[:, vae.blocks >= 0]
    expected = logits.log_softmax(-1).gather(2, every.unsqueeze(2)).sum(dim=(1, 2)).exp()
    codes = drawn @ torch.tensor([9, 3, 1])
    found = torch.bincount(codes, minlength=27) / n
    assert abs(float(expected.sum()) - 1) < 1e-5
    assert (found - expected).abs().max() < 5 * (0.25 / n) ** 0.5


def test_the_loss_is_minus_the_log_likelihood_plus_kl_and_skips_uncalled_genotypes() -> None:
    vae = random_vae(["1"] * 6)
    rng = np.random.default_rng(2)
    dosages = torch.from_numpy(rng.integers(0, 3, (5, 6)))
    called = torch.from_numpy(rng.random((5, 6)) < 0.7)
    labels, noise = torch.tensor([0, 1, 0, 1, 1]), torch.randn(5, *vae.latent_shape)
    loss = vae(dosages, called, labels, noise)
    mean, log_variance = vae.encode(vae.tokens(dosages))
    latents = mean + noise * (log_variance / 2).exp()
    logits = vae.decode(latents, vae.tokens(dosages), labels)[:, vae.blocks >= 0]
    likelihood = torch.distributions.Categorical(logits=logits).log_prob(dosages)
    normal = torch.distributions.Normal
    kl = torch.distributions.kl_divergence(normal(mean, (log_variance / 2).exp()), normal(0, 1))
    assert torch.allclose(loss.reconstruction, -(likelihood * called).sum() / 5, rtol=1e-5)
    assert torch.allclose(loss.kl, kl.sum() / 5, rtol=1e-5)


def test_before_training_the_decoder_gives_the_genotype_frequencies() -> None:
    rng = np.random.default_rng(4)
    labels = rng.integers(0, 2, 2000)
    chance = rng.uniform(0.05, 0.6, (2, 20))[labels]
    dosages = rng.binomial(2, chance).astype(np.int8)
    frequency = log_genotype_frequency(dosages, labels, 2)
    vae = VAE(["1"] * 20, 2, 16, 4, 64, frequency)
    n = 20_000
    for label in (0, 1):
        wanted = torch.full((n,), label)
        drawn = vae.draw(
            torch.randn(n, *vae.latent_shape), wanted, 1.0, torch.Generator().manual_seed(5)
        )
        for genotype in range(3):
            share = (drawn == genotype).float().mean(dim=0).numpy()
            real = (dosages[labels == label] == genotype).mean(axis=0)
            assert np.abs(share - real).max() < 5 * (0.25 / n) ** 0.5 + 1 / 900


def test_genotype_frequencies_skip_missing_calls_and_never_reach_zero() -> None:
    dosages = np.array([[0, 2], [0, MISSING], [1, 2], [1, 2]], np.int8)
    frequency = np.exp(log_genotype_frequency(dosages, np.array([0, 0, 1, 1]), 2))
    assert np.allclose(frequency.sum(axis=2), 1) and (frequency > 0).all()
    assert frequency[0, 0, 0] > 0.7 and frequency[1, 0, 1] > 0.7
    assert frequency[0, 1, 2] > frequency[0, 1, 1] == frequency[0, 1, 0]


def test_the_class_shift_sets_classes_apart_and_leaves_their_centre() -> None:
    vae = random_vae(["1"] * 5)
    vae.class_share.copy_(torch.tensor([0.8, 0.2]))
    bias, centre = vae.bias(1.0), vae.bias(0.0)
    assert torch.allclose(bias, vae.class_bias)
    assert torch.allclose(centre[0], centre[1])
    shifted = vae.bias(3.0)
    assert torch.allclose(shifted[1] - shifted[0], 3 * (bias[1] - bias[0]), atol=1e-5)
    assert torch.allclose(0.8 * shifted[0] + 0.2 * shifted[1], centre[0], atol=1e-5)
