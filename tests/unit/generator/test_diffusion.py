"""Denoiser and solver for Gaussian latents, for which the optimum is known."""

import numpy as np
import pytest
import torch
from example_generator import make_denoiser, one_hot

from snpgen.generator.diffusion import Denoiser
from snpgen.generator.sampler import SIGMA_MAX, SIGMA_MIN, guide, noise_levels, solve


def example_conditions(n: int) -> torch.Tensor:
    """Two classes and a centred sex column."""
    sex = torch.where(torch.arange(n) % 3 == 0, 0.7, -0.3).unsqueeze(1)
    return torch.cat([torch.from_numpy(one_hot(np.arange(n) % 2)), sex], dim=1)


def test_an_untrained_network_denoises_white_latents_optimally():
    # Its output layer is zero, and the skip connection alone is the optimum for N(0, 1).
    model, x, sigma = make_denoiser(4, 3), torch.randn(50, 4), torch.rand(50) * 5 + 0.01
    found = model.denoise(x, sigma, model.mask_label(example_conditions(50), sigma < 1))
    assert torch.allclose(found, x / (1 + sigma.square()).unsqueeze(1), atol=1e-6)


def test_the_weighted_loss_of_the_optimum_is_the_posterior_variance():
    n = 20_000
    clean, noise = torch.randn(2, n, 4, generator=torch.Generator().manual_seed(1))
    sigma, model = torch.full((n,), 0.8), make_denoiser(4, 3)
    loss = model(clean, example_conditions(n), sigma, noise, torch.ones(n)).detach()
    # posterior variance sigma^2 / (1 + sigma^2), times the weight (1 + sigma^2) / sigma^2, is 1
    assert loss.shape == (n,) and float(loss.mean()) == pytest.approx(1, abs=0.02)


def simulated_posteriors(n: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Mean and variance (n, 4) of posteriors that depend on the conditions (n, 3)."""
    generator = torch.Generator().manual_seed(2)
    conditions = example_conditions(n)
    effects = torch.tensor([[5.0, 0, 1, -2], [3, 1, 1, 2], [0, 2, 0, 1]])
    mixing = torch.randn(4, 4, generator=generator)
    mean = conditions @ effects + torch.randn(n, 4, generator=generator) @ mixing
    return mean, torch.rand(n, 4, generator=generator), conditions


def test_standardised_latents_are_white_given_the_conditions_and_restore_inverts_it():
    model, n = make_denoiser(4, 3), 30_000
    mean, variance, conditions = simulated_posteriors(n)
    model.fit_standardisation(mean, variance, conditions)
    noise = torch.randn(n, 4, generator=torch.Generator().manual_seed(3))
    latents = mean + variance.sqrt() * noise
    white = model.standardise(latents, conditions)
    assert (torch.cov(white.T) - torch.eye(4)).abs().max() < 0.03
    for column in conditions.T:
        assert (white * column.unsqueeze(1)).mean(dim=0).abs().max() < 0.02
    assert torch.allclose(model.restore(white, conditions), latents, atol=1e-4)


def test_collinear_conditions_and_a_constant_latent_are_standardised():
    model, n = make_denoiser(4, 3), 60
    mean, variance, conditions = simulated_posteriors(n)
    conditions[:, 2] = conditions[:, 0] - 0.5  # sex equals the label
    mean[:, 1], variance[:, 1] = 0.0, 1e-4
    model.fit_standardisation(mean, variance, conditions)
    white = model.standardise(mean, conditions)
    assert torch.isfinite(white).all() and white[:, 1].abs().max() < 1e-3
    assert white.mean(dim=0).abs().max() < 1e-4


def test_masking_the_label_leaves_the_other_conditions():
    model, conditions = make_denoiser(4, 3, scale=0.3), example_conditions(6)
    masked = torch.tensor([True, False, True, False, False, True])
    read = model.mask_label(conditions, masked)
    assert torch.equal(read[:, :2], conditions[:, :2] * ~masked.unsqueeze(1))
    assert torch.equal(read[:, 2], conditions[:, 2]) and torch.equal(read[:, 3], masked.float())
    x, sigma = torch.randn(1, 4).repeat(6, 1), torch.ones(6)
    found = model.denoise(x, sigma, model.mask_label(conditions, torch.ones(6, dtype=bool)))
    assert torch.allclose(found[0], found[3], atol=1e-6)  # of other labels and the same sex
    assert not torch.allclose(found[0], found[1], atol=1e-4)  # of the other sex


def test_labels_are_masked_below_the_threshold_only():
    model = make_denoiser(4, 3, scale=0.3)
    clean, noise, sigma = torch.randn(6, 4), torch.randn(6, 4), torch.ones(6)

    def loss(label: int, uniform: float) -> float:
        conditions = torch.zeros(6, 3)
        conditions[:, label] = 1
        losses = model(clean, conditions, sigma, noise, torch.full((6,), uniform))
        return float(losses.sum().detach())

    assert loss(0, 0.5) != loss(1, 0.5)
    assert loss(0, 0.05) == loss(1, 0.05)


def test_guidance_is_linear_between_no_label_and_label():
    model, conditions = make_denoiser(4, 3, scale=0.3), example_conditions(5)
    x, sigma = torch.randn(5, 4), torch.ones(5)
    none = torch.zeros(5, dtype=torch.bool)
    with torch.no_grad():
        conditional = model.denoise(x, sigma, model.mask_label(conditions, none))
        unconditional = model.denoise(x, sigma, model.mask_label(conditions, ~none))
        assert torch.equal(guide(model, x, sigma, conditions, 1.0), conditional)
        assert torch.allclose(
            guide(model, x, sigma, conditions, 2.5),
            unconditional + 2.5 * (conditional - unconditional),
        )


class Gaussian(Denoiser):
    """The exact denoiser of latents that are N(centre, covariance)."""

    def __init__(self, centre: torch.Tensor, covariance: torch.Tensor) -> None:
        super().__init__(len(centre), 1, 1, 4, 1, 0.0)
        self.centre, self.covariance = centre, covariance

    def denoise(
        self, noisy: torch.Tensor, sigma: torch.Tensor, conditions: torch.Tensor
    ) -> torch.Tensor:
        total = self.covariance + sigma[0].square() * torch.eye(len(self.centre))
        gain = self.covariance @ torch.linalg.inv(total)
        return self.centre + (noisy - self.centre) @ gain.T


def test_the_solver_samples_from_a_known_gaussian():
    centre = torch.tensor([0.1, -0.2])
    covariance = torch.tensor([[1.0, 0.6], [0.6, 0.8]])
    n = 40_000
    noise = torch.randn(n, 2, generator=torch.Generator().manual_seed(1))
    latents = solve(Gaussian(centre, covariance), noise, torch.ones(n, 1), 15, 1.0)
    assert (latents.mean(dim=0) - centre).abs().max() < 0.02
    assert (torch.cov(latents.T) - covariance).abs().max() < 0.03


def test_the_solver_is_of_second_order():
    model = Gaussian(torch.zeros(1), torch.tensor([[0.5]]))
    noise, conditions = torch.ones(1, 1), torch.ones(1, 1)
    # of the flow, at the last noise level, and one denoising step from there to 0
    exact = float(SIGMA_MAX * np.sqrt((0.5 + SIGMA_MIN**2) / (0.5 + SIGMA_MAX**2)))
    exact *= 0.5 / (0.5 + SIGMA_MIN**2)
    errors = [abs(float(solve(model, noise, conditions, s, 1.0)) - exact) for s in (20, 40, 80)]
    assert errors[0] / errors[1] > 3 and errors[1] / errors[2] > 3


def test_noise_levels_fall_to_zero():
    levels = noise_levels(10)
    assert len(levels) == 11 and levels[-1] == 0
    assert levels[[0, -2]] == pytest.approx([SIGMA_MAX, SIGMA_MIN])
    assert np.diff(np.log(levels[:-1])) == pytest.approx(np.log(levels[1] / levels[0]))
