import numpy as np
import torch

from snpgen.generator.diffusion import Denoiser
from snpgen.generator.sampler import guide, noise_levels, solve


def denoiser() -> Denoiser:
    torch.manual_seed(0)
    return Denoiser(tokens=3, channels=2, classes=2, width=8, layers=2, groups=2, label_dropout=0.1)


def test_an_untrained_network_denoises_white_latents_optimally() -> None:
    # Its output layer is zero, and the skip connection alone is the optimum for N(0, 1).
    x, sigma = torch.randn(50, 3, 2), torch.rand(50) * 5 + 0.01
    found = denoiser().denoise(x, sigma, torch.zeros(50, dtype=torch.int64))
    assert torch.allclose(found, x / (1 + sigma.square()).view(-1, 1, 1), atol=1e-6)


def test_the_weighted_loss_of_the_optimum_is_the_posterior_variance() -> None:
    n = 20_000
    clean, noise, sigma = torch.randn(n, 3, 2), torch.randn(n, 3, 2), torch.full((n,), 0.8)
    labels = torch.zeros(n, dtype=torch.int64)
    loss = denoiser()(clean, labels, sigma, noise, torch.ones(n)).detach()
    # posterior variance sigma^2 / (1 + sigma^2), times the weight (1 + sigma^2) / sigma^2, is 1
    assert abs(float(loss) - 1) < 0.02


def test_restore_undoes_standardise_and_shifts_class_means_from_their_centre() -> None:
    model = denoiser()
    model.class_mean.copy_(torch.randn(2, 3, 2))
    model.scale.copy_(torch.rand(3, 2) + 0.5)
    latents, labels = torch.randn(4, 3, 2), torch.tensor([0, 1, 1, 0])
    clean = model.standardise(latents, labels)
    assert torch.allclose(model.restore(clean, labels, 1.0), latents, atol=1e-6)
    model.class_share.copy_(torch.tensor([0.8, 0.2]))
    control, case = model.restore(clean * 0, labels, 3.0)[:2]
    assert torch.allclose(
        case - control, 3 * (model.class_mean[1] - model.class_mean[0]), atol=1e-5
    )
    centre = 0.8 * model.class_mean[0] + 0.2 * model.class_mean[1]
    assert torch.allclose(0.8 * control + 0.2 * case, centre, atol=1e-5)


def test_labels_are_dropped_below_the_threshold_only() -> None:
    model = denoiser()
    for value in model.parameters():
        value.data.normal_(0, 0.3)
    clean, noise, sigma = torch.randn(6, 3, 2), torch.randn(6, 3, 2), torch.ones(6)

    def loss(label: int, keep: float) -> float:
        labels = torch.full((6,), label, dtype=torch.int64)
        return float(model(clean, labels, sigma, noise, torch.full((6,), keep)))

    assert loss(0, 0.5) != loss(1, 0.5)
    assert loss(0, 0.05) == loss(1, 0.05)


def test_guidance_is_linear_between_no_label_and_label() -> None:
    model = denoiser()
    for value in model.parameters():
        value.data.normal_(0, 0.3)
    x, sigma = torch.randn(5, 3, 2), torch.ones(5)
    label, none = torch.ones(5, dtype=torch.int64), torch.full((5,), 2)
    with torch.no_grad():
        labelled, unlabelled = model.denoise(x, sigma, label), model.denoise(x, sigma, none)
        assert torch.equal(guide(model, x, sigma, label, 1.0), labelled)
        assert torch.allclose(
            guide(model, x, sigma, label, 2.5), unlabelled + 2.5 * (labelled - unlabelled)
        )


class Gaussian(Denoiser):
    """The exact denoiser of latents that are N(mean, covariance)."""

    def __init__(self, mean: torch.Tensor, covariance: torch.Tensor) -> None:
        super().__init__(1, len(mean), 1, 4, 1, 1, 0.0)
        self.mean, self.covariance = mean, covariance

    def denoise(
        self, noisy: torch.Tensor, sigma: torch.Tensor, labels: torch.Tensor
    ) -> torch.Tensor:
        total = self.covariance + sigma[0].square() * torch.eye(len(self.mean))
        gain = self.covariance @ torch.linalg.inv(total)
        return self.mean + (noisy - self.mean) @ gain.T


def test_the_solver_draws_from_a_known_gaussian() -> None:
    mean = torch.tensor([0.1, -0.2])
    covariance = torch.tensor([[1.0, 0.6], [0.6, 0.8]])
    n = 40_000
    noise = torch.randn(n, 1, 2, generator=torch.Generator().manual_seed(1))
    drawn = solve(Gaussian(mean, covariance), noise, torch.zeros(n, dtype=torch.int64), 15, 1.0)
    drawn = drawn[:, 0]
    assert (drawn.mean(dim=0) - mean).abs().max() < 0.02
    assert (torch.cov(drawn.T) - covariance).abs().max() < 0.03


def test_the_solver_is_of_second_order() -> None:
    model = Gaussian(torch.zeros(1), torch.tensor([[0.5]]))
    noise, labels = torch.ones(1, 1, 1), torch.zeros(1, dtype=torch.int64)
    exact = float(10 * np.sqrt((0.5 + 0.05**2) / (0.5 + 10**2)))  # of the flow, at sigma 0.05
    last = 0.5 / (0.5 + 0.05**2)  # and one denoising step from there to 0
    errors = [abs(float(solve(model, noise, labels, s, 1.0)) - exact * last) for s in (20, 40, 80)]
    assert errors[0] / errors[1] > 3 and errors[1] / errors[2] > 3


def test_noise_levels_fall_to_zero() -> None:
    levels = noise_levels(10)
    assert len(levels) == 11 and levels[-1] == 0
    assert np.isclose(levels[0], 10) and np.isclose(levels[-2], 0.05)
    assert (np.diff(levels) < 0).all()
