"""Sampling: latents by DPM-Solver++ (2M) with guidance, then genotypes from the decoder."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from snpgen.generator.diffusion import Denoiser
from snpgen.generator.vae import VAE

SIGMA_MIN, SIGMA_MAX = 0.05, 10.0
BATCH = 4096


class Guidance(NamedTuple):
    """Scale of classifier-free guidance (1 is none) and factor on the latents' class means."""

    scale: float
    class_shift: float


def noise_levels(steps: int) -> np.ndarray:
    """Noise levels from high to low and then 0, float64 (steps + 1,), even in ln sigma (Lu 2022).

    The usual Karras spacing inflates the variance of a Gaussian by 14 % at 10 steps; this, by 2 %.
    """
    return np.append(np.geomspace(SIGMA_MAX, SIGMA_MIN, steps), 0.0)


def guide(denoiser: Denoiser, x: Tensor, sigma: Tensor, labels: Tensor, scale: float) -> Tensor:
    """Denoise with guidance: D_none + scale (D_label - D_none); 1 is none (Ho & Salimans 2022)."""
    labelled = denoiser.denoise(x, sigma, labels)
    if scale == 1.0:
        return labelled
    unlabelled = denoiser.denoise(x, sigma, torch.full_like(labels, denoiser.classes))
    return unlabelled + scale * (labelled - unlabelled)


def solve(denoiser: Denoiser, noise: Tensor, labels: Tensor, steps: int, scale: float) -> Tensor:
    """Standardised latents from standard normal `noise`, in `steps` network passes.

    DPM-Solver++ (2M) (Lu et al. 2022, algorithm 2) with alpha = 1, so that lambda = -ln sigma.
    """
    sigmas = noise_levels(steps)
    x = noise * float(sigmas[0])
    previous, h_previous = None, 0.0
    for now, after in pairwise(sigmas):
        clean = guide(
            denoiser, x, torch.full((len(x),), float(now), device=x.device), labels, scale
        )
        if after == 0:
            return clean
        h = float(np.log(now / after))
        direction = clean
        if previous is not None:
            ratio = h / (2 * h_previous)
            direction = (1 + ratio) * clean - ratio * previous
        x = float(after / now) * x - float(np.expm1(-h)) * direction
        previous, h_previous = clean, h
    return x


@torch.no_grad()
def sample_genotypes(
    vae: VAE,
    denoiser: Denoiser,
    labels: np.ndarray,
    steps: int,
    guidance: Guidance,
    seed: int,
) -> np.ndarray:
    """Synthetic people with these labels (int64 (n,)): dosages int8 (n, n_variants)."""
    device = denoiser.scale.device
    generator = torch.Generator(device).manual_seed(seed)
    batches = []
    for start in range(0, len(labels), BATCH):
        batch = torch.from_numpy(labels[start : start + BATCH]).to(device)
        noise = torch.randn(len(batch), *vae.latent_shape, generator=generator, device=device)
        clean = solve(denoiser, noise, batch, steps, guidance.scale)
        latents = denoiser.restore(clean, batch, guidance.class_shift)
        batches.append(vae.draw(latents, batch, guidance.class_shift, generator).cpu().numpy())
    return np.concatenate(batches)


@torch.no_grad()
def reconstruct(vae: VAE, dosages: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """Real people through the autoencoder, posterior and decoder both sampled: int8 (n, n_variants)."""
    device = vae.class_bias.device
    generator = torch.Generator(device).manual_seed(seed)
    batches = []
    for start in range(0, len(labels), BATCH):
        batch = torch.from_numpy(labels[start : start + BATCH]).to(device)
        people = torch.from_numpy(dosages[start : start + BATCH]).long().to(device)
        latents = draw_latents(vae, people, generator)
        batches.append(vae.draw(latents, batch, 1.0, generator).cpu().numpy())
    return np.concatenate(batches)


@torch.no_grad()
def draw_latents(vae: VAE, dosages: Tensor, generator: torch.Generator) -> Tensor:
    """A draw from the posterior of people int64 (n, n_variants): float (n, n_blocks, channels)."""
    mean, log_variance = vae.encode(vae.tokens(dosages))
    noise = torch.randn(mean.shape, generator=generator, device=mean.device)
    return mean + noise * (log_variance / 2).exp()
