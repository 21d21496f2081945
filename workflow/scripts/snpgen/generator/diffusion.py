"""The latent diffusion model: a denoiser of the autoencoder's latents.

Preconditioning, noise levels and loss follow EDM (Karras et al. 2022, arXiv 2206.00364); the network is a
multilayer perceptron. Latents are standardised first (mean 0 given the conditions, unit covariance), so
sigma_data is 1. The conditions are inputs of the network. In training, the label is masked for random
individuals, as classifier-free guidance requires (Ho & Salimans 2022, arXiv 2207.12598).
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIGMA_DATA = 1.0
LOG_SIGMA_MEAN, LOG_SIGMA_STD = -0.2, 1.4  # distribution of ln sigma in training


def training_sigma(normal: Tensor) -> Tensor:
    """Log-normal noise levels for training, from standard normals of any shape (Karras 2022, table 1)."""
    return (LOG_SIGMA_MEAN + LOG_SIGMA_STD * normal).exp()


class ResidualLayer(nn.Module):
    """Residual layer with feature-wise modulation by the conditions (FiLM, Perez et al. 2018)."""

    def __init__(self, width: int) -> None:
        """Initialise the modulation with zeros."""
        super().__init__()
        self.hidden = nn.Linear(width, width)
        self.out = nn.Linear(width, width)
        self.modulation = nn.Linear(width, 2 * width)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Apply the layer to `x` (n, width) given the embedded conditions (n, width)."""
        scale, shift = self.modulation(condition).chunk(2, dim=1)
        return x + self.out(F.silu(self.hidden(_normalise(x) * (1 + scale) + shift)))


def _normalise(x: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:])


class Denoiser(nn.Module):
    """D(x; sigma, conditions), the expected clean latent given a noisy latent x with noise SD sigma.

    The buffers `mean` (conditions, latents) and `factor` (latents, latents; a Cholesky factor) define the
    standardisation of the autoencoder's latents.
    """

    mean: Tensor
    factor: Tensor
    fourier_frequency: Tensor

    def __init__(
        self,
        latents: int,
        classes: int,
        conditions: int,
        width: int,
        layers: int,
        label_dropout: float,
    ) -> None:
        """Set up the network; `latents`, `classes` and `conditions` are numbers of columns.

        The first `classes` columns of the conditions encode the label. In training, the label is masked
        for a proportion `label_dropout` of the individuals.
        """
        super().__init__()
        self.architecture = {
            "latents": latents,
            "classes": classes,
            "conditions": conditions,
            "width": width,
            "layers": layers,
            "label_dropout": label_dropout,
        }
        self.classes, self.label_dropout = classes, label_dropout
        self.conditions = nn.Linear(conditions + 1, width)  # one input for "label masked"
        self.register_buffer("fourier_frequency", torch.randn(width) * 2 * math.pi)
        self.noise_level = nn.Linear(2 * width, width)
        self.inputs = nn.Linear(latents, width)
        self.layers = nn.ModuleList(ResidualLayer(width) for _ in range(layers))
        self.outputs = nn.Linear(width, latents)
        nn.init.zeros_(self.outputs.weight)
        nn.init.zeros_(self.outputs.bias)
        self.register_buffer("mean", torch.zeros(conditions, latents))
        self.register_buffer("factor", torch.eye(latents))

    def fit_standardisation(self, mean: Tensor, variance: Tensor, conditions: Tensor) -> None:
        """Set `mean` and `factor` from posterior means and variances (n, latents) and conditions (n, c)."""
        x, y = conditions.double(), mean.double()
        self.mean.copy_(torch.linalg.pinv(x.T @ x) @ (x.T @ y))
        residual = y - x @ self.mean.double()
        covariance = residual.T @ residual / len(residual) + variance.double().mean(dim=0).diag()
        self.factor.copy_(torch.linalg.cholesky(covariance))

    def set_standardisation(self, mean: Tensor, covariance: Tensor) -> None:
        """Set `mean` and `factor` from a mean (latents,) and covariance (latents, latents).

        Both are the same for all conditions.
        """
        self.mean.zero_()
        self.mean[: self.classes] = mean  # the columns of the label sum to 1
        self.factor.copy_(torch.linalg.cholesky(covariance))

    def sample_prior(self, conditions: Tensor, generator: torch.Generator) -> Tensor:
        """Sample standardised latents (n, latents) without the network: standard normal variables."""
        shape = len(conditions), len(self.factor)
        return torch.randn(shape, generator=generator, device=conditions.device)

    def standardise(self, latents: Tensor, conditions: Tensor) -> Tensor:
        """Transform the autoencoder's latents to unit covariance, and to mean 0 given the conditions."""
        residual = latents - conditions @ self.mean
        return torch.linalg.solve_triangular(self.factor, residual.T, upper=False).T

    def restore(self, latents: Tensor, conditions: Tensor) -> Tensor:
        """Invert `standardise`."""
        return latents @ self.factor.T + conditions @ self.mean

    def mask_label(self, conditions: Tensor, masked: Tensor) -> Tensor:
        """Inputs (n, c + 1) of the network from conditions (n, c) and `masked` bool (n,)."""
        shown = ~masked.unsqueeze(1)
        label, others = conditions[:, : self.classes] * shown, conditions[:, self.classes :]
        return torch.cat([label, others, masked.unsqueeze(1).to(conditions.dtype)], dim=1)

    def denoise(self, noisy: Tensor, sigma: Tensor, conditions: Tensor) -> Tensor:
        """D(x; sigma) for `noisy` (n, latents), sigma (n,) and conditions from `mask_label`.

        Karras 2022, equation 7 and table 1.
        """
        sigma = sigma.unsqueeze(1)
        total = sigma.square() + SIGMA_DATA**2
        skip, out, scale = SIGMA_DATA**2 / total, sigma * SIGMA_DATA / total.sqrt(), total.rsqrt()
        return skip * noisy + out * self._network(scale * noisy, sigma.log() / 4, conditions)

    def _network(self, x: Tensor, noise_level: Tensor, conditions: Tensor) -> Tensor:
        angle = noise_level * self.fourier_frequency
        features = torch.cat([angle.cos(), angle.sin()], dim=1)
        condition = F.silu(self.noise_level(features) + self.conditions(conditions))
        x = self.inputs(x)
        for layer in self.layers:
            x = layer(x, condition)
        return self.outputs(_normalise(x))

    def forward(
        self, clean: Tensor, conditions: Tensor, sigma: Tensor, noise: Tensor, uniform: Tensor
    ) -> Tensor:
        """Weighted loss of each individual (n,), averaged over latents (Karras 2022, equation 8).

        `clean` (n, latents) is standardised. The label is masked where `uniform` (n,), from 0 to 1, is
        below `label_dropout`.
        """
        inputs = self.mask_label(conditions, uniform < self.label_dropout)
        denoised = self.denoise(clean + sigma.unsqueeze(1) * noise, sigma, inputs)
        weight = (sigma.square() + SIGMA_DATA**2) / (sigma * SIGMA_DATA).square()
        return weight * (denoised - clean).square().mean(dim=1)
