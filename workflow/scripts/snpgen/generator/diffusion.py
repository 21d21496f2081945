"""The latent diffusion model: preconditioning and loss of Karras et al. 2022, and its network.

Latents are centred on their class means and scaled to unit variance, so sigma_data is 1. The label
conditions the network too, and is dropped at random in training, which is what classifier-free
guidance needs (Ho & Salimans 2022).
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from snpgen.generator.layers import TokenLinear, TokenMixer

SIGMA_DATA = 1.0
LOG_SIGMA_MEAN, LOG_SIGMA_STD = -0.2, 1.4  # of the noise levels seen in training, ln N(mean, std)


def draw_sigma(normal: Tensor) -> Tensor:
    """Noise levels of training from standard normals of any shape (Karras 2022, table 1)."""
    return (LOG_SIGMA_MEAN + LOG_SIGMA_STD * normal).exp()


class MixerLayer(nn.Module):
    """Mix between tokens, then a hidden layer of each token's own; both modulated by the condition."""

    def __init__(self, tokens: int, width: int, groups: int, condition: int) -> None:
        """Both branches start silent."""
        super().__init__()
        self.mixer = TokenMixer(tokens, groups)
        self.hidden = TokenLinear(tokens, width, width)
        self.out = TokenLinear(tokens, width, width, zero=True)
        self.modulation = nn.Linear(condition, 4 * width)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Map (n, tokens, width) under a condition (n, condition)."""
        scale, shift, scale2, shift2 = self.modulation(condition).unsqueeze(1).chunk(4, dim=2)
        x = x + self.mixer(_normalise(x) * (1 + scale) + shift)
        return x + self.out(F.silu(self.hidden(_normalise(x) * (1 + scale2) + shift2)))


def _normalise(x: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:])


class Denoiser(nn.Module):
    """D(x; sigma, label), the expected clean latent given a noisy one.

    Buffers `class_mean` (classes, tokens, channels) and `scale` (tokens, channels) carry latents of
    the autoencoder to the standardised space and back.
    """

    class_mean: Tensor
    class_share: Tensor
    scale: Tensor
    frequencies: Tensor

    def __init__(
        self,
        tokens: int,
        channels: int,
        classes: int,
        width: int,
        layers: int,
        groups: int,
        label_dropout: float,
    ) -> None:
        """`label_dropout` is the share of training people whose label is hidden."""
        super().__init__()
        condition = 4 * width
        self.classes, self.label_dropout = classes, label_dropout
        self.label = nn.Embedding(classes + 1, condition)  # the last one is "no label"
        self.register_buffer("frequencies", torch.randn(width) * 2 * math.pi)
        self.noise_level = nn.Linear(2 * width, condition)
        self.inputs = TokenLinear(tokens, channels, width)
        self.layers = nn.ModuleList(
            MixerLayer(tokens, width, groups, condition) for _ in range(layers)
        )
        self.outputs = TokenLinear(tokens, width, channels, zero=True)
        self.register_buffer("class_mean", torch.zeros(classes, tokens, channels))
        self.register_buffer("class_share", torch.full((classes,), 1 / classes))
        self.register_buffer("scale", torch.ones(tokens, channels))

    def standardise(self, latents: Tensor, labels: Tensor) -> Tensor:
        """Latents of the autoencoder to mean 0 in each class and variance 1."""
        return (latents - self.class_mean[labels]) / self.scale

    def restore(self, latents: Tensor, labels: Tensor, class_shift: float) -> Tensor:
        """Undo `standardise`, with class means `class_shift` times as far from their centre."""
        centre = (self.class_share[:, None, None] * self.class_mean).sum(dim=0)
        return latents * self.scale + centre + class_shift * (self.class_mean[labels] - centre)

    def denoise(self, noisy: Tensor, sigma: Tensor, labels: Tensor) -> Tensor:
        """D(x; sigma): `noisy` (n, tokens, channels), sigma (n,), labels int64 (n,), `classes` = none.

        Karras 2022, equation 7 and table 1.
        """
        sigma = sigma.view(-1, 1, 1)
        total = sigma.square() + SIGMA_DATA**2
        skip, out, scale = SIGMA_DATA**2 / total, sigma * SIGMA_DATA / total.sqrt(), total.rsqrt()
        return skip * noisy + out * self._network(scale * noisy, sigma.view(-1).log() / 4, labels)

    def _network(self, x: Tensor, noise_level: Tensor, labels: Tensor) -> Tensor:
        angle = noise_level.unsqueeze(1) * self.frequencies
        waves = torch.cat([angle.cos(), angle.sin()], dim=1)
        condition = F.silu(self.noise_level(waves) + self.label(labels))
        x = self.inputs(x)
        for layer in self.layers:
            x = layer(x, condition)
        return self.outputs(_normalise(x))

    def forward(
        self, clean: Tensor, labels: Tensor, sigma: Tensor, noise: Tensor, keep: Tensor
    ) -> Tensor:
        """Weighted loss (Karras 2022, equation 8) of standardised latents, a mean over dimensions.

        `keep` uniform (n,): labels are dropped where it is below `label_dropout`.
        """
        labels = torch.where(keep < self.label_dropout, self.classes, labels)
        denoised = self.denoise(clean + sigma.view(-1, 1, 1) * noise, sigma, labels)
        weight = (sigma.square() + SIGMA_DATA**2) / (sigma * SIGMA_DATA).square()
        return (weight.view(-1, 1, 1) * (denoised - clean).square()).mean()
