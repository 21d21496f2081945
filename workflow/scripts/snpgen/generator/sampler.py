"""Sampling: latents by DPM-Solver++ (2M) with guidance, then haplotypes from the decoder."""

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from snpgen.generator.diffusion import Denoiser
from snpgen.generator.haplotypes import (
    BATCH,
    Choice,
    draw,
    draw_latents,
    draw_systematically,
    pass_along,
)
from snpgen.generator.vae import VAE
from snpgen.progress import Meter

SIGMA_MIN, SIGMA_MAX = 0.02, 10.0


def noise_levels(steps: int) -> np.ndarray:
    """Noise levels from high to low and then 0, float64 (steps + 1,), even in ln sigma (Lu 2022).

    The usual Karras spacing inflates the variance of a Gaussian by 14 % at 10 steps; this, by 2 %.
    """
    return np.append(np.geomspace(SIGMA_MAX, SIGMA_MIN, steps), 0.0)


def guide(denoiser: Denoiser, x: Tensor, sigma: Tensor, conditions: Tensor, scale: float) -> Tensor:
    """Denoise with guidance: D_none + scale (D_label - D_none); 1 is none (Ho & Salimans 2022)."""
    nobody = torch.zeros(len(x), dtype=torch.bool, device=x.device)
    labelled = denoiser.denoise(x, sigma, denoiser.hide_label(conditions, nobody))
    if scale == 1.0:
        return labelled
    unlabelled = denoiser.denoise(x, sigma, denoiser.hide_label(conditions, ~nobody))
    return unlabelled + scale * (labelled - unlabelled)


def solve(
    denoiser: Denoiser, noise: Tensor, conditions: Tensor, steps: int, scale: float
) -> Tensor:
    """Standardised latents from standard normal `noise`, in `steps` network passes.

    DPM-Solver++ (2M) (Lu et al. 2022, algorithm 2) with alpha = 1, so that lambda = -ln sigma.
    """
    sigmas = noise_levels(steps)
    x = noise * float(sigmas[0])
    previous, h_previous = None, 0.0
    for now, after in pairwise(sigmas):
        level = torch.full((len(x),), float(now), device=x.device)
        clean = guide(denoiser, x, level, conditions, scale)
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
def sample_latents(
    denoiser: Denoiser, conditions: Tensor, steps: int, scale: float, generator: torch.Generator
) -> Tensor:
    """Latents (n, n_latents) of the autoencoder for people of these conditions (n, c).

    With no `steps`, from the Gaussian that the diffusion model starts from: what is left of the
    generator without it.
    """
    shape = len(conditions), len(denoiser.factor)
    noise = torch.randn(shape, generator=generator, device=conditions.device)
    clean = solve(denoiser, noise, conditions, steps, scale) if steps else noise
    return denoiser.restore(clean, conditions)


def sample_genotypes(
    vae: VAE,
    denoiser: Denoiser,
    conditions: np.ndarray,
    steps: int,
    scale: float,
    systematic: bool,
    seed: int,
) -> np.ndarray:
    """Synthetic people with these conditions float32 (n, c): dosages int8 (n, n_variants).

    By sampling, never by argmax, which deletes rare alleles; `systematic`: so that the allele counts
    at each label are what the model expects.
    """
    device = denoiser.factor.device
    generator = torch.Generator(device).manual_seed(seed)
    effects = vae.allele_effects(denoiser.classes)
    batches = []
    meter = Meter(len(conditions), "samples")
    for start in range(0, len(conditions), BATCH):
        rows = slice(start, start + BATCH)
        batch = torch.from_numpy(conditions[rows]).to(device)
        latents = sample_latents(denoiser, batch, steps, scale, generator)
        strata = batch[:, : denoiser.classes].argmax(dim=1)
        choose = draw_systematically(strata, effects, generator) if systematic else draw(generator)
        batches.append(_genotypes(vae, latents, batch, choose))
        meter.add(len(batch))
    return np.concatenate(batches)


def _genotypes(vae: VAE, latents: Tensor, conditions: Tensor, choose: Choice) -> np.ndarray:
    return pass_along(vae, latents, conditions, choose).sum(dim=1, dtype=torch.int8).cpu().numpy()


@torch.no_grad()
def reconstruct(vae: VAE, dosages: np.ndarray, conditions: np.ndarray, seed: int) -> np.ndarray:
    """Real people through the autoencoder, posterior and decoder both sampled: int8 (n, n_variants)."""
    device = vae.bias.device
    generator = torch.Generator(device).manual_seed(seed)
    batches = []
    meter = Meter(len(dosages), "samples")
    for start in range(0, len(dosages), BATCH):
        rows = slice(start, start + BATCH)
        samples = torch.from_numpy(dosages[rows]).to(device)
        batch = torch.from_numpy(conditions[rows]).to(device)
        batches.append(
            _genotypes(vae, draw_latents(vae, samples, generator), batch, draw(generator))
        )
        meter.add(len(batch))
    return np.concatenate(batches)
