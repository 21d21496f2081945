"""The published generator: size, sampler against a closed form, decoding, any panel length."""

from types import SimpleNamespace

import numpy as np
import published
import pytest
import torch
from published import (
    ALPHA_BAR,
    GUIDANCE,
    Hyperparameters,
    balance,
    decode,
    one_hot,
    sample_latents,
    sample_published,
)
from published_networks import Autoencoder, UNet


def test_networks_have_the_published_size() -> None:
    size = {
        net: sum(weights.numel() for weights in net.parameters())
        for net in (Autoencoder(), UNet(2))
    }
    assert [f"{n / 1e6:.1f}" for n in size.values()] == ["2.0", "16.2"]


def test_sixteen_variants_give_one_latent_and_padding_is_zero() -> None:
    dosages = torch.tensor([[0, 1, 2, 2]], dtype=torch.int8)
    onehot = one_hot(dosages, 64)
    assert (onehot[0, :, :4].argmax(dim=0) == dosages[0]).all()
    assert onehot.sum() == 4
    vae = Autoencoder()
    mean, log_variance = vae.encode(onehot)
    assert mean.shape == log_variance.shape == (1, 1, 4)
    assert vae.decode(mean).shape == (1, 3, 64)


def test_the_noise_schedule_is_that_of_latent_diffusion() -> None:
    assert len(ALPHA_BAR) == 1000
    assert float(1 - ALPHA_BAR[0]) == pytest.approx(0.00085)
    assert float(1 - ALPHA_BAR[-1] / ALPHA_BAR[-2]) == pytest.approx(0.012)


def test_the_sampler_gives_the_guided_normal_distribution() -> None:
    """Exact noise of N(mean, 0.5^2) given a class and of N(0, 0.5^2) without: guided, N(5 mean, 0.5^2)."""
    variance, mean = 0.25, torch.tensor([0.3, -0.1])
    grid = torch.arange(1000, dtype=torch.float64).numpy()
    levels = ((1 - ALPHA_BAR) / ALPHA_BAR).sqrt().numpy()

    def unet(x, time, classes, keep):
        share = 1 / (1 + np.interp(float(time[0]), grid, levels) ** 2)
        centre = (share**0.5 * mean[classes] * keep)[:, None, None]
        return (1 - share) ** 0.5 * (x - centre) / (share * variance + 1 - share)

    classes = torch.arange(4000) % 2
    latents = sample_latents(unet, classes, 4, 50, torch.Generator().manual_seed(1))
    start = (
        variance / (variance + levels[-1] ** 2)
    ) ** 0.5  # the sampler starts from noise of mean 0
    for label in (0, 1):
        of_class = latents[classes == label]
        expected = GUIDANCE * float(mean[label]) * (1 - start)
        assert float(of_class.mean()) == pytest.approx(expected, abs=0.015)
        assert float(of_class.std()) == pytest.approx(0.5, abs=0.04)


def test_decoding_gives_the_most_probable_genotype() -> None:
    logits = torch.tensor([[[1.0, 0, 0, 9], [2, 0, 3, 0], [0, 5, 2.9, 0]]])
    vae = SimpleNamespace(decode=lambda latents: latents)
    assert decode(vae, logits, 3).tolist() == [[1, 2, 1]]


def test_the_adversarial_loss_is_balanced_by_gradients() -> None:
    weights = torch.tensor([3.0, 4.0], requires_grad=True)
    fit, adversarial_loss = (weights**2).sum(), 2 * weights.sum()
    found = balance(fit, adversarial_loss, weights)
    assert float(found) == pytest.approx(10 / 8**0.5, rel=1e-3)


def test_any_panel_length_is_trained_and_sampled_reproducibly(monkeypatch) -> None:
    monkeypatch.setattr(published, "ADVERSARIAL_FROM", 2)
    rng = np.random.default_rng(1)
    dosages = rng.integers(0, 3, (12, 70)).astype(np.int8)
    labels, target = np.arange(12) % 3 + 2, np.array([4, 2, 3, 4])
    settings = Hyperparameters(2, 4, 1e-3, 1, 4, 1e-3, sampling_steps=2)
    first, again = (sample_published(dosages, labels, target, 1, settings) for _ in range(2))
    assert first.shape == (4, 70) and first.dtype == np.int8
    assert set(np.unique(first)) <= {0, 1, 2}
    assert np.array_equal(first, again)
