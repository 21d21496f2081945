"""The latent diffusion model: preconditioning and loss of Karras et al. 2022, and its network.

Latents are centred on what their conditions predict and whitened, so sigma_data is 1. The conditions
enter the network too, and the label is dropped at random in training, which is what classifier-free
guidance needs (Ho & Salimans 2022).
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIGMA_DATA = 1.0
LOG_SIGMA_MEAN, LOG_SIGMA_STD = -0.2, 1.4  # of the noise levels seen in training, ln N(mean, std)


def draw_sigma(normal: Tensor) -> Tensor:
    """Noise levels of training from standard normals of any shape (Karras 2022, table 1)."""
    return (LOG_SIGMA_MEAN + LOG_SIGMA_STD * normal).exp()


class ResidualLayer(nn.Module):
    """One hidden layer beside the identity, modulated by the condition (Perez et al. 2018)."""

    def __init__(self, width: int, condition: int) -> None:
        """The condition starts without effect."""
        super().__init__()
        self.hidden = nn.Linear(width, width)
        self.out = nn.Linear(width, width)
        self.modulation = nn.Linear(condition, 2 * width)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Map (n, width) under a condition (n, condition)."""
        scale, shift = self.modulation(condition).chunk(2, dim=1)
        return x + self.out(F.silu(self.hidden(_normalise(x) * (1 + scale) + shift)))


def _normalise(x: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:])


class Denoiser(nn.Module):
    """D(x; sigma, conditions), the expected clean latent given a noisy one.

    Buffers `mean` (conditions, latents) and `factor` (latents, latents) carry latents of the
    autoencoder to the standardised space and back.
    """

    mean: Tensor
    factor: Tensor
    frequencies: Tensor

    def __init__(
        self,
        latents: int,
        classes: int,
        conditions: int,
        width: int,
        layers: int,
        label_dropout: float,
    ) -> None:
        """The first `classes` of the `conditions` tell the label.

        `label_dropout` is the share of training people whose label is hidden.
        """
        super().__init__()
        self.classes, self.label_dropout = classes, label_dropout
        self.conditions = nn.Linear(conditions + 1, 4 * width)  # the last one is "no label"
        self.register_buffer("frequencies", torch.randn(width) * 2 * math.pi)
        self.noise_level = nn.Linear(2 * width, 4 * width)
        self.inputs = nn.Linear(latents, width)
        self.layers = nn.ModuleList(ResidualLayer(width, 4 * width) for _ in range(layers))
        self.outputs = nn.Linear(width, latents)
        nn.init.zeros_(self.outputs.weight)
        nn.init.zeros_(self.outputs.bias)
        self.register_buffer("mean", torch.zeros(conditions, latents))
        self.register_buffer("factor", torch.eye(latents))

    def fit_scale(self, mean: Tensor, variance: Tensor, conditions: Tensor) -> None:
        """Set `mean` and `factor` from posteriors: mean and variance (n, latents), conditions (n, c)."""
        x, y = conditions.double(), mean.double()
        self.mean.copy_(torch.linalg.pinv(x.T @ x) @ (x.T @ y))
        rest = y - x @ self.mean.double()
        covariance = rest.T @ rest / len(rest) + variance.double().mean(dim=0).diag()
        self.factor.copy_(torch.linalg.cholesky(covariance))

    def take_scale(self, mean: Tensor, covariance: Tensor) -> None:
        """Set them from a mean (latents,) and a covariance (latents, latents) whatever the conditions."""
        self.mean.zero_()
        self.mean[: self.classes] = mean  # the label's columns sum to 1
        self.factor.copy_(torch.linalg.cholesky(covariance))

    def standardise(self, latents: Tensor, conditions: Tensor) -> Tensor:
        """Latents of the autoencoder to mean 0 given the conditions, and to unit covariance."""
        rest = latents - conditions @ self.mean
        return torch.linalg.solve_triangular(self.factor, rest.T, upper=False).T

    def restore(self, latents: Tensor, conditions: Tensor) -> Tensor:
        """Undo `standardise`."""
        return latents @ self.factor.T + conditions @ self.mean

    def hide_label(self, conditions: Tensor, hidden: Tensor) -> Tensor:
        """Conditions (n, c + 1) as the network reads them; `hidden` (n,) bool: without their label."""
        shown = ~hidden.unsqueeze(1)
        label, others = conditions[:, : self.classes] * shown, conditions[:, self.classes :]
        return torch.cat([label, others, hidden.unsqueeze(1).to(conditions.dtype)], dim=1)

    def denoise(self, noisy: Tensor, sigma: Tensor, conditions: Tensor) -> Tensor:
        """D(x; sigma): `noisy` (n, latents), sigma (n,), conditions as `hide_label` gives them.

        Karras 2022, equation 7 and table 1.
        """
        sigma = sigma.unsqueeze(1)
        total = sigma.square() + SIGMA_DATA**2
        skip, out, scale = SIGMA_DATA**2 / total, sigma * SIGMA_DATA / total.sqrt(), total.rsqrt()
        return skip * noisy + out * self._network(scale * noisy, sigma.log() / 4, conditions)

    def _network(self, x: Tensor, noise_level: Tensor, conditions: Tensor) -> Tensor:
        angle = noise_level * self.frequencies
        waves = torch.cat([angle.cos(), angle.sin()], dim=1)
        condition = F.silu(self.noise_level(waves) + self.conditions(conditions))
        x = self.inputs(x)
        for layer in self.layers:
            x = layer(x, condition)
        return self.outputs(_normalise(x))

    def forward(
        self, clean: Tensor, conditions: Tensor, sigma: Tensor, noise: Tensor, keep: Tensor
    ) -> Tensor:
        """Weighted loss (Karras 2022, equation 8) of each person, a mean over dimensions, (n,).

        `clean` standardised latents; `keep` uniform (n,): labels are hidden where it is below
        `label_dropout`.
        """
        read = self.hide_label(conditions, keep < self.label_dropout)
        denoised = self.denoise(clean + sigma.unsqueeze(1) * noise, sigma, read)
        weight = (sigma.square() + SIGMA_DATA**2) / (sigma * SIGMA_DATA).square()
        return weight * (denoised - clean).square().mean(dim=1)
